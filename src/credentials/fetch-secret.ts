import { type Clock, type SecretStore, SecretStoreError } from "../model/ports.ts";
import type { Secret, SecretLocation } from "../model/secret.ts";
import { extractJsonKey } from "./extract-json-key.ts";

/** Own deadline: SDKs have been seen to answer after 7 s although they were told 3 s. */
const DEADLINE_MS = 5_000;

/**
 * Reads one secret from the store that knows its provider. Rejects with `SecretStoreError` (`unavailable` after 5 s),
 * or with the signal's reason when the caller leaves first. What a store throws of its own never goes on: it may quote values.
 */
export async function fetchSecret(stores: readonly SecretStore[], location: SecretLocation, clock: Clock, signal: AbortSignal | null): Promise<Secret> {
  const store = stores.find((candidate) => candidate.providers.has(location.provider));
  if (store === undefined) throw new SecretStoreError("missing", `this platform has no store for ${location.provider}`);
  const controller = new AbortController();
  let leave = () => {};
  let cancelTimer = () => {};
  const stopped = new Promise<never>((_, reject) => {
    leave = () => reject(signal?.reason);
    cancelTimer = clock.after(DEADLINE_MS, () => reject(new SecretStoreError("unavailable", `the store did not answer in ${DEADLINE_MS} ms`)));
  });
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted) leave();
  try {
    const secret = await Promise.race([ask(store, location, controller.signal), stopped]);
    return extractJsonKey(secret, location);
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", leave);
    // The store may go on otherwise, with nobody to take its answer.
    controller.abort();
  }
}

async function ask(store: SecretStore, location: SecretLocation, signal: AbortSignal): Promise<Secret> {
  try {
    return await store.fetch(location, signal);
  } catch (error) {
    if (error instanceof SecretStoreError) throw error;
    throw new SecretStoreError("unavailable", `the store for ${location.provider} failed unexpectedly`);
  }
}
