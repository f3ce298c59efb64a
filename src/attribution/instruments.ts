import { ATTRIBUTE } from "./semconv.ts";

/** One metric: its OpenTelemetry name and unit, from which the Prometheus name follows. */
export interface Instrument {
  readonly name: string;
  readonly kind: "counter" | "upDownCounter" | "gauge" | "histogram";
  /** UCUM: `s`, `By`, `{token}`. */
  readonly unit: string;
  readonly help: string;
  /** Labels beyond those of the series, in the order of their values. */
  readonly labels: readonly string[];
  /** Upper bounds of the buckets, inclusive; empty but for histograms. */
  readonly bounds: readonly number[];
}

/** The labels on every request, attempt, token and denial series (gateway-api-enhancement "egress gateways", Observability). */
export const SERIES_LABELS = ["gateway", "route", "backend", "namespace", "serviceAccount"] as const;

// The conventions' advice for HTTP, continued upwards: a model may think for minutes.
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300, 600];
// A store beside the broker answers within a millisecond; a call waits 50 ms for it at most.
const STORE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export function counter(name: string, unit: string, labels: readonly string[], help: string): Instrument {
  return { name, kind: "counter", unit, help, labels, bounds: [] };
}
function gauge(name: string, unit: string, labels: readonly string[], help: string): Instrument {
  return { name, kind: "gauge", unit, help, labels, bounds: [] };
}
export function histogram(name: string, unit: string, bounds: readonly number[], labels: readonly string[], help: string): Instrument {
  return { name, kind: "histogram", unit, help, labels, bounds };
}

const HTTP_LABELS = [ATTRIBUTE.method, ATTRIBUTE.statusCode];

/** Every metric that the broker has but those of the GenAI conventions, which are in `genai-instruments.ts`. */
export const INSTRUMENTS = {
  requests: counter("egress.requests", "{request}", ["outcome", "code"], "Calls that ended, by outcome and status sent to the caller."),
  refusals: counter("egress.refusals", "{request}", ["code"], "Calls that the broker refused or failed, by its own code."),
  attempts: counter("egress.attempts", "{attempt}", ["outcome"], "Attempts at a backend, by what came of them."),
  failovers: counter("egress.failovers", "{failover}", ["reason"], "Attempts after which another backend was tried, by reason."),
  mirrors: counter("egress.mirrors", "{copy}", ["outcome"], "Copies of calls for a mirror, by what came of them or why they were not sent."),
  tokens: counter("egress.tokens", "{token}", ["type"], "Tokens as the providers reported them; input includes cached, output includes reasoning."),
  limitChecks: counter(
    "egress.limit.checks",
    "{check}",
    ["limit", "outcome"],
    "What limits said of calls: held (there was room), exceeded, shadowed (exceeded, and only told), unavailable (the store gave no answer).",
  ),
  limitStoreDuration: histogram(
    "egress.limit.store.duration",
    "s",
    STORE_SECONDS,
    ["outcome"],
    "Exchanges with the store that counts limits, by outcome: granted, refused or failed.",
  ),
  limitAccounts: gauge(
    "egress.limit.accounts",
    "{account}",
    ["state"],
    "Accounts of limits that this instance knows: all of them, and those of which it holds a lease.",
  ),
  cost: counter("egress.cost", "{USD}", [], "What calls cost, in US dollars, as far as prices are known and in dollars."),
  unpriced: counter("egress.cost.unknown", "{request}", [], "Calls that used tokens whose price in US dollars is not known."),
  io: counter("egress.io", "By", ["direction"], "Bytes of request and answer bodies."),
  duration: histogram("http.server.request.duration", "s", SECONDS, HTTP_LABELS, "Time from the arrival of a call to the end of its answer."),
  firstByte: histogram("egress.time_to_first_byte", "s", SECONDS, [], "Time from the arrival of a call to the first byte of its answer's body."),
  attemptDuration: histogram("http.client.request.duration", "s", SECONDS, HTTP_LABELS, "Duration of attempts at a backend."),
  active: { name: "http.server.active_requests", kind: "upDownCounter", unit: "{request}", help: "Calls in progress.", labels: [], bounds: [] },
  dropped: counter(
    "egress.telemetry.dropped",
    "{item}",
    ["item"],
    "Records, spans, log lines, events and usage of calls that were dropped because a bound was reached.",
  ),
  reloads: counter("egress.config.reloads", "{reload}", ["outcome"], "Loads of the configuration: ok, or failed and the last good one kept."),
  snapshotAge: gauge("egress.config.snapshot.age", "s", [], "Seconds since the configuration in force was loaded."),
  degraded: gauge("egress.degraded", "{part}", ["part", "reason"], "What is degraded in this instance now, as /-/status lists it."),
  secrets: gauge("egress.secret.cache", "{secret}", ["state"], "Secrets in the cache, by state."),
} as const satisfies Record<string, Instrument>;

/** The name under which Prometheus sees it, by the rules of the OpenTelemetry to Prometheus mapping. */
export function prometheusName(instrument: Instrument): string {
  const base = instrument.name.replaceAll(".", "_");
  const unit = instrument.unit === "s" ? "_seconds" : instrument.unit === "By" ? "_bytes" : "";
  return `${base}${unit}${instrument.kind === "counter" ? "_total" : ""}`;
}
