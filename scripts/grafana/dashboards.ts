import { genAi, increaseBy, type Panel, plain, quantile, rateBy, series } from "./panels.ts";

export interface Dashboard {
  /** File name and uid. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

const REFUSED = 'outcome=~"refused|upstream_error|truncated|broker_error"';
const TOP = 15;

/** The dashboards of infra/otel/grafana. Every metric in them is one of `INSTRUMENTS`. */
export const DASHBOARDS: readonly Dashboard[] = [
  {
    name: "spillway-overview",
    title: "Spillway: overview",
    description: "Whether calls are served, how fast, and what goes wrong.",
    rows: [
      {
        title: "Calls",
        panels: [
          {
            title: "Calls",
            description: "Calls that ended, by outcome. caller_gone is the caller's own decision and no fault.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: rateBy("outcome", series("requests")), legend: "{{outcome}}" }],
          },
          {
            title: "Share of calls that failed",
            description: "Refused by the broker, failed at the destination, cut off, or failed in the broker itself.",
            kind: "timeseries",
            unit: "percentunit",
            width: 12,
            thresholds: [0.01, 0.05],
            queries: [
              {
                expr: `sum(rate(${series("requests", REFUSED)}[$__rate_interval])) / sum(rate(${series("requests")}[$__rate_interval]))`,
                legend: "failed",
              },
            ],
          },
          {
            title: "Time to the first byte",
            description: "From the arrival of a call to the first byte of its answer: what a person at the other end waits for.",
            kind: "timeseries",
            unit: "s",
            width: 8,
            queries: [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, "firstByte"), legend: `p${q * 100}` })),
          },
          {
            title: "Duration of calls",
            description: "From the arrival of a call to the end of its answer; streams last as long as the model writes.",
            kind: "timeseries",
            unit: "s",
            width: 8,
            queries: [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, "duration"), legend: `p${q * 100}` })),
          },
          {
            title: "Calls in progress",
            description: "Of all instances together, and by instance.",
            kind: "timeseries",
            unit: "short",
            width: 8,
            queries: [
              { expr: `sum(${plain("active")})`, legend: "all" },
              { expr: `sum by (instance) (${plain("active")})`, legend: "{{instance}}" },
            ],
          },
        ],
      },
      {
        title: "What goes wrong",
        panels: [
          {
            title: "Refusals by code",
            description: "Answers that the broker made itself. Each code is explained in docs/operating.md.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: rateBy("code", series("refusals")), legend: "{{code}}" }],
          },
          {
            title: "Who is refused most",
            description: "Namespaces by refusals in the chosen time.",
            kind: "table",
            unit: "short",
            width: 12,
            queries: [{ expr: `topk(${TOP}, ${increaseBy("namespace, route, code", series("refusals"))})`, legend: "" }],
          },
        ],
      },
      {
        title: "The broker itself",
        panels: [
          {
            title: "Age of the configuration",
            description: "Since the manifests in force were loaded.",
            kind: "stat",
            unit: "s",
            width: 6,
            queries: [{ expr: `max(${plain("snapshotAge")})`, legend: "" }],
          },
          {
            title: "Refused reloads",
            description: "Manifests that were not taken because of faults. The last good ones serve on.",
            kind: "stat",
            unit: "short",
            width: 6,
            thresholds: [1, 1],
            queries: [{ expr: `sum(increase(${plain("reloads", 'outcome="failed"')}[$__range]))`, legend: "" }],
          },
          {
            title: "Secrets by state",
            description: "In the caches of all instances. stale: the store does not answer and the last value serves.",
            kind: "timeseries",
            unit: "short",
            width: 6,
            queries: [{ expr: `sum by (state) (${plain("secrets")})`, legend: "{{state}}" }],
          },
          {
            title: "Telemetry that was dropped",
            description: "Records, spans, log lines and events beyond a bound of memory, and usage that could not be told to its store.",
            kind: "timeseries",
            unit: "short",
            width: 6,
            thresholds: [0.001, 1],
            queries: [{ expr: `sum by (item) (rate(${plain("dropped")}[$__rate_interval]))`, legend: "{{item}}" }],
          },
        ],
      },
    ],
  },
  {
    name: "spillway-usage",
    title: "Spillway: usage and cost",
    description: "Who spends what. The ledger (spillway usage) is exact; these are counters of the instances that are up.",
    rows: [
      {
        title: "Cost",
        panels: [
          {
            title: "Cost in the chosen time",
            description: "US dollars, of calls whose price is known.",
            kind: "stat",
            unit: "currencyUSD",
            width: 6,
            queries: [{ expr: `sum(increase(${series("cost")}[$__range]))`, legend: "" }],
          },
          {
            title: "Calls of unknown price",
            description: "They used tokens and their price is not known: add models[].price to an AIBackendPolicy. Not counted as 0.",
            kind: "stat",
            unit: "short",
            width: 6,
            thresholds: [1, 1_000],
            queries: [{ expr: `sum(increase(${series("unpriced")}[$__range]))`, legend: "" }],
          },
          {
            title: "Cost an hour, by namespace",
            description: "US dollars an hour at the present rate.",
            kind: "timeseries",
            unit: "currencyUSD",
            width: 12,
            stacked: true,
            queries: [{ expr: `topk(${TOP}, 3600 * ${rateBy("namespace", series("cost"))})`, legend: "{{namespace}}" }],
          },
          {
            title: "Cost by namespace and service account",
            description: "In the chosen time.",
            kind: "table",
            unit: "currencyUSD",
            width: 12,
            queries: [{ expr: `topk(50, ${increaseBy("namespace, serviceAccount", series("cost"))})`, legend: "" }],
          },
          {
            title: "Cost by backend",
            description: "In the chosen time.",
            kind: "bargauge",
            unit: "currencyUSD",
            width: 12,
            queries: [{ expr: `topk(${TOP}, ${increaseBy("backend", series("cost"))})`, legend: "{{backend}}" }],
          },
        ],
      },
      {
        title: "Tokens",
        panels: [
          {
            title: "Tokens by type",
            description: "As the providers reported them. input includes cached, output includes reasoning.",
            kind: "timeseries",
            unit: "short",
            width: 12,
            queries: [{ expr: rateBy("type", series("tokens")), legend: "{{type}}" }],
          },
          {
            title: "Tokens by namespace",
            description: "Input and output together.",
            kind: "timeseries",
            unit: "short",
            width: 12,
            stacked: true,
            queries: [{ expr: `topk(${TOP}, ${rateBy("namespace", series("tokens", 'type=~"input|output"'))})`, legend: "{{namespace}}" }],
          },
          {
            title: "Input that came from the provider's cache",
            description: "Share of input tokens.",
            kind: "timeseries",
            unit: "percentunit",
            width: 12,
            queries: [
              {
                expr: `${rateBy("backend", series("tokens", 'type="cache_read"'))} / ${rateBy("backend", series("tokens", 'type="input"'))}`,
                legend: "{{backend}}",
              },
            ],
          },
          {
            title: "Calls by namespace",
            description: "All outcomes.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: `topk(${TOP}, ${rateBy("namespace", series("requests"))})`, legend: "{{namespace}}" }],
          },
        ],
      },
    ],
  },
  {
    name: "spillway-models",
    title: "Spillway: models and tools",
    description: "By the conventions for generative AI: which models and tools are called, how fast they are, and how often they fail.",
    rows: [
      {
        title: "Models",
        panels: [
          {
            title: "Calls by model",
            description: "A model becomes a label when it has answered once; others are _OTHER.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: `topk(${TOP}, ${rateBy("gen_ai_request_model", genAi("duration", "_count"))})`, legend: "{{gen_ai_request_model}}" }],
          },
          {
            title: "Errors by model and type",
            description: "Calls that failed.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [
              {
                expr: rateBy("gen_ai_request_model, error_type", genAi("duration", "_count", ',error_type!=""')),
                legend: "{{gen_ai_request_model}} {{error_type}}",
              },
            ],
          },
          {
            title: "Duration, p95",
            description: "Of the destination that answered, by model.",
            kind: "timeseries",
            unit: "s",
            width: 8,
            queries: [
              { expr: `histogram_quantile(0.95, ${rateBy("le, gen_ai_request_model", genAi("duration", "_bucket"))})`, legend: "{{gen_ai_request_model}}" },
            ],
          },
          {
            title: "Time to the first chunk, p95",
            description: "Of streamed answers, by provider.",
            kind: "timeseries",
            unit: "s",
            width: 8,
            queries: [
              { expr: `histogram_quantile(0.95, ${rateBy("le, gen_ai_provider_name", genAi("firstChunk", "_bucket"))})`, legend: "{{gen_ai_provider_name}}" },
            ],
          },
          {
            title: "Tokens for each call",
            description: "The mean, by model and type.",
            kind: "timeseries",
            unit: "short",
            width: 8,
            queries: [
              {
                expr: `${rateBy("gen_ai_request_model, gen_ai_token_type", genAi("tokenUsage", "_sum"))} / ${rateBy("gen_ai_request_model, gen_ai_token_type", genAi("tokenUsage", "_count"))}`,
                legend: "{{gen_ai_request_model}} {{gen_ai_token_type}}",
              },
            ],
          },
        ],
      },
      {
        title: "MCP",
        panels: [
          {
            title: "Requests to MCP servers",
            description: "By method and server.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: rateBy("mcp_method_name, backend", genAi("mcpDuration", "_count")), legend: "{{backend}} {{mcp_method_name}}" }],
          },
          {
            title: "Duration of requests, p95",
            description: "By method.",
            kind: "timeseries",
            unit: "s",
            width: 12,
            queries: [{ expr: `histogram_quantile(0.95, ${rateBy("le, mcp_method_name", genAi("mcpDuration", "_bucket"))})`, legend: "{{mcp_method_name}}" }],
          },
        ],
      },
    ],
  },
  {
    name: "spillway-limits",
    title: "Spillway: limits",
    description: "What usage limits say of calls, and how the store that counts them does.",
    rows: [
      {
        title: "Limits",
        panels: [
          {
            title: "Calls over a limit",
            description: "exceeded: refused, or passed on to the next tier. shadowed: only told (Shadow).",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: rateBy("limit, outcome", series("limitChecks", 'outcome=~"exceeded|shadowed"')), legend: "{{limit}} {{outcome}}" }],
          },
          {
            title: "Share of checks without room",
            description: "By limit; 1 means that nobody gets through.",
            kind: "bargauge",
            unit: "percentunit",
            width: 12,
            thresholds: [0.1, 0.5],
            queries: [
              {
                expr: `sum by (limit) (increase(${series("limitChecks", 'outcome="exceeded"')}[$__range])) / sum by (limit) (increase(${series("limitChecks")}[$__range]))`,
                legend: "{{limit}}",
              },
            ],
          },
          {
            title: "Who meets limits",
            description: "Namespaces and service accounts by calls over a limit.",
            kind: "table",
            unit: "short",
            width: 24,
            queries: [
              {
                expr: `topk(50, ${increaseBy("namespace, serviceAccount, limit, outcome", series("limitChecks", 'outcome=~"exceeded|shadowed"'))})`,
                legend: "",
              },
            ],
          },
        ],
      },
      {
        title: "The store",
        panels: [
          {
            title: "Exchanges with the store",
            description: "granted, refused or failed. Far fewer than calls: instances hold leases.",
            kind: "timeseries",
            unit: "ops",
            width: 8,
            stacked: true,
            queries: [{ expr: `sum by (outcome) (rate(${plain("limitStoreDuration")}_count[$__rate_interval]))`, legend: "{{outcome}}" }],
          },
          {
            title: "Time of an exchange",
            description: "A call waits 50 ms for it at most; then onStoreFailure decides.",
            kind: "timeseries",
            unit: "s",
            width: 8,
            thresholds: [0.025, 0.05],
            queries: [0.5, 0.99].map((q) => ({
              expr: `histogram_quantile(${q}, sum by (le) (rate(${plain("limitStoreDuration")}_bucket[$__rate_interval])))`,
              legend: `p${q * 100}`,
            })),
          },
          {
            title: "Checks without an answer of the store",
            description: "What followed was decided by each limit's onStoreFailure.",
            kind: "timeseries",
            unit: "reqps",
            width: 8,
            thresholds: [0.001, 0.1],
            queries: [{ expr: rateBy("limit", series("limitChecks", 'outcome="unavailable"')), legend: "{{limit}}" }],
          },
          {
            title: "Accounts in memory",
            description: "Of all instances: all, and those with a lease.",
            kind: "timeseries",
            unit: "short",
            width: 24,
            queries: [{ expr: `sum by (state) (${plain("limitAccounts")})`, legend: "{{state}}" }],
          },
        ],
      },
    ],
  },
  {
    name: "spillway-destinations",
    title: "Spillway: destinations, failover and regions",
    description: "How each backend does, what was passed on to another, and what region locks denied.",
    rows: [
      {
        title: "Backends",
        panels: [
          {
            title: "Attempts by outcome",
            description: "answer, or what went wrong before one came.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: rateBy("backend, outcome", series("attempts")), legend: "{{backend}} {{outcome}}" }],
          },
          {
            title: "Duration of attempts, p95",
            description: "By backend, from the first byte sent to the end of the answer.",
            kind: "timeseries",
            unit: "s",
            width: 12,
            queries: [{ expr: quantile(0.95, "attemptDuration", "backend"), legend: "{{backend}}" }],
          },
          {
            title: "Failovers by reason",
            description: "Attempts after which another backend was tried, inside the caller's one request.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            stacked: true,
            queries: [{ expr: rateBy("backend, reason", series("failovers")), legend: "{{backend}} {{reason}}" }],
          },
          {
            title: "Attempts for each call",
            description: "1 is the rule; the retry budget keeps it near that when everything fails.",
            kind: "timeseries",
            unit: "short",
            width: 12,
            thresholds: [1.1, 1.5],
            queries: [{ expr: `${rateBy("route", series("attempts"))} / ${rateBy("route", series("requests"))}`, legend: "{{route}}" }],
          },
        ],
      },
      {
        title: "Region locks",
        panels: [
          {
            title: "Denied by a lock",
            description: "region_locked: no destination inside. region_violated: an answer said it was processed elsewhere, or did not say where.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            thresholds: [0.001, 0.1],
            queries: [{ expr: rateBy("route, code", series("refusals", 'code=~"region_locked|region_violated"')), legend: "{{route}} {{code}}" }],
          },
          {
            title: "Untrusted destinations",
            description: "Certificate, name, pin or revocation list.",
            kind: "timeseries",
            unit: "reqps",
            width: 12,
            thresholds: [0.001, 0.1],
            queries: [{ expr: rateBy("backend", series("attempts", 'outcome="untrusted"')), legend: "{{backend}}" }],
          },
          {
            title: "Copies for mirrors",
            description: "By what came of them.",
            kind: "timeseries",
            unit: "reqps",
            width: 24,
            stacked: true,
            queries: [{ expr: rateBy("backend, outcome", series("mirrors")), legend: "{{backend}} {{outcome}}" }],
          },
        ],
      },
    ],
  },
];
