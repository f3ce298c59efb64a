import { type SecretStore, SecretStoreError } from "../../src/model/ports.ts";
import { Secret, type SecretLocation, type SecretReference } from "../../src/model/secret.ts";

/** A store that answers what the test says, when the test says. */
export interface FakeSecretStore extends SecretStore {
  /** Fetches that began. */
  readonly fetches: number;
  /** What each fetch that begins from now on gives. */
  answer(value: string | SecretStoreError["reason"] | (() => Promise<string>)): void;
}

const REASONS: ReadonlySet<string> = new Set(["denied", "missing", "malformed", "unavailable"] satisfies SecretStoreError["reason"][]);

export function createFakeSecretStore(first: string): FakeSecretStore {
  let next: string | (() => Promise<string>) = first;
  let fetches = 0;
  return {
    providers: new Set(["env", "file"] as const),
    get fetches() {
      return fetches;
    },
    answer(value) {
      next = value;
    },
    async fetch(_location: SecretLocation, _signal: AbortSignal) {
      fetches += 1;
      const value = typeof next === "string" ? next : await next();
      // The set holds nothing but reasons.
      if (REASONS.has(value)) throw new SecretStoreError(value as SecretStoreError["reason"], `the fake store is ${value}`);
      return new Secret(value, `v${fetches}`);
    },
  };
}

export function fakeReference(
  overrides: Partial<SecretReference["refresh"]> = {},
  id = "SecretSource/egress-system/openai-key",
  name = "OPENAI",
): SecretReference {
  return { id, location: { provider: "env", name }, refresh: { intervalMs: 300_000, jitterPercent: 0, staleForMs: 3_600_000, ...overrides } };
}
