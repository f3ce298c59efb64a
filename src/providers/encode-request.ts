import { asObject, type JsonObject, parseJson } from "../lib/json-value.ts";
import { joinBytes, toBytes, toText, toTextStrictly } from "../lib/utf8.ts";
import type { ApiProfile, ModelRule } from "../model/backend.ts";
import type { BodyFacts } from "../model/call.ts";
import { Refusal } from "../model/errors.ts";
import type { Operation } from "../model/operation.ts";
import { withQueryModel } from "./handshake-model.ts";
import { pathModel, withModel } from "./path-model.ts";
import { type BodyLayout, type ReadFacts, readBodyFacts } from "./read-body-facts.ts";
import { upstreamModel } from "./upstream-model.ts";
import { azurePath } from "./upstream-path.ts";

export interface EncodeInput {
  /** What the backend speaks; null: whatever the caller speaks. */
  readonly api: ApiProfile | null;
  /** The target's own model, which stands in for the caller's. */
  readonly modelOverride: string | null;
  readonly operation: Operation;
  /** Path and query as the route made them. */
  readonly path: string;
  /** Null: there is none, or it is a stream that nobody reads. */
  readonly body: Uint8Array | null;
  /** As `readBodyFacts` gave them for exactly these bytes; null: not read yet, or not readable (compressed). */
  readonly facts: ReadFacts | BodyFacts | null;
  /** The rule of `api.models` that matched the model, or its override. */
  readonly modelRule: ModelRule | null;
  /** A region lock binds this attempt. */
  readonly locked: boolean;
  /** The backend is expected to know `stream_options.include_usage`. */
  readonly askForUsage: boolean;
}

export interface EncodedRequest {
  readonly path: string;
  readonly body: Uint8Array | null;
  /** The model that the backend is asked for; null where the body names none or was not read. */
  readonly model: string | null;
  /** Usage was asked for in the caller's place: its event must not reach the caller. */
  readonly hidesUsage: boolean;
}

/** What changes in a body; null leaves it as it is. */
interface BodyChanges {
  readonly model: string | null;
  readonly addUsage: boolean;
}

/**
 * The request as this backend wants it, in the same dialect. Only the values that must change are exchanged; every
 * other byte stays, so that features the broker has never heard of keep working. Throws `request_malformed`.
 */
export function encodeRequest(input: EncodeInput): EncodedRequest {
  const path = encodePath(input);
  const { body, operation } = input;
  if (operation.name === "realtime") return encodeHandshake(input, path);
  if (operation.dialect === null) return { ...encodePathModel(input, path), body, hidesUsage: false };
  if (body === null) return { path, body, model: input.facts?.model ?? null, hidesUsage: false };
  // A lock, or another model, cannot be kept without reading the body: then a body that cannot be read is refused.
  const mustRead = input.locked || input.modelOverride !== null;
  const given = input.facts ?? (mustRead ? readBodyFacts(body, operation) : null);
  if (given === null) return { path, body, model: null, hidesUsage: false };
  const facts = hasLayout(given) ? given : readBodyFacts(body, operation);

  const model = upstreamModel(input.modelOverride, input.modelRule, facts.model);
  const changes: BodyChanges = { model: model === facts.model ? null : model, addUsage: asksInPlaceOfCaller(input, facts) };
  const azure = input.api?.schema === "AzureOpenAI" && model !== null ? azurePath(input.api, encodeURIComponent(model), operation.suffix) : null;
  const rewritten = input.locked || facts.layout === null ? rewriteBody(body, changes) : spliceBody(body, facts.layout, changes);
  return { path: azure ?? path, body: rewritten, model, hidesUsage: changes.addUsage };
}

/** A WebSocket has no body: its model is in the query. */
function encodeHandshake(input: EncodeInput, path: string): EncodedRequest {
  const given = input.facts?.model ?? null;
  const model = upstreamModel(input.modelOverride, input.modelRule, given);
  return { path: model === null || model === given ? path : withQueryModel(path, model), body: null, model, hidesUsage: false };
}

function hasLayout(facts: ReadFacts | BodyFacts): facts is ReadFacts {
  return "layout" in facts;
}

function encodePath({ api, operation, path }: EncodeInput): string {
  if (api === null || api.prefix === null || operation.suffix === "") return path;
  const query = path.indexOf("?");
  return `${api.prefix.endsWith("/") ? api.prefix.slice(0, -1) : api.prefix}${operation.suffix}${query < 0 ? "" : path.slice(query)}`;
}

/** An API that passes untouched, but for the model in its path where the target names another. */
function encodePathModel(input: EncodeInput, target: string): Pick<EncodedRequest, "path" | "model"> {
  const callers = input.facts?.model ?? null;
  const model = upstreamModel(input.modelOverride, input.modelRule, callers);
  if (model === null || model === callers) return { path: target, model };
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  const inPath = pathModel(path);
  // A body of an unknown API is not written to: the caller's own model stands.
  if (inPath === null) return { path: target, model: callers };
  return { path: `${withModel(path, inPath, model)}${query < 0 ? "" : target.slice(query)}`, model };
}

/** Only these two operations tell usage in a stream on request alone; the others tell it always. */
function asksInPlaceOfCaller({ api, operation, askForUsage }: EncodeInput, facts: ReadFacts): boolean {
  if (!askForUsage || !facts.stream || facts.asksForUsage) return false;
  if (operation.name !== "chat" && operation.name !== "completions") return false;
  return api === null || api.quirks.streamUsage;
}

/** Exchanges single values in the bytes. */
function spliceBody(body: Uint8Array, layout: BodyLayout, changes: BodyChanges): Uint8Array {
  const edits: { readonly start: number; readonly end: number; readonly text: string }[] = [];
  const inserted: string[] = [];
  if (changes.model !== null) {
    const text = JSON.stringify(changes.model);
    if (layout.model === null) inserted.push(`"model":${text}`);
    else edits.push({ ...layout.model, text });
  }
  if (changes.addUsage) {
    const span = layout.streamOptions;
    if (span === null) inserted.push('"stream_options":{"include_usage":true}');
    else edits.push({ ...span, text: JSON.stringify(withUsage(parseJson(toText(body.subarray(span.start, span.end))))) });
  }
  if (inserted.length > 0) edits.push({ start: layout.afterBrace, end: layout.afterBrace, text: `${inserted.join(",")}${layout.empty ? "" : ","}` });
  if (edits.length === 0) return body;
  edits.sort((one, other) => one.start - other.start);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const edit of edits) {
    parts.push(body.subarray(at, edit.start), toBytes(edit.text));
    at = edit.end;
  }
  parts.push(body.subarray(at));
  return joinBytes(parts);
}

/**
 * Writes the body anew from what was parsed. Under a lock always: a key that stands there twice, at any depth, would be
 * read one way here and another way by the provider.
 */
function rewriteBody(body: Uint8Array, changes: BodyChanges): Uint8Array {
  const parsed = asObject(parseJson(toTextStrictly(body) ?? ""));
  if (parsed === null) throw unreadable();
  const changed: JsonObject = {
    ...parsed,
    ...(changes.model === null ? {} : { model: changes.model }),
    ...(changes.addUsage ? { stream_options: withUsage(parsed["stream_options"]) } : {}),
  };
  try {
    return toBytes(JSON.stringify(changed));
  } catch {
    // Nested too deep to be written.
    throw unreadable();
  }
}

/** Keeps the other options. What is no object is left to the provider to refuse, but for null, which means none. */
function withUsage(options: unknown): unknown {
  if (options === undefined || options === null) return { include_usage: true };
  const known = asObject(options);
  return known === null ? options : { ...known, include_usage: true };
}

function unreadable(): Refusal {
  return new Refusal("request_malformed", { detail: "The body must be a JSON object in UTF-8, so that it can be checked before it leaves." });
}
