import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import type { Outlet } from "../../src/index.ts";
import type { TestManifests } from "../fakes/manifests.ts";
import { createUsageRecords } from "../fakes/usage-records.ts";
import { chat, type Installation, type InstallationOptions, install } from "./installation.ts";

const FRANKFURT = { region: "eu-central-1", country: null };
const VIRGINIA = { region: "us-east-1", country: null };

const lock = (also: string) => `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu-only, namespace: team-a}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]
  allow: {jurisdictions: [EU]}
  also: ${also}`;

/** A backend in Frankfurt whose key is kept where `source` says. */
const keptIn = (source: string, also: string): TestManifests => ({
  backends: [{ name: "first", port: 8001, region: "eu-central-1", api: "OpenAI", key: null }],
  more: `${lock(also)}
---
apiVersion: spillway.dev/v1alpha1
kind: SecretSource
metadata: {name: key, namespace: team-a}
spec: ${source}
---
apiVersion: spillway.dev/v1alpha1
kind: BackendCredentialPolicy
metadata: {name: first, namespace: team-a}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]
  type: Bearer
  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: key}}`,
});

const aws = (region: string) => `{awsSecretsManager: {secretId: key, region: ${region}}}`;

/** What the one rule says of itself after a load that does not throw. */
function programmed(manifests: TestManifests): string {
  const one = install(null);
  const { conditions } = one.load(manifests);
  return JSON.stringify(conditions.filter(({ kind }) => kind === "HTTPRoute"));
}

describe("also.secretSources", () => {
  it("leaves a rule whose key is kept inside", () => {
    expect(programmed(keptIn(aws("eu-west-1"), "{secretSources: true}"))).not.toContain("secret sources");
  });

  it.each([
    ["of AWS elsewhere", aws("us-east-1"), "is kept in us-east-1"],
    ["of Google without a location, which keeps copies anywhere", "{googleSecretManager: {name: projects/p/secrets/s}}", "nothing says in which region"],
    ["of Google elsewhere", "{googleSecretManager: {name: projects/p/locations/us-east1/secrets/s, location: us-east1}}", "is kept in us-east1"],
  ])("refuses at compile a rule whose key is kept in a store %s", (_name, source, reason) => {
    expect(programmed(keptIn(source, "{secretSources: true}"))).toContain(reason);
    expect(programmed(keptIn(source, "{secretSources: false}"))).not.toContain(reason);
  });

  it("takes a key of a file to be where the broker runs, and unknown is refused", async () => {
    const manifests: TestManifests = {
      backends: [{ name: "first", port: 8001, region: "eu-central-1", api: "OpenAI", key: "value" }],
      more: lock("{secretSources: true}"),
    };
    const one = install(manifests);
    expect((await one.call({ ...chat(), place: FRANKFURT })).received()?.status).toBe(200);
    for (const place of [VIRGINIA, { region: null, country: null }]) {
      const refused = await one.call({ ...chat(), place });
      expect(refused.header("x-egress-error")).toEqual(["region_locked"]);
    }
    expect(one.asked.filter((file) => file === "first.key")).toHaveLength(1);
    expect(one.log.at(-1)?.["detail"]).toContain("binds secret sources too");
  });
});

describe("also.tokenEndpoints", () => {
  const federated = (also: string): TestManifests => ({
    backends: [{ name: "first", port: 8001, region: "eu-central-1", api: "OpenAI", key: "value" }],
    more: lock(also),
  });
  const vertex = (federation: boolean, also: string): TestManifests => ({
    backends: [{ name: "first", port: 8001, region: "eu-central-1", key: null }],
    more: `${lock(also)}
---
apiVersion: spillway.dev/v1alpha1
kind: BackendCredentialPolicy
metadata: {name: first, namespace: team-a}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]
  type: GCP
  gcp: ${
    federation
      ? "{credentials: {workloadIdentityFederation: {audience: //iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x, token: {file: {path: /tokens/gcp}}}}}"
      : "{}"
  }`,
  });

  it("refuses at compile a rule whose tokens come from an endpoint for the whole world", () => {
    expect(programmed(vertex(true, "{tokenEndpoints: true}"))).toContain("nothing says in which region sts.googleapis.com is");
    expect(programmed(vertex(true, "{}"))).not.toContain("token endpoints");
  });

  it("takes the machine's own metadata server to be where the broker runs", async () => {
    const one = install(vertex(false, "{tokenEndpoints: true}"));
    const refused = await one.call({ ...chat(), place: VIRGINIA });
    expect(refused.header("x-egress-error")).toEqual(["region_locked"]);
    expect(one.log.at(-1)?.["detail"]).toContain("binds token endpoints too");
    expect(one.transport.sent).toEqual([]);
  });

  it("is content with a credential that is no token", async () => {
    const one = install(federated("{tokenEndpoints: true}"));
    expect((await one.call(chat())).received()?.status).toBe(200);
  });
});

describe("also.mirrors", () => {
  const mirrored = (also: string): TestManifests => ({
    backends: [
      { name: "first", port: 8001, region: "eu-central-1", api: "OpenAI" },
      { name: "shadow", port: 8002, region: "us-east-1", api: "OpenAI" },
    ],
    rule: "    filters: [{type: RequestMirror, requestMirror: {backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: shadow}}}]",
    more: lock(also),
  });
  const sentTo = async (one: Installation) => {
    await one.call(chat());
    return one.transport.sent.map(({ to }) => to).sort();
  };

  it("stand in the audit log, with where they went", async () => {
    const one = install(mirrored("{mirrors: false}"), { audit: "locked" });
    await one.call(chat());
    const told = one.events.filter(({ type }) => type === "audit").map(({ data }) => data);
    const copy = told.find(({ kind }) => kind === "mirror");
    expect(copy?.["facts"]).toMatchObject({
      lock: ["team-a/eu-only"],
      attempts: [{ backend: "XBackend/team-a/shadow", outcome: "answer", decision: "unlocked" }],
    });
  });

  it("keeps copies inside unless a policy says that it does not", async () => {
    expect(await sentTo(install(mirrored("{}")))).toEqual(["first"]);
    expect(await sentTo(install(mirrored("{mirrors: true}")))).toEqual(["first"]);
    expect(await sentTo(install(mirrored("{mirrors: false}")))).toEqual(["first", "shadow"]);
  });
});

describe("also.telemetry and also.eventSinks", () => {
  const collector = (parts: Partial<Outlet> = {}): Outlet => ({
    kind: "telemetry",
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    hostname: "otel.example",
    region: null,
    ...parts,
  });
  const sink = (parts: Partial<Outlet> = {}): Outlet => ({ kind: "events", name: "SPILLWAY_SINK", hostname: "events.example", region: null, ...parts });
  const usage = (parts: Partial<Outlet>): Outlet => ({ kind: "usage", name: "limits.store", hostname: null, region: null, ...parts });
  const locked = (also: string): TestManifests => ({ backends: [{ name: "first", port: 8001, region: "eu-central-1", api: "OpenAI" }], more: lock(also) });

  function traced(manifests: TestManifests, options: InstallationOptions) {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    return { one: install(manifests, { ...options, tracer: provider.getTracer("test") }), spans: () => exporter.getFinishedSpans() };
  }

  it.each([
    ["by word", collector({ region: "eu-west-1" })],
    ["by the word for a country", collector({ region: "DE" })],
    ["by its name", collector({ hostname: "xray.eu-central-1.amazonaws.com" })],
    ["beside the broker", collector({ hostname: "collector.monitoring.svc.cluster.local" })],
  ])("leave a call alone whose collector is inside, %s", async (_how, outlet) => {
    const { one, spans } = traced(locked("{telemetry: true}"), { outlets: [outlet] });
    expect((await one.call({ ...chat(), place: FRANKFURT })).received()?.status).toBe(200);
    expect(spans()).toHaveLength(2);
    expect(one.broker.notices()).toEqual([]);
  });

  it.each([
    ["by word", collector({ region: "us-east-1" }), "leads to us-east-1"],
    ["by its name", collector({ hostname: "otel.us-east-1.api.aws" }), "leads to us-east-1"],
    ["as nobody knows", collector(), "nothing says where"],
    ["by a region that is none", collector({ region: "moon-1" }), "leads to moon-1"],
  ])("refuse a call whose collector is outside, %s, and say so from the start; no span of it leaves", async (_how, outlet, reason) => {
    const { one, spans } = traced(locked("{telemetry: true}"), { outlets: [outlet] });
    expect(one.broker.notices()).toEqual([expect.stringContaining(reason)]);
    expect(one.broker.status()["notices"]).toEqual(one.broker.notices());
    expect(one.events.find(({ type }) => type === "config.loaded")?.data["notices"]).toEqual(one.broker.notices());
    const refused = await one.call({ ...chat(), place: FRANKFURT });
    expect(refused.received()?.status).toBe(403);
    expect(refused.header("x-egress-error")).toEqual(["region_locked"]);
    expect(one.transport.sent).toEqual([]);
    expect(spans()).toEqual([]);
    expect(one.events.some(({ type }) => type === "egress.denied")).toBe(true);
  });

  it("refuse a call where the collector lies beside a broker that lies outside, or nobody knows where", async () => {
    const { one } = traced(locked("{telemetry: true}"), { outlets: [collector({ hostname: "localhost" })] });
    expect((await one.call({ ...chat(), place: VIRGINIA })).received()?.status).toBe(403);
    expect((await one.call(chat())).received()?.status).toBe(403);
    expect((await one.call({ ...chat(), place: FRANKFURT })).received()?.status).toBe(200);
  });

  it("keep every event of a refused call from a sink outside, its audit record too", async () => {
    const one = install(locked("{eventSinks: true}"), { outlets: [sink()], audit: "locked" });
    expect((await one.call(chat())).received()?.status).toBe(403);
    expect(one.events.filter(({ type, data }) => type.startsWith("egress.") || data["kind"] === "call")).toEqual([]);
    const inside = install(locked("{eventSinks: true}"), {
      outlets: [sink({ region: "eu" }), sink({ name: "SPILLWAY_ANSWER_SINK", region: "DE" })],
      audit: "locked",
    });
    // OpenAI's word `eu` takes in Switzerland, which is no member of the Union.
    expect((await inside.call(chat())).received()?.status).toBe(403);
  });

  it.each([
    ["by its name", { hostname: "dynamodb.us-east-1.amazonaws.com" }, "limits.store leads to us-east-1"],
    ["as nobody knows", { hostname: null }, "nothing says where limits.store leads"],
  ])("refuse a call whose usage store is outside, %s: nothing of it goes there, and its span does leave", async (_how, parts, reason) => {
    const store = createUsageRecords();
    const { one, spans } = traced(locked("{telemetry: true}"), { store, usageOutlet: usage(parts) });
    expect(one.broker.notices()).toEqual([expect.stringContaining(reason)]);
    expect(one.broker.status()["outlets"]).toMatchObject([{ kind: "usage", name: "limits.store" }]);
    const refused = await one.call({ ...chat(), place: FRANKFURT });
    expect([refused.received()?.status, refused.header("x-egress-error")]).toEqual([403, ["region_locked"]]);
    await one.broker.flushUsage(AbortSignal.timeout(1_000));
    expect(store.batches).toEqual([]);
    expect(one.transport.sent).toEqual([]);
    expect(spans()).toHaveLength(1);
  });

  it("leave a call alone whose usage store is inside, or is the broker's own memory", async () => {
    for (const outlet of [{ usageOutlet: usage({ hostname: null, region: "DE" }) }, {}]) {
      const store = createUsageRecords();
      const { one } = traced(locked("{telemetry: true}"), { store, ...outlet });
      expect((await one.call({ ...chat(), place: FRANKFURT })).received()?.status).toBe(200);
      await one.broker.flushUsage(AbortSignal.timeout(1_000));
      expect(store.total().requests).toBe(1);
      expect(one.broker.notices()).toEqual([]);
    }
  });

  it("bind nothing where no policy says so", async () => {
    const { one, spans } = traced(locked("{}"), { outlets: [collector(), sink()] });
    expect((await one.call(chat())).received()?.status).toBe(200);
    expect(spans()).toHaveLength(2);
    expect(one.broker.notices()).toEqual([]);
  });
});
