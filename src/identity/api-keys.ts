import type { Caller } from "../model/caller.ts";
import type { Secret, SecretReference } from "../model/secret.ts";
import type { ReadSecret } from "./held-keys.ts";
import { member } from "./token-parts.ts";
import { rejected, unknown, type Verdict } from "./verdict.ts";

/** Finds whom an API key stands for, by its digest. */
export interface ApiKeys {
  /** `digest` is the lower-case hex sha-256 of the key. Rejects only with the signal's reason. */
  match(digest: string, signal: AbortSignal): Promise<Verdict>;
}

interface ApiKey {
  readonly digest: Uint8Array;
  readonly caller: Caller;
}

const MAX_API_KEYS = 4_096;
const HEX_DIGEST = /^[0-9a-f]{64}$/;
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const PRINTABLE_NAME = /^[\x21-\x7e]{1,253}$/;

/** The keys of the document that `reference` names, parsed once for each value of the secret. */
export function createApiKeys(reference: SecretReference, readSecret: ReadSecret): ApiKeys {
  let seen: Secret | null = null;
  let keys: readonly ApiKey[] | null = null;
  return {
    async match(digest, signal) {
      const secret = await readSecret(reference, signal).catch(() => null);
      signal.throwIfAborted();
      if (secret === null) return unknown("the API keys cannot be read");
      if (secret !== seen) {
        keys = parseApiKeys(secret.reveal());
        seen = secret;
      }
      // One bad entry spoils the document: who knows what its author meant the others to say.
      if (keys === null) return unknown("the document of API keys is malformed");
      const caller = find(keys, bytesOf(digest));
      return caller === null ? rejected("the API key is not known") : { kind: "proved", caller, goodForMs: Number.POSITIVE_INFINITY };
    },
  };
}

/** Compares with all entries, each to its end, so that the time taken tells nothing about any of them. */
function find(keys: readonly ApiKey[], digest: Uint8Array): Caller | null {
  let found: Caller | null = null;
  for (const key of keys) {
    let difference = 0;
    for (let index = 0; index < 32; index += 1) difference |= (key.digest[index] ?? 0) ^ (digest[index] ?? 1);
    if (difference === 0) found = key.caller;
  }
  return found;
}

/** `{"keys": [{"sha256", "namespace", "serviceAccount"?, "workload"?}]}`; null: anything else. */
function parseApiKeys(text: string): readonly ApiKey[] | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const listed = member(document, "keys");
  if (!Array.isArray(listed) || listed.length > MAX_API_KEYS) return null;
  const keys: ApiKey[] = [];
  const digests = new Set<string>();
  for (const entry of listed) {
    const digest = member(entry, "sha256");
    const namespace = member(entry, "namespace");
    const serviceAccount = name(member(entry, "serviceAccount"));
    const workload = name(member(entry, "workload"));
    if (typeof digest !== "string" || typeof namespace !== "string" || serviceAccount === undefined || workload === undefined) return null;
    const lower = digest.toLowerCase();
    if (!HEX_DIGEST.test(lower) || !NAMESPACE.test(namespace) || digests.has(lower)) return null;
    digests.add(lower);
    keys.push({ digest: bytesOf(lower), caller: { namespace, serviceAccount, workload, proof: { kind: "api-key", issuer: "api-keys" } } });
  }
  return keys;
}

/** Undefined: neither absent nor a proper name. */
function name(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  return typeof value === "string" && PRINTABLE_NAME.test(value) ? value : undefined;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let index = 0; index < 32; index += 1) bytes[index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  return bytes;
}
