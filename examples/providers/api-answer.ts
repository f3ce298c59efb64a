import { randomBytes } from "node:crypto";
import type { ProviderIdentity } from "./answer-text.ts";

/** A call as an API of the demo providers sees it. */
export interface ApiCall {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The parsed JSON body; undefined where there was none. */
  readonly body: unknown;
  readonly provider: ProviderIdentity;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** What an API answers: one JSON document, or server-sent events that are sent at the provider's pace. */
export type ApiAnswer =
  | { readonly kind: "json"; readonly status: number; readonly body: unknown }
  | { readonly kind: "stream"; readonly events: readonly string[] };

/** One of the two families of APIs that a demo provider can speak. */
export interface Api {
  readonly name: "openai" | "anthropic";
  /** True when this call is written in this API. */
  claims(call: Pick<ApiCall, "path" | "headers">): boolean;
  /** The provider key that the call presents in the place that this API has for it; null: none. */
  credential(call: Pick<ApiCall, "headers">): { readonly slot: string; readonly value: string } | null;
  answer(call: ApiCall): ApiAnswer;
  /** This API's error envelope for a status. */
  error(status: number, message: string): unknown;
  /** Name of the header that carries the provider's own request id. */
  readonly requestIdHeader: string;
}

export function json(status: number, body: unknown): ApiAnswer {
  return { kind: "json", status, body };
}

/** One server-sent event, complete with its blank line. */
export function serverSentEvent(name: string | null, data: unknown): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return name === null ? `data: ${text}\n\n` : `event: ${name}\ndata: ${text}\n\n`;
}

/** An id of the vendors' kind: a prefix and 24 random characters. */
export function randomId(prefix: string): string {
  return `${prefix}${randomBytes(18).toString("base64url").replaceAll("-", "a").replaceAll("_", "b")}`;
}

/** One header as text; empty where it is absent. */
export function headerText(headers: ApiCall["headers"], name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : (value?.[0] ?? "");
}

/** The token of `Authorization: Bearer`; null where there is none. */
export function bearerToken(headers: ApiCall["headers"]): string | null {
  return /^Bearer +(\S+)$/i.exec(headerText(headers, "authorization"))?.[1] ?? null;
}
