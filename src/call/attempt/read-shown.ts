import { sourceName } from "../../credentials/caller-tokens.ts";
import type { SecretLease } from "../../credentials/secret-cache.ts";
import type { Backend, ForwardedIdentity } from "../../model/backend.ts";
import type { AttemptRecord } from "../../model/call-record.ts";
import { abortSignalOf } from "../../model/call-signal.ts";
import type { AttemptFailure } from "../../model/outcome.ts";
import { SecretStoreError } from "../../model/ports.ts";
import type { Secret, SecretReference } from "../../model/secret.ts";
import type { Stages } from "../stages.ts";
import type { CallInFlight } from "./attempt.ts";
import { readRevocationLists } from "./read-revocation-lists.ts";

const NO_LISTS: readonly Secret[] = [];

/** What the broker shows of itself to one backend, and the lists by which the other's own proof is judged. */
export interface Shown {
  readonly lease: SecretLease | null;
  readonly forwarded: Secret | null;
  readonly certificate: Secret | null;
  readonly lists: readonly Secret[];
}

/** What is shown, or why it cannot be had. */
export type ReadShown = Shown | AttemptFailure | { readonly kind: "credential_unavailable" };

interface Wanted {
  /** What the backend's credential is made of; null: it has none of the broker's. */
  readonly secret: SecretReference | null;
  /** The same, read anew for this attempt; null: whatever is cached. */
  readonly renewed: SecretLease | null;
}

/** Stage 6: everything secret that an attempt needs, at once where it is cached, as in nearly all calls. Rejects only with what no store said. */
export function readShown(stages: Stages, call: CallInFlight, backend: Backend, attempt: AttemptRecord, wanted: Wanted): ReadShown | Promise<ReadShown> {
  const { secret, renewed } = wanted;
  const { tls, parent } = backend;
  const plain = (tls === null || (tls.clientCertificate === null && tls.crl === null)) && (parent === null || parent.identity === null);
  const lease = renewed ?? (secret === null ? null : stages.secrets.peek(secret));
  if (!plain || (secret !== null && lease === null)) return readAll(stages, call, backend, attempt, { secret, renewed: lease });
  if (lease !== null && secret !== null) attempt.credential = `${sourceName(secret)}:${lease.state}`;
  return { lease, forwarded: null, certificate: null, lists: NO_LISTS };
}

async function readAll(stages: Stages, call: CallInFlight, backend: Backend, attempt: AttemptRecord, { secret, renewed }: Wanted): Promise<ReadShown> {
  try {
    const lease = renewed ?? (secret === null ? null : await readSecret(stages, call, secret));
    const proof = backend.tls?.clientCertificate ?? null;
    const certificate = proof === null ? null : (stages.secrets.peek(proof) ?? (await readSecret(stages, call, proof)));
    const crl = backend.tls?.crl ?? null;
    const lists = crl === null ? NO_LISTS : await readRevocationLists(crl, stages.secrets.peek, (source) => readSecret(stages, call, source));
    const identity = backend.parent?.identity ?? null;
    const forwarded = identity === null ? null : await forwardedToken(stages, call, identity, attempt);
    if (lease !== null && secret !== null) attempt.credential = `${sourceName(secret)}:${lease.state}`;
    return "kind" in lists ? lists : { lease, forwarded, certificate: certificate?.secret ?? null, lists };
  } catch (error) {
    if (call.signal.aborted) return { kind: "cancelled", message: "the call ended while its credential was read" };
    if (!(error instanceof SecretStoreError)) throw error;
    return { kind: "credential_unavailable" };
  }
}

/** A refresh behind the call outlives it where the platform lets work go on after the answer. */
function readSecret(stages: Stages, { routed, signal }: CallInFlight, reference: SecretReference): Promise<SecretLease> {
  return stages.secrets.read(reference, abortSignalOf(signal), (work) => routed.exchange.waitUntil(work));
}

/** The token that tells a parent who calls: nearly always one that was signed for an earlier call. */
async function forwardedToken(stages: Stages, call: CallInFlight, plan: ForwardedIdentity, attempt: AttemptRecord): Promise<Secret> {
  const { secret: key, state } = stages.secrets.peek(plan.signingKey) ?? (await readSecret(stages, call, plan.signingKey));
  const asked = { plan, key, chainId: call.routed.gateway.chainId, caller: call.routed.caller };
  attempt.credential = `${plan.signingKey.id}:${state}`;
  return stages.forwarder.peek(asked) ?? (await stages.forwarder.sign(asked));
}
