import type { CredentialPlan } from "../model/backend.ts";
import type { HeaderList } from "../model/http.ts";
import type { Secret } from "../model/secret.ts";
import { awsKeysOf } from "./aws-keys.ts";

/** Takes one secret out of what a destination says: providers quote the key they refuse. Input is bounded by the caller. */
export interface Redactor {
  text(text: string): string;
  /** The same array when nothing was found. */
  bytes(bytes: Uint8Array): Uint8Array;
  /** Values only. The same list when nothing was found. */
  headers(headers: HeaderList): HeaderList;
}

const MARK = "[redacted]";
const encoder = new TextEncoder();
const MARK_BYTES = encoder.encode(MARK);

/**
 * For what a backend with this credential says. Of keys that sign it is the two that prove something: AWS quotes the session token where it
 * explains why a signature was refused.
 */
export function credentialRedactor(plan: CredentialPlan | null, secret: Secret): Redactor {
  if (plan?.type !== "sigV4") return redactor(secret);
  const { secretAccessKey, sessionToken } = awsKeysOf(secret);
  return redactorOf(sessionToken === null ? [secretAccessKey] : [secretAccessKey, sessionToken]);
}

/** Finds the secret as it is, in base64 and base64url wherever it begins in the encoded text, URL-encoded, and as JSON spells it. */
export function redactor(secret: Secret): Redactor {
  return redactorOf([secret.reveal().trim()]);
}

function redactorOf(values: readonly string[]): Redactor {
  const needles = values.flatMap(spellings);
  const byteNeedles = needles.map((needle) => encoder.encode(needle));
  const clean = (text: string) => needles.reduce((rest, needle) => rest.replaceAll(needle, MARK), text);
  return {
    text: clean,
    bytes: (bytes) => byteNeedles.reduce(replaceBytes, bytes),
    headers(headers) {
      const cleaned = headers.map((field, index) => (index % 2 === 1 ? clean(field) : field));
      return cleaned.some((field, index) => field !== headers[index]) ? cleaned : headers;
    },
  };
}

/** Longest first: a shorter spelling inside a longer one would leave its ends behind. */
function spellings(value: string): readonly string[] {
  const bytes = encoder.encode(value);
  const found = new Set<string>([value, JSON.stringify(value).slice(1, -1)]);
  for (const encoded of [encodeURIComponent(value), encodeURIComponent(value).replaceAll("%20", "+"), percentAll(bytes)]) {
    found.add(encoded);
    found.add(encoded.replace(/%[0-9A-F]{2}/g, (triplet) => triplet.toLowerCase()));
  }
  for (const fragment of base64Fragments(bytes)) {
    found.add(fragment);
    found.add(fragment.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return [...found].filter((needle) => needle !== "").sort((one, other) => other.length - one.length);
}

function percentAll(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/**
 * Base64 of `Basic user:key` holds the key at an offset of 0, 1 or 2 bytes: each offset gives another text, of which the
 * characters that mix with the neighbours are cut off. Fragments under 8 characters would hit innocent text.
 */
function base64Fragments(bytes: Uint8Array): readonly string[] {
  const fragments = [0, 1, 2].map((offset) => {
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    const encoded = btoa(String.fromCharCode(...padded)).replaceAll("=", "");
    const mixedAtStart = offset === 0 ? 0 : offset + 1;
    const mixedAtEnd = padded.length % 3 === 0 ? 0 : 1;
    return encoded.slice(mixedAtStart, encoded.length - mixedAtEnd);
  });
  return fragments.filter((fragment) => fragment.length >= 8);
}

function replaceBytes(bytes: Uint8Array, needle: Uint8Array): Uint8Array {
  const places: number[] = [];
  for (let at = indexOf(bytes, needle, 0); at !== -1; at = indexOf(bytes, needle, at + needle.length)) places.push(at);
  if (places.length === 0) return bytes;
  const result = new Uint8Array(bytes.length + places.length * (MARK_BYTES.length - needle.length));
  let read = 0;
  let write = 0;
  for (const place of places) {
    result.set(bytes.subarray(read, place), write);
    write += place - read;
    result.set(MARK_BYTES, write);
    write += MARK_BYTES.length;
    read = place + needle.length;
  }
  result.set(bytes.subarray(read), write);
  return result;
}

function indexOf(bytes: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0] ?? 0;
  for (let at = bytes.indexOf(first, from); at !== -1; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < needle.length && bytes[at + length] === needle[length]) length += 1;
    if (length === needle.length) return at;
  }
  return -1;
}
