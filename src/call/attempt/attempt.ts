import { shownPath } from "../../attribution/call-record.ts";
import { secretOf } from "../../credentials/attach.ts";
import { isPerCaller } from "../../credentials/caller-tokens.ts";
import type { SecretLease } from "../../credentials/secret-cache.ts";
import type { CredentialPlan } from "../../model/backend.ts";
import type { Routed } from "../../model/call.ts";
import type { AttemptRecord, CallRecord } from "../../model/call-record.ts";
import type { CallSignal } from "../../model/call-signal.ts";
import type { Cleared } from "../../model/cleared.ts";
import { Refusal } from "../../model/errors.ts";
import type { AttemptFailure, Outcome } from "../../model/outcome.ts";
import { SecretStoreError } from "../../model/ports.ts";
import type { RegionEvidence } from "../../model/region.ts";
import type { SecretReference } from "../../model/secret.ts";
import type { HeaderEdits } from "../../model/snapshot.ts";
import type { TranslationPlan } from "../../providers/translation-plan.ts";
import { Untranslatable } from "../../providers/untranslatable.ts";
import { send } from "../../transport/send.ts";
import type { CallCharges } from "../../usage/call-charges.ts";
import type { CallBody } from "../read-call-body.ts";
import type { Stages } from "../stages.ts";
import { awaitFirstByte } from "./await-first-byte.ts";
import { type BuiltRequest, buildOutbound } from "./build-outbound.ts";
import { checkAnswer } from "./check-answer.ts";
import { readShown, type Shown } from "./read-shown.ts";
import { signOutbound } from "./sign-outbound.ts";
import { type TranslatedCall, translateCandidate, translationOf } from "./translate-candidate.ts";

/** One call on its way: what every attempt of it shares. */
export interface CallInFlight {
  readonly routed: Routed;
  readonly body: CallBody;
  readonly record: CallRecord;
  /** Aborts when the caller leaves or the call's own time is up. */
  readonly signal: CallSignal;
  /** What the route's authorization server adds to the request; null: nothing. */
  readonly admitted: HeaderEdits | null;
  /** What limits hold for it; null: no limit is for it, or it is not the caller's own call. */
  readonly charges: CallCharges | null;
}

/** What one attempt came to. */
export interface Attempted {
  readonly cleared: Cleared;
  readonly attempt: AttemptRecord;
  /** `credential_unavailable` never reached the door. */
  readonly outcome: Outcome | { readonly kind: "credential_unavailable" };
  readonly lease: SecretLease | null;
  /** What the lease is of; null: the backend has no credential of the broker's. */
  readonly secret: SecretReference | null;
  readonly firstEventIsError: boolean;
  /** The broker asked for usage in the caller's place, so the extra event must be hidden. */
  readonly hidesUsage: boolean;
  /** The backend speaks another API than the caller; null: the bytes pass. */
  readonly translated: TranslatedCall | null;
}

/** Stages 6 to 8 for one candidate: credential, encode, the door. Rejects only with a `Refusal` that no other candidate can mend. */
export async function attemptCandidate(
  stages: Stages,
  call: CallInFlight,
  cleared: Cleared,
  attempt: AttemptRecord,
  renewed: SecretLease | null,
): Promise<Attempted> {
  const { backend } = cleared.target;
  const general = secretOf(backend.credential);
  const secret = general !== null && isPerCaller(general) ? stages.callerTokens.referenceFor(general, call.routed) : general;
  const nothing = { cleared, attempt, lease: null, secret, firstEventIsError: false, hidesUsage: false, translated: null };
  if (general !== null && secret === null) return { ...nothing, outcome: UNAVAILABLE };
  const reading = readShown(stages, call, backend, attempt, { secret, renewed });
  const shown = reading instanceof Promise ? await reading : reading;
  if ("kind" in shown) return { ...nothing, outcome: shown };
  const { lease } = shown;

  const plan = translationOf(call, cleared);
  const translated = plan === null ? null : await translateAttempt(call, cleared, attempt, plan);
  const built = buildSigned(stages, call, cleared, shown, translated);
  const ready = built instanceof Promise ? await built : built;
  if ("kind" in ready) return { ...nothing, outcome: ready };
  const { outbound, otherHost, credential, hidesUsage } = ready;
  attempt.model = ready.model;
  attempt.price = ready.price;
  attempt.path = shownPath(outbound.path);
  const located = (evidence: RegionEvidence): void => {
    attempt.region = evidence;
  };
  const outcome = await send(stages.transport, cleared, outbound, call.signal, { otherHost, credential, now: stages.clock.now(), located });
  if (outcome.kind !== "answer") return { ...nothing, outcome, lease };
  attempt.status = outcome.status;
  attempt.peerAddress = outcome.peer.address;
  attempt.protocol = outcome.peer.protocol;
  try {
    const checking = checkAnswer(call, cleared, attempt, outcome, outbound.headers);
    const fault = checking instanceof Promise ? await checking : checking;
    if (fault !== null) {
      outcome.body.cancel();
      return { ...nothing, outcome: fault, lease };
    }
    return { cleared, attempt, lease, secret, hidesUsage, translated, ...(await awaitFirstByte(call.routed, outcome, translated)) };
  } catch (error) {
    // Nobody else knows of this body, and nobody's time limit is for one without a reader.
    outcome.body.cancel();
    throw error;
  }
}

const UNAVAILABLE = { kind: "credential_unavailable" } as const;

/** The call in the backend's own API. Those that cannot be said there were passed over before. */
async function translateAttempt(call: CallInFlight, cleared: Cleared, attempt: AttemptRecord, plan: TranslationPlan): Promise<TranslatedCall> {
  const translated = await translateCandidate(call, cleared, plan);
  if (translated instanceof Untranslatable)
    throw new Refusal("translation_unsupported", { detail: `This destination speaks another API, and ${translated.message}.` });
  attempt.translation = { from: plan.caller, to: plan.upstream, losses: translated.losses };
  return translated;
}

type Built = BuiltRequest | AttemptFailure | typeof UNAVAILABLE;

/** The final request, signed where the credential is a signature over it. */
function buildSigned(stages: Stages, call: CallInFlight, cleared: Cleared, shown: Shown, translated: TranslatedCall | null): Built | Promise<Built> {
  let built: BuiltRequest;
  try {
    built = buildOutbound(stages, call, cleared, shown, translated);
  } catch (error) {
    // A value that cannot stand in a header, such as one with a line break: the store's fault, and another candidate may serve.
    if (!(error instanceof SecretStoreError)) throw error;
    return UNAVAILABLE;
  }
  return built.credential?.type === "sigV4" ? sign(stages, built, built.credential, shown.lease) : built;
}

async function sign(stages: Stages, built: BuiltRequest, plan: Extract<CredentialPlan, { type: "sigV4" }>, lease: SecretLease | null): Promise<Built> {
  try {
    return { ...built, outbound: await signOutbound(stages.signer, plan, lease?.secret ?? null, built.outbound) };
  } catch (error) {
    if (error instanceof SecretStoreError) return UNAVAILABLE;
    if (built.outbound.body.kind !== "stream") throw error;
    return { kind: "request_body", message: "the request body could not be read to its end" };
  }
}
