import type { Outlet } from "../../src/index.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { readTelemetrySettings } from "../telemetry/telemetry-settings.ts";
import { readSinkAddress, type SinkAddress } from "./sink-address.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A region as providers write it (`eu-central-1`, `westeurope`), or a country. */
const PLACE = /^(?:[a-z][a-z0-9-]{1,62}|[A-Z]{2})$/;

/**
 * By which ways something of calls leaves a broker on Node, as the environment says: the collector of `OTEL_*`, `SPILLWAY_SINK` else `K_SINK`, and
 * `SPILLWAY_ANSWER_SINK`. `SPILLWAY_TELEMETRY_REGION`, `SPILLWAY_SINK_REGION` and `SPILLWAY_ANSWER_SINK_REGION` say where one is whose name does not
 * tell. Throws at once on a region that cannot be one.
 */
export function nodeOutlets(environment: Environment): readonly Outlet[] {
  const sink = readSinkAddress("SPILLWAY_SINK", environment["SPILLWAY_SINK"]);
  const bound = environment["K_SINK"]?.trim() ?? "";
  const answers = readSinkAddress("SPILLWAY_ANSWER_SINK", environment["SPILLWAY_ANSWER_SINK"]);
  const region = readPlace("SPILLWAY_SINK_REGION", environment["SPILLWAY_SINK_REGION"]);
  const events: Outlet[] = [];
  if (sink !== null) events.push({ kind: "events", name: "SPILLWAY_SINK", hostname: hostOfSink(sink, environment), region });
  else if (bound !== "") events.push({ kind: "events", name: "K_SINK", hostname: hostOf(bound), region });
  if (answers !== null) {
    const own = readPlace("SPILLWAY_ANSWER_SINK_REGION", environment["SPILLWAY_ANSWER_SINK_REGION"]);
    events.push({ kind: "events", name: "SPILLWAY_ANSWER_SINK", hostname: hostOfSink(answers, environment), region: own });
  }
  return [...telemetryOutlets(environment), ...events];
}

/** The same in a Worker, where a sink may be a queue that is bound to it: a queue has no name, and its place is known by word only. */
export function workerOutlets(bindings: Readonly<Record<string, unknown>>): readonly Outlet[] {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(bindings)) if (typeof value === "string") variables[name] = value;
  const events = ["SPILLWAY_SINK", "SPILLWAY_ANSWER_SINK"].flatMap((name): Outlet[] => {
    const value = bindings[name];
    if (value === undefined || value === null || value === "") return [];
    const hostname = typeof value === "string" ? hostOf(value.trim()) : null;
    return [{ kind: "events", name, hostname, region: readPlace(`${name}_REGION`, variables[`${name}_REGION`]) }];
  });
  return [...telemetryOutlets(variables), ...events];
}

function telemetryOutlets(environment: Environment): readonly Outlet[] {
  const { traces, metrics } = readTelemetrySettings(environment);
  const region = readPlace("SPILLWAY_TELEMETRY_REGION", environment["SPILLWAY_TELEMETRY_REGION"]);
  const hosts = new Set([traces, metrics].flatMap((target) => (target === null ? [] : [hostOf(target.url)])));
  return [...hosts].map((hostname) => ({ kind: "telemetry", name: "OTEL_EXPORTER_OTLP_ENDPOINT", hostname, region }));
}

function hostOfSink(address: SinkAddress, environment: Environment): string | null {
  if (address.kind === "http") return hostOf(address.url);
  const endpoint = configuredEndpoint(environment, address.kind === "sqs" ? "sqs" : "events");
  if (endpoint !== null) return hostOf(endpoint);
  if (address.kind === "sqs") return hostOf(address.queueUrl);
  const region = address.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  return region === undefined ? null : `events.${region}.amazonaws.com`;
}

function hostOf(url: string): string | null {
  return URL.parse(url)?.hostname ?? null;
}

/** A setting that says where something is: a region or a country; null: it says nothing. Throws on what can be neither. */
export function readPlace(name: string, value: string | undefined): string | null {
  const region = value?.trim() || null;
  if (region !== null && !PLACE.test(region)) throw new Error(`${name} must be a region such as eu-central-1, or a country such as DE`);
  return region;
}
