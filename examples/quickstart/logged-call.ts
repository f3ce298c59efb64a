import { asList, asObject, asText } from "../providers/json-fields.ts";

/** What the quickstart reads from one line of the broker's access log. */
export interface LoggedCall {
  readonly requestId: string;
  /** `namespace/serviceAccount`, or null for a caller that was not identified. */
  readonly caller: string | null;
  readonly method: string;
  readonly path: string;
  /** `namespace/route/rule`. */
  readonly route: string | null;
  readonly model: string | null;
  /** Name of the backend that was tried last, without kind and namespace. */
  readonly backend: string | null;
  readonly region: string | null;
  readonly attempts: readonly { readonly backend: string; readonly status: number; readonly outcome: string; readonly credential: string | null }[];
  readonly status: number;
  readonly outcome: string;
  readonly refusal: string | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly durationMs: number | null;
}

/** Reads a line of standard output; null when it is not a call. */
export function parseLoggedCall(line: string): LoggedCall | null {
  if (!line.startsWith("{")) return null;
  let entry: Readonly<Record<string, unknown>>;
  try {
    entry = asObject(JSON.parse(line));
  } catch {
    return null;
  }
  const requestId = asText(entry["request_id"]);
  if (entry["msg"] !== "egress" || requestId === null) return null;
  const namespace = asText(entry["namespace"]);
  return {
    requestId,
    caller: namespace === null ? null : `${namespace}/${asText(entry["service_account"]) ?? "-"}`,
    method: asText(entry["method"]) ?? "",
    path: asText(entry["path"]) ?? "",
    route: asText(entry["rule"]) ?? asText(entry["route"]),
    model: asText(entry["model"]),
    backend: shortName(entry["backend"]),
    region: asText(entry["region"]),
    attempts: asList(entry["attempts"]).map((item) => {
      const attempt = asObject(item);
      return {
        backend: shortName(attempt["backend"]) ?? "",
        status: asNumber(attempt["status"]) ?? 0,
        outcome: asText(attempt["outcome"]) ?? "",
        credential: asText(attempt["credential"]),
      };
    }),
    status: asNumber(entry["status"]) ?? 0,
    outcome: asText(entry["outcome"]) ?? "",
    refusal: asText(entry["refusal"]),
    inputTokens: asNumber(entry["input_tokens"]),
    outputTokens: asNumber(entry["output_tokens"]),
    durationMs: asNumber(entry["duration_ms"]),
  };
}

/** One line for people. */
export function describeCall(call: LoggedCall): string {
  const way = call.attempts.map((attempt) => `${attempt.backend} ${attempt.status === 0 ? attempt.outcome : attempt.status}`).join(", then ");
  const tokens = call.inputTokens === null && call.outputTokens === null ? "" : `  ${call.inputTokens ?? "?"}+${call.outputTokens ?? "?"} tokens`;
  const time = call.durationMs === null ? "" : `  ${Math.round(call.durationMs)} ms`;
  const end = call.refusal ?? call.outcome;
  return `${call.caller ?? "unknown caller"}  ${call.method} ${call.path}  ${way === "" ? "not sent" : way}  => ${call.status} ${end}${tokens}${time}`;
}

function shortName(value: unknown): string | null {
  return asText(value)?.split("/").at(-1) ?? null;
}

function asNumber(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
