import { scanTopLevel, type TopLevelScan, type ValueSpan } from "../lib/json-scan.ts";
import { asObject, parseJson } from "../lib/json-value.ts";
import { toTextStrictly } from "../lib/utf8.ts";
import type { BodyFacts } from "../model/call.ts";
import { Refusal } from "../model/errors.ts";
import type { Operation } from "../model/operation.ts";

/** Where things stand in the bytes that were read, so that one value can be exchanged without touching the rest. */
export interface BodyLayout {
  readonly afterBrace: number;
  readonly empty: boolean;
  readonly model: ValueSpan | null;
  readonly streamOptions: ValueSpan | null;
}

/** Body facts with the layout; null: the keys could not be compared as bytes, so a change means writing the whole body anew. */
export interface ReadFacts extends BodyFacts {
  readonly layout: BodyLayout | null;
}

/** What may bound an answer: of chat and messages, of newer chat models, of responses. */
const BOUNDS = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;
const WANTED: ReadonlySet<string> = new Set(["model", "stream", "stream_options"]);
/** Twice the same bound would be one for a limit and another for the provider, as with the model. */
const WANTED_OF_INFERENCE: ReadonlySet<string> = new Set([...WANTED, ...BOUNDS, "n"]);
const NOTHING: ReadFacts = { model: null, stream: false, asksForUsage: false, maxOutputTokens: null, choices: 1, layout: null };

/** Longer than any model's name, Bedrock's ARNs (2,048 at most) included. */
const MAX_MODEL_LENGTH = 2048;

/**
 * Reads what a JSON body says of the call, in one pass. Throws `request_malformed` for an AI call whose body is not a
 * JSON object, or says the same key twice: the broker would judge one value and the provider use the other. A call of
 * an unknown API may send what it likes; its body then simply names no model.
 */
export function readBodyFacts(bytes: Uint8Array, operation: Operation): ReadFacts {
  const scan = scanTopLevel(bytes, operation.inference ? WANTED_OF_INFERENCE : WANTED);
  switch (scan.kind) {
    case "ok":
      return fromSpans(bytes, scan, operation);
    case "unsure":
      return fromWhole(bytes, operation);
    case "duplicate":
      throw malformed(`The JSON body has the key "${scan.name}" twice. Send it once.`);
    case "malformed":
      if (operation.dialect === null) return NOTHING;
      throw malformed(`The body is not a JSON object that can be read (byte ${scan.at} of ${bytes.length}).`);
  }
}

function fromSpans(bytes: Uint8Array, scan: Extract<TopLevelScan, { kind: "ok" }>, operation: Operation): ReadFacts {
  const model = scan.values.get("model") ?? null;
  const stream = scan.values.get("stream");
  const streamOptions = scan.values.get("stream_options") ?? null;
  return {
    model: model === null ? null : checkedModel(valueAt(bytes, model), operation),
    // The scan has checked the syntax: a literal that begins with `t` is `true`.
    stream: stream !== undefined && bytes[stream.start] === 0x74,
    asksForUsage: streamOptions !== null && includesUsage(valueAt(bytes, streamOptions)),
    maxOutputTokens: largest(BOUNDS.map((name) => countAt(bytes, scan.values.get(name)))),
    choices: countAt(bytes, scan.values.get("n")) ?? 1,
    layout: { afterBrace: scan.afterBrace, empty: scan.empty, model, streamOptions },
  };
}

/** Without a layout whatever leaves is written from what was parsed here, so that both sides read the same. */
function fromWhole(bytes: Uint8Array, operation: Operation): ReadFacts {
  const body = asObject(parseJson(toTextStrictly(bytes) ?? ""));
  if (body === null) {
    if (operation.dialect === null) return NOTHING;
    throw malformed("The body is not a JSON object in UTF-8.");
  }
  return {
    model: body["model"] === undefined ? null : checkedModel(body["model"], operation),
    stream: body["stream"] === true,
    asksForUsage: includesUsage(body["stream_options"]),
    maxOutputTokens: largest(BOUNDS.map((name) => asCount(body[name]))),
    choices: asCount(body["n"]) ?? 1,
    layout: null,
  };
}

function valueAt(bytes: Uint8Array, span: ValueSpan): unknown {
  return plainString(bytes, span) ?? parseJson(toTextStrictly(bytes.subarray(span.start, span.end)) ?? "");
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MAX_PLAIN = 64;

/** A short string without escapes and beyond-ASCII, as nearly every model's name is: a decoder and a parser cost ten times as much. Null: it is another value. */
function plainString(bytes: Uint8Array, { start, end }: ValueSpan): string | null {
  if (bytes[start] !== QUOTE || end - start > MAX_PLAIN) return null;
  const codes: number[] = [];
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = bytes[at] ?? BACKSLASH;
    if (byte === BACKSLASH || byte >= 0x80) return null;
    codes.push(byte);
  }
  return String.fromCharCode(...codes);
}

/** A whole number above 0; null: it is none, and the provider will say so. */
export function asCount(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** The largest that is known: which of several a provider goes by, only it knows. */
export function largest(counts: readonly (number | null)[]): number | null {
  return counts.reduce((most, count) => (count === null || (most !== null && most >= count) ? most : count), null);
}

const ZERO = 0x30;
/** Longer ones are no bound that anybody means. */
const MAX_DIGITS = 9;

/** Digits alone, as nearly every count is; whatever else stands there is parsed. */
function countAt(bytes: Uint8Array, span: ValueSpan | undefined): number | null {
  if (span === undefined) return null;
  if (span.end - span.start > MAX_DIGITS) return asCount(valueAt(bytes, span));
  let count = 0;
  for (let at = span.start; at < span.end; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return asCount(valueAt(bytes, span));
    count = count * 10 + digit;
  }
  return count > 0 ? count : null;
}

function includesUsage(value: unknown): boolean {
  return asObject(value)?.["include_usage"] === true;
}

/** `null` is as good as absent. The name goes to rules, logs and telemetry: control characters have no place in it. */
function checkedModel(value: unknown, operation: Operation): string | null {
  if (value === null) return null;
  if (typeof value === "string" && value.length <= MAX_MODEL_LENGTH && !hasControl(value)) return value;
  if (operation.dialect === null) return null;
  throw malformed(`"model" in the JSON body must be a string of at most ${MAX_MODEL_LENGTH} characters without control characters.`);
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}

function malformed(detail: string): Refusal {
  return new Refusal("request_malformed", { detail });
}
