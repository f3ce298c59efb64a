import type { ControlAnswer, ControlRequest } from "../../model/ports.ts";
import type { Secret, SecretLocation, SecretReference } from "../../model/secret.ts";

/** A call of a flow; the client certificate and the revocation lists are its endpoint's own. */
export type TokenRequest = Omit<ControlRequest, "clientCertificate" | "revocationLists">;

/** What a flow may use while it gets one token. Everything ends with `signal`. */
export interface TokenWork {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** One call to the control plane. Rejects with `SecretStoreError`. */
  call(request: TokenRequest): Promise<ControlAnswer>;
  /** Another secret, or the token that this one is made of, from the cache. */
  read(reference: SecretReference): Promise<Secret>;
  /** The same after it was refused: another one where there is one, else the very same. */
  reread(reference: SecretReference, used: Secret): Promise<Secret>;
  /** Straight from where it is kept; null: it is not there. */
  readAnew(location: SecretLocation): Promise<Secret | null>;
}

/** A setting of the environment; null: it is not set. */
export async function setting(work: TokenWork, name: string): Promise<string | null> {
  return (await work.readAnew({ provider: "env", name }))?.reveal().trim() ?? null;
}
