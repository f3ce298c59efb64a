import { asObject, asString, parseJson } from "../lib/json-value.ts";

const LEADING_TYPE = /^\s*\{\s*"type"\s*:\s*"([a-z0-9_.]+)"/;

/** The `type` of an event; nearly always its first member, so that a large event need not be parsed for it. */
export function eventType(data: string): string | null {
  return LEADING_TYPE.exec(data)?.[1] ?? (data.includes('"type"') ? asString(asObject(parseJson(data))?.["type"]) : null);
}
