import { KEY_NAMES } from "../model/usage-counts.ts";
import type { UsageKey } from "../model/usage-store.ts";
import { ParameterFault, readCount, readMoment, readParameters, readWord } from "./page-parameters.ts";

/** By what rows can be told apart. */
export const DIMENSIONS = [...KEY_NAMES, "hour", "day"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** What `/-/usage` is asked for. */
export interface UsageRequest {
  /** Beginning of an hour or a day; milliseconds since the epoch. */
  readonly from: number;
  /** Rows begin before it. */
  readonly to: number;
  readonly interval: "hour" | "day";
  readonly by: readonly Dimension[];
  /** Only rows whose key has these very values. */
  readonly only: Partial<UsageKey>;
  /** Null: of all Gateways. */
  readonly gateway: string | null;
  /** Rows that are told at most. */
  readonly limit: number;
  readonly format: "json" | "csv" | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** For so long the stores keep hours and days. */
const HOURS_KEPT_MS = 8 * DAY_MS;
const DAYS_KEPT_MS = 400 * DAY_MS;
const PARAMETERS = ["since", "until", "by", ...KEY_NAMES, "gateway", "limit", "format"];

/** Hours, as long as the stores keep them, else days. Throws `ParameterFault`. */
export function readUsageRequest(search: URLSearchParams, now: number): UsageRequest {
  const parameters = readParameters(search, PARAMETERS);
  const since = readMoment(parameters, "since", now, now - DAY_MS);
  const until = readMoment(parameters, "until", now, now);
  if (since >= until) throw new ParameterFault(parameters.has("since") ? "since" : "until", "The time must begin before it ends: since lies before until.");
  const interval = Math.floor(since / HOUR_MS) * HOUR_MS >= now - HOURS_KEPT_MS ? "hour" : "day";
  const length = interval === "hour" ? HOUR_MS : DAY_MS;
  const from = Math.floor(since / length) * length;
  if (from < now - DAYS_KEPT_MS - DAY_MS) throw new ParameterFault("since", "Usage is kept for 400 days.");
  const by = readBy(parameters.get("by") ?? "namespace");
  if (by.includes("hour") && interval === "day") throw new ParameterFault("by", "Hours are kept for 8 days: for a longer time ask by day.");
  return {
    from,
    to: Math.ceil(until / length) * length,
    interval,
    by,
    only: Object.fromEntries(KEY_NAMES.flatMap((name) => (parameters.has(name) ? [[name, parameters.get(name) ?? ""]] : []))),
    gateway: parameters.get("gateway") ?? null,
    limit: readCount(parameters, "limit", 10_000, 1_000),
    format: readWord(parameters, "format", ["json", "csv"]),
  };
}

function readBy(text: string): readonly Dimension[] {
  const names = text === "" ? [] : text.split(",");
  const by = names.map((name) => DIMENSIONS.find((dimension) => dimension === name) ?? null);
  const known = by.filter((dimension) => dimension !== null);
  if (known.length < by.length || new Set(known).size < known.length)
    throw new ParameterFault("by", `It takes some of ${DIMENSIONS.join(", ")}, each once, with commas between them.`);
  return known;
}
