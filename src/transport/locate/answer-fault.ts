import { find } from "../../lib/header-list.ts";
import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import { lastBlockEnd, readEvent, splitBlocks } from "../../lib/sse.ts";
import { toText } from "../../lib/utf8.ts";
import type { Answer, AttemptFailure } from "../../model/outcome.ts";
import type { Located } from "../../model/region.ts";
import { countriesOfRegion } from "../../model/region-data.ts";
import { ANTHROPIC_FACTS } from "./data/anthropic-facts.ts";

/** A whole answer is held up to here; one that says nothing of its place within it is not believed. */
const MAX_HELD = 32 * 1024 * 1024;
/** The opening events of a stream are held up to here. */
const MAX_OPENING = 256 * 1024;

/**
 * What an answer that contradicts the place that the request was let through for counts as; null: it does not. Reads ahead without consuming:
 * nothing of the answer reaches the caller before this is known. Fails closed where the answer has to say its place and does not.
 */
export async function answerFault(located: Located, answer: Answer): Promise<AttemptFailure | null> {
  const provider = located.rule.slice(0, located.rule.indexOf("."));
  if (provider === "anthropic") return anthropicFault(answer);
  if (provider === "azure") return azureFault(located, answer);
  return provider === "openai" ? openaiFault(answer) : null;
}

/** `usage.inference_geo` of the answer, which a stream tells in its first event. Errors hold no inference. */
async function anthropicFault(answer: Answer): Promise<AttemptFailure | null> {
  if (answer.status < 200 || answer.status >= 300) return null;
  if (isEncoded(answer)) return violated("the answer is compressed, so that nobody can read where it was processed");
  const read = isStream(answer) ? await openingOf(answer, geoOfEvent) : await wholeBody(answer, geoOf);
  if (read.failure !== null) return read.failure;
  if (read.said === "error" || read.said === ANTHROPIC_FACTS.value) return null;
  return violated(
    read.said === null ? "the answer does not say where it was processed" : "the answer says that it was processed outside the place that was asked for",
  );
}

function geoOf(message: unknown): string | null {
  return asString(asObject(asObject(message)?.["usage"])?.["inference_geo"]);
}

/** What an event says: the geography, `error`, or null where an answer begins without having said it. Undefined: nothing yet. */
function geoOfEvent(name: string | null, data: unknown): string | null | undefined {
  const type = asString(asObject(data)?.["type"]) ?? name;
  if (type === "ping") return undefined;
  if (type === "error") return "error";
  return type === "message_start" ? geoOf(asObject(data)?.["message"]) : null;
}

/** `x-ms-region` is no proof, but it must not contradict one. */
function azureFault(located: Located, answer: Answer): AttemptFailure | null {
  const header = find(answer.headers, "x-ms-region");
  if (header === null) return null;
  const region = header.toLowerCase().replaceAll(/[\s_-]/g, "");
  if (located.regions.includes(region)) return null;
  const countries = countriesOfRegion(region);
  const inside = countries?.every((country) => located.countries?.includes(country)) ?? false;
  return inside ? null : violated("x-ms-region of the answer names a region outside the attested place");
}

const MISMATCH = "data_residency_mismatch";
const OPENING: ReadonlySet<string | null> = new Set(["response.created", "response.queued", "response.in_progress"]);

async function openaiFault(answer: Answer): Promise<AttemptFailure | null> {
  if (isEncoded(answer)) return null;
  const read = isStream(answer) ? await openingOf(answer, codeOfEvent) : await wholeBody(answer, codeOf);
  if (read.failure !== null) return read.failure;
  return read.said === MISMATCH ? violated("the provider says that the call does not fit the residency of its project") : null;
}

function codeOf(body: unknown): string | null {
  return asString(asObject(asObject(body)?.["error"])?.["code"]);
}

function codeOfEvent(name: string | null, data: unknown): string | null | undefined {
  const type = asString(asObject(data)?.["type"]) ?? name;
  if (OPENING.has(type)) return undefined;
  return codeOf(data) ?? asString(asObject(data)?.["code"]) ?? codeOf(asObject(data)?.["response"]);
}

function isStream({ headers }: Answer): boolean {
  return (find(headers, "content-type") ?? "").trim().toLowerCase().startsWith("text/event-stream");
}

function isEncoded({ headers }: Answer): boolean {
  const encoding = find(headers, "content-encoding");
  return encoding !== null && encoding.trim().toLowerCase() !== "identity";
}

function violated(message: string): AttemptFailure {
  return { kind: "violated", message };
}

/** `said`: null where it says nothing. */
interface ReadAhead {
  readonly said: string | null;
  readonly failure: AttemptFailure | null;
}

/** The first thing that an event of a stream says; null where the stream grows too long without. */
async function openingOf(answer: Answer, read: (name: string | null, data: unknown) => string | null | undefined): Promise<ReadAhead> {
  let seen = 0;
  for (;;) {
    const { bytes, ended, failure } = await answer.body.peek(seen);
    for (const block of splitBlocks(bytes.subarray(0, lastBlockEnd(bytes, bytes.length, 0)))) {
      const { name, data } = readEvent(block);
      const said = data === null ? undefined : read(name, parseJson(data));
      if (said !== undefined) return { said, failure: null };
    }
    if (ended || failure !== null || bytes.byteLength > MAX_OPENING) return { said: null, failure };
    seen = bytes.byteLength;
  }
}

/** What the whole body says; nothing where it is too large to be held. */
async function wholeBody(answer: Answer, read: (body: unknown) => string | null): Promise<ReadAhead> {
  let seen = 0;
  for (;;) {
    const { bytes, ended, failure } = await answer.body.peek(seen);
    if (failure !== null || bytes.byteLength > MAX_HELD) return { said: null, failure };
    if (ended) return { said: read(parseJson(toText(bytes))), failure: null };
    seen = bytes.byteLength;
  }
}
