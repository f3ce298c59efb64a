import type { Secret, SecretReference } from "../model/secret.ts";
import { type KeySet, type KeySource, parseKeySet } from "./key-set.ts";

/** Reads a secret through the broker's cache. Rejects when there is none, or with the signal's reason. */
export type ReadSecret = (reference: SecretReference, signal: AbortSignal) => Promise<Secret>;

/** Keys that stand in the manifest. A document that is no JWK set gives no keys, so that nobody is let in by it. */
export function createInlineKeys(text: string): KeySource {
  const keys = parse(text);
  return { current: async () => keys, newerThan: async () => null };
}

/** Keys that stand in a secret: parsed once for each value, new ones when the secret's refresh brings them. */
export function createSecretKeys(reference: SecretReference, readSecret: ReadSecret): KeySource {
  let seen: Secret | null = null;
  let keys: KeySet | null = null;
  return {
    async current(asker) {
      const secret = await readSecret(reference, asker.signal).catch(() => null);
      asker.signal.throwIfAborted();
      if (secret === null) return null;
      if (secret !== seen) {
        keys = parse(secret.reveal());
        seen = secret;
      }
      return keys;
    },
    newerThan: async () => null,
  };
}

function parse(text: string): KeySet | null {
  try {
    return parseKeySet(JSON.parse(text));
  } catch {
    return null;
  }
}
