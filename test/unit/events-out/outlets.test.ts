import { describe, expect, it } from "vitest";
import { nodeOutlets, workerOutlets } from "../../../adapters/events/outlets.ts";
import { locateOutlet } from "../../../src/model/outlet.ts";

const HERE = { region: "eu-west-1", country: null };

describe("where what is told of calls goes, as the environment says", () => {
  it.each([
    ["nothing", {}, []],
    ["a sink of Knative", { K_SINK: "http://broker-ingress.knative-eventing.svc.cluster.local/ns/default" }, [["K_SINK", "eu-west-1", "beside"]]],
    ["a URL", { SPILLWAY_SINK: "https://events.example/in" }, [["SPILLWAY_SINK", null, "none"]]],
    ["a URL that somebody vouches for", { SPILLWAY_SINK: "https://events.example/in", SPILLWAY_SINK_REGION: "DE" }, [["SPILLWAY_SINK", "DE", "attested"]]],
    ["a queue", { SPILLWAY_SINK: "sqs:https://sqs.eu-central-1.amazonaws.com/1/q" }, [["SPILLWAY_SINK", "eu-central-1", "host"]]],
    ["a bus by name", { SPILLWAY_SINK: "eventbridge:bus", AWS_REGION: "eu-north-1" }, [["SPILLWAY_SINK", "eu-north-1", "host"]]],
    [
      "a bus behind another endpoint",
      { SPILLWAY_SINK: "eventbridge:bus", AWS_REGION: "eu-north-1", AWS_ENDPOINT_URL_EVENTBRIDGE: "https://elsewhere.example" },
      [["SPILLWAY_SINK", null, "none"]],
    ],
    [
      "a sink of its own for answers, for which nobody vouches",
      { K_SINK: "http://sink.ns.svc", SPILLWAY_ANSWER_SINK: "https://answers.example", SPILLWAY_SINK_REGION: "eu-west-1" },
      [
        ["K_SINK", "eu-west-1", "attested"],
        ["SPILLWAY_ANSWER_SINK", null, "none"],
      ],
    ],
    [
      "two collectors",
      {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://a.example/t",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "https://b.example/m",
        SPILLWAY_TELEMETRY_REGION: "eu-west-3",
      },
      [
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "eu-west-3", "attested"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "eu-west-3", "attested"],
      ],
    ],
    ["a collector on the same machine", { OTEL_TRACES_EXPORTER: "otlp" }, [["OTEL_EXPORTER_OTLP_ENDPOINT", "eu-west-1", "beside"]]],
  ])("%s", (_what, environment: Record<string, string>, expected) => {
    const found = nodeOutlets(environment).map((outlet) => {
      const { place, evidence } = locateOutlet(outlet, HERE);
      return [outlet.name, place.region ?? place.country, evidence];
    });
    expect(found).toEqual(expected);
  });

  it("a Worker's queue is where its deployer says", () => {
    const queue = { sendBatch: async () => undefined };
    expect(workerOutlets({ SPILLWAY_SINK: queue })).toEqual([{ kind: "events", name: "SPILLWAY_SINK", hostname: null, region: null }]);
    expect(workerOutlets({ SPILLWAY_SINK: queue, SPILLWAY_SINK_REGION: "eu" })).toMatchObject([{ region: "eu" }]);
  });

  it("refuses to start on a region that cannot be one", () => {
    expect(() => nodeOutlets({ SPILLWAY_SINK: "https://events.example", SPILLWAY_SINK_REGION: "Europe!" })).toThrow("SPILLWAY_SINK_REGION");
  });

  it.each([
    "svc.cluster.local.evil.example",
    "localhost.evil.example",
    "eu-central-1.amazonaws.com.evil.example",
    "sqs.moon-central-1.amazonaws.com",
    "10.0.0.7",
    "evil.example#.svc",
  ])("is not deceived by %s", (hostname) => {
    expect(locateOutlet({ kind: "events", name: "x", hostname, region: null }, HERE).evidence).toBe("none");
  });
});
