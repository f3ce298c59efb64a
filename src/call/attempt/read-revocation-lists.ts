import type { SecretLease } from "../../credentials/secret-cache.ts";
import type { RevocationPlan } from "../../model/backend.ts";
import type { AttemptFailure } from "../../model/outcome.ts";
import { SecretStoreError } from "../../model/ports.ts";
import type { Secret, SecretReference } from "../../model/secret.ts";

/**
 * What the sources of a backend's revocation lists hold, in their order. Fails closed: a source that cannot be read is a failure of the
 * backend's proof, since a list that is kept from us may name its certificate. Rejects as `read` does for everything else.
 */
export async function readRevocationLists(
  { sources }: RevocationPlan,
  peek: (reference: SecretReference) => SecretLease | null,
  read: (reference: SecretReference) => Promise<SecretLease>,
): Promise<readonly Secret[] | AttemptFailure> {
  try {
    const leases = await Promise.all(sources.map((source) => peek(source) ?? read(source)));
    return leases.map((lease) => lease.secret);
  } catch (error) {
    if (!(error instanceof SecretStoreError)) throw error;
    return { kind: "untrusted", reason: "crl_unavailable", message: "a certificate revocation list cannot be read from its source" };
  }
}
