import { find } from "../../lib/header-list.ts";
import { asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { toTextStrictly } from "../../lib/utf8.ts";
import { type ControlAnswer, SecretStoreError } from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";

/** A token in use is at most this long: it has to stand in a header. */
const MAX_TOKEN_LENGTH = 32 * 1024;
/** Where the answer does not say how long. RFC 6749 leaves it open; most say an hour. Milliseconds. */
const DEFAULT_LIFE_MS = 300_000;
/** Longer than this nothing is held without asking again. Milliseconds. */
const LONGEST_LIFE_MS = 12 * 3_600_000;

/**
 * The JSON object of an answer of 200. Throws `SecretStoreError`: `denied` where the endpoint has said no (400 to 499 but for 408 and 429),
 * `unavailable` where it could say nothing. What it wrote is not quoted: it may hold the assertion that was sent.
 */
export function jsonAnswer(answer: ControlAnswer, who: string): JsonObject {
  checkStatus(answer, who);
  const body = asObject(parseJson(toTextStrictly(answer.bytes) ?? ""));
  if (body === null) throw new SecretStoreError("malformed", `${who} answered with something that is not a JSON object`);
  return body;
}

export function checkStatus({ status }: ControlAnswer, who: string): void {
  if (status === 200 || status === 201) return;
  const said = status >= 400 && status < 500 && status !== 408 && status !== 429;
  throw new SecretStoreError(said ? "denied" : "unavailable", `${who} answered ${status}`);
}

/** The token in an answer, with its life in seconds. Throws `SecretStoreError` `malformed`. */
export function tokenIn(body: JsonObject, member: string, lifeSeconds: unknown, who: string): Secret {
  const token = asString(body[member]);
  if (token === null || token === "" || token.length > MAX_TOKEN_LENGTH) throw new SecretStoreError("malformed", `${who} answered without a token`);
  return new Secret(token, null, lifeMs(lifeSeconds, who));
}

/** Metadata servers write the seconds as text. */
function lifeMs(seconds: unknown, who: string): number {
  if (seconds === undefined || seconds === null) return DEFAULT_LIFE_MS;
  const life = typeof seconds === "string" && /^\d+$/.test(seconds) ? Number(seconds) : seconds;
  if (typeof life !== "number" || !Number.isFinite(life) || life <= 0) throw new SecretStoreError("malformed", `${who} gave a token that has ended already`);
  return Math.min(life * 1_000, LONGEST_LIFE_MS);
}

/** How long something is good that ends at `time` (RFC 3339), by the clock of whoever wrote it where that is known. In seconds. */
export function secondsUntil(time: string, answer: ControlAnswer, now: number): number {
  const ends = Date.parse(time);
  const sent = dateOf(answer);
  return Number.isNaN(ends) ? 0 : (ends - (sent ?? now)) / 1_000;
}

/** The `Date` of the answer, in milliseconds since the epoch; null: it has none. */
export function dateOf(answer: Pick<ControlAnswer, "headers">): number | null {
  const date = Date.parse(find(answer.headers, "date") ?? "");
  return Number.isNaN(date) ? null : date;
}
