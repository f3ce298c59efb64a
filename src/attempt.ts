import { shorterLimit } from "./call-timer.ts";
import { checkParentAnswer } from "./check-parent-answer.ts";
import { attach, attachForwarded, secretOf, withoutClientCredentials } from "./credentials/attach.ts";
import { isPerCaller, sourceName } from "./credentials/caller-tokens.ts";
import type { SecretLease } from "./credentials/secret-cache.ts";
import { isGrpc } from "./lib/grpc-protocol.ts";
import { find, remove } from "./lib/header-list.ts";
import { joinBytes, toBytes } from "./lib/utf8.ts";
import type { Backend, ForwardedIdentity } from "./model/backend.ts";
import type { Routed } from "./model/call.ts";
import type { AttemptRecord, CallRecord } from "./model/call-record.ts";
import { abortSignalOf, type CallSignal } from "./model/call-signal.ts";
import type { Cleared } from "./model/cleared.ts";
import { Refusal } from "./model/errors.ts";
import type { RequestBody } from "./model/http.ts";
import type { AttemptFailure, Outcome } from "./model/outcome.ts";
import type { OutboundRequest } from "./model/ports.ts";
import { SecretStoreError } from "./model/ports.ts";
import type { RegionEvidence } from "./model/region.ts";
import type { Secret, SecretReference } from "./model/secret.ts";
import type { HeaderEdits } from "./model/snapshot.ts";
import { matchModel } from "./plan/model-rule.ts";
import { encodeRequest } from "./providers/encode-request.ts";
import { Untranslatable } from "./providers/untranslatable.ts";
import { wireOf } from "./providers/wires.ts";
import type { CallBody } from "./read-call-body.ts";
import { readRevocationLists } from "./read-revocation-lists.ts";
import { editHeaders } from "./routing/edit-headers.ts";
import { rewriteTarget } from "./routing/rewrite-target.ts";
import { signOutbound } from "./sign-outbound.ts";
import type { Stages } from "./stages.ts";
import { answerKind } from "./stream/answer-kind.ts";
import { judgeFirstEvent } from "./stream/first-event.ts";
import { type TranslatedCall, translateCandidate, translationOf } from "./translate-candidate.ts";
import { egressChain, withChain } from "./transport/chain-headers.ts";
import { upgradeFault } from "./transport/check-upgrade.ts";
import { answerFault } from "./transport/locate/answer-fault.ts";
import { prepareLocked } from "./transport/locate/prepare-locked.ts";
import { withoutPlaceHeaders } from "./transport/locate/withheld-headers.ts";
import { forwardableRequestHeaders } from "./transport/request-headers.ts";
import { send } from "./transport/send.ts";

const REQUEST_ID: ReadonlySet<string> = new Set(["x-request-id"]);
const NO_LISTS: readonly Secret[] = [];
const ACCEPT_ENCODING: ReadonlySet<string> = new Set(["accept-encoding"]);

/** Closes an event whose server forgot to. */
const BLANK_LINE = toBytes("\n\n");
const EMPTY_STREAM: AttemptFailure = { kind: "protocol", message: "the stream ended before its first event" };

/** One call on its way: what every attempt of it shares. */
export interface CallInFlight {
  readonly routed: Routed;
  readonly body: CallBody;
  readonly record: CallRecord;
  /** Aborts when the caller leaves or the call's own time is up. */
  readonly signal: CallSignal;
  /** What the route's authorization server adds to the request; null: nothing. */
  readonly admitted: HeaderEdits | null;
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
  const { routed } = call;
  const general = secretOf(backend.credential);
  const secret = general !== null && isPerCaller(general) ? stages.callerTokens.referenceFor(general, routed) : general;
  const nothing = { cleared, attempt, lease: null, secret, firstEventIsError: false, hidesUsage: false, translated: null };
  if (general !== null && secret === null) return { ...nothing, outcome: { kind: "credential_unavailable" } };
  let lease: SecretLease | null = renewed;
  let certificate: SecretLease | null = null;
  let lists: readonly Secret[] | AttemptFailure;
  let forwarded: Secret | null = null;
  try {
    if (lease === null && secret !== null) lease = stages.secrets.peek(secret) ?? (await readSecret(stages, call, secret));
    const proof = backend.tls?.clientCertificate ?? null;
    if (proof !== null) certificate = stages.secrets.peek(proof) ?? (await readSecret(stages, call, proof));
    const crl = backend.tls?.crl ?? null;
    lists = crl === null ? NO_LISTS : await readRevocationLists(crl, stages.secrets.peek, (source) => readSecret(stages, call, source));
    const identity = backend.parent?.identity ?? null;
    if (identity !== null) forwarded = await forwardedToken(stages, call, identity, attempt);
  } catch (error) {
    if (call.signal.aborted) return { ...nothing, outcome: { kind: "cancelled", message: "the call ended while its credential was read" } };
    if (!(error instanceof SecretStoreError)) throw error;
    return { ...nothing, outcome: { kind: "credential_unavailable" } };
  }
  if (lease !== null && secret !== null) attempt.credential = `${sourceName(secret)}:${lease.state}`;

  if ("kind" in lists) return { ...nothing, outcome: lists };

  const plan = translationOf(call, cleared);
  const translated = plan === null ? null : await translateCandidate(call, cleared, plan);
  if (translated instanceof Untranslatable)
    throw new Refusal("translation_unsupported", { detail: `This destination speaks another API, and ${translated.message}.` });
  if (plan !== null && translated !== null) attempt.translation = { from: plan.caller, to: plan.upstream, losses: translated.losses };

  let built: ReturnType<typeof buildOutbound>;
  try {
    built = buildOutbound(stages, call, cleared, { lease, forwarded, certificate: certificate?.secret ?? null, lists }, translated);
  } catch (error) {
    // A value that cannot stand in a header, such as one with a line break: the store's fault, and another candidate may serve.
    if (!(error instanceof SecretStoreError)) throw error;
    return { ...nothing, outcome: { kind: "credential_unavailable" } };
  }
  const { hidesUsage, model, otherHost, credential } = built;
  let { outbound } = built;
  attempt.model = model;
  if (credential?.type === "sigV4") {
    try {
      outbound = await signOutbound(stages.signer, credential, lease?.secret ?? null, outbound);
    } catch (error) {
      if (error instanceof SecretStoreError) return { ...nothing, outcome: { kind: "credential_unavailable" } };
      if (outbound.body.kind !== "stream") throw error;
      return { ...nothing, outcome: { kind: "request_body", message: "the request body could not be read to its end" } };
    }
  }
  const door = {
    otherHost,
    credential,
    now: stages.clock.now(),
    located: (evidence: RegionEvidence) => {
      attempt.region = evidence;
    },
  };
  const outcome = await send(stages.transport, cleared, outbound, call.signal, door);
  if (outcome.kind !== "answer") return { ...nothing, outcome, lease };
  attempt.status = outcome.status;
  attempt.peerAddress = outcome.peer.address;
  attempt.protocol = outcome.peer.protocol;
  if (backend.parent !== null) {
    const answered = checkParentAnswer(cleared, outcome);
    if (answered !== null) attempt.region = answered;
    if (answered?.decision === "violated") {
      outcome.body.cancel();
      return { ...nothing, outcome: { kind: "violated", message: answered.reason }, lease };
    }
  }
  const fault = cleared.lock === null || attempt.region === null ? null : await answerFault(attempt.region, outcome);
  if (fault !== null) {
    outcome.body.cancel();
    if (fault.kind === "violated" && attempt.region !== null) attempt.region = { ...attempt.region, decision: "violated", reason: fault.message };
    return { ...nothing, outcome: fault, lease };
  }
  if (routed.handshake !== null && outcome.sender !== null) {
    const refusedUpgrade = await upgradeFault(routed.handshake, outbound.headers, outcome.headers);
    if (refusedUpgrade !== null) {
      outcome.body.cancel();
      return { ...nothing, outcome: { kind: "protocol", message: refusedUpgrade }, lease };
    }
  }
  return { cleared, attempt, lease, secret, hidesUsage, translated, ...(await awaitFirstByte(routed, outcome, translated)) };
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

/** What the broker shows of itself to one backend, and the lists by which the other's own proof is judged. */
interface Shown {
  readonly lease: SecretLease | null;
  readonly forwarded: Secret | null;
  readonly certificate: Secret | null;
  readonly lists: readonly Secret[];
}

function buildOutbound(stages: Stages, call: CallInFlight, cleared: Cleared, shown: Shown, translated: TranslatedCall | null) {
  const { routed, body, record } = call;
  const { rule, gateway, exchange } = routed;
  const { target, lock } = cleared;
  const { backend } = target;
  const rewrite = target.rewrite ?? rule.rewrite;
  const otherHost = rewrite?.hostname ?? keptHost(backend, exchange.authority);
  const matched = backend.api === null ? null : matchModel(backend.api, target.model ?? body.facts?.model ?? null);
  const encoded =
    translated === null
      ? encodeRequest({
          api: backend.api,
          modelOverride: target.model,
          operation: routed.operation,
          path: rewriteTarget(routed.path, routed.query, rewrite, routed.match),
          body: body.bytes,
          facts: body.facts,
          modelRule: matched === "unknown" ? null : matched,
          locked: lock !== null,
          askForUsage: routed.operation.name === "chat" || backend.api !== null,
        })
      : { ...translated, hidesUsage: false };
  let headers = withoutClientCredentials(backend.credential, forwardableRequestHeaders(exchange.headers), routed.tokenSlot);
  if (lock !== null) headers = withoutPlaceHeaders(headers);
  if (translated !== null) headers = translated.translator.headers(headers, translated.answer.request.stream);
  headers = withChain(headers, gateway.chainId, exchange.protocol);
  headers = editHeaders(editHeaders(editHeaders(headers, call.admitted), rule.requestHeaders), target.requestHeaders);
  // An answer that is to be read on its way must not come compressed: SDKs ask for gzip, and usage and errors would pass unseen.
  if (routed.operation.dialect !== null) headers = [...remove(headers, ACCEPT_ENCODING), "accept-encoding", "identity"];
  if (rule.propagateTrace) headers = [...headers, "traceparent", stages.attribution.traceparentFor(record)];
  if (backend.parent !== null) {
    // One id in the logs of both.
    headers = [...remove(headers, REQUEST_ID), "x-request-id", record.id, "egress-chain", egressChain(backend.parent, routed.chain, lock)];
  }
  // Of this hop, and gRPC servers refuse a call without it.
  if (backend.protocol !== "http1" && isGrpc(exchange.protocol, exchange.headers)) headers = [...headers, "te", "trailers"];
  let { path } = encoded;
  let content: RequestBody = encoded.body === null ? body.request : { kind: "bytes", bytes: encoded.body };
  if (lock !== null) {
    const draft = { hostname: backend.origin.hostname, method: routed.method, path, headers, body: content };
    ({ path, headers, body: content } = prepareLocked(draft, backend.region.attestations));
  }
  const { credential } = backend;
  let attached = attach(credential, shown.lease?.secret ?? null, { headers, path });
  if (shown.forwarded !== null) attached = attachForwarded(shown.forwarded, attached);
  const secret = secretOf(credential);
  const callersOwn = credential?.type === "passthrough" || (secret !== null && isPerCaller(secret));
  const poolOfCaller = callersOwn ? `|${routed.caller.namespace}/${routed.caller.serviceAccount}` : "";
  const outbound: OutboundRequest = {
    origin: backend.origin,
    method: routed.method,
    path: attached.path,
    headers: ["host", otherHost ?? backend.authority, ...attached.headers],
    body: content,
    upgrade: routed.handshake === null ? null : "websocket",
    protocol: backend.protocol,
    tls: backend.tls,
    clientCertificate: shown.certificate,
    revocationLists: shown.lists,
    dns: backend.dns,
    timeouts: {
      ...backend.timeouts,
      firstByteMs: shorterLimit(backend.timeouts.firstByteMs, shorterLimit(cleared.failover?.firstByteMs ?? null, rule.timeouts.backendRequestMs)),
    },
    poolKey: `${backend.key}${poolOfCaller}`,
  };
  return { outbound, hidesUsage: encoded.hidesUsage, model: encoded.model, otherHost, credential };
}

/** The standard lets Host pass unchanged. A destination outside knows itself by its own name only, so that is for Services. */
function keptHost(backend: Backend, authority: string): string | null {
  return backend.kind === "Service" && authority !== "" ? authority : null;
}

/** A head alone is no answer: a good status is held back until its first body byte, and a stream until its first event is no error. */
async function awaitFirstByte(
  routed: Routed,
  answer: Extract<Outcome, { kind: "answer" }>,
  translated: TranslatedCall | null,
): Promise<Pick<Attempted, "outcome" | "firstEventIsError">> {
  // The caller of a gRPC stream may wait for the head before it sends what the first byte answers.
  if (isGrpc(routed.exchange.protocol, routed.exchange.headers)) return { outcome: answer, firstEventIsError: false };
  if (answer.status < 200 || answer.status >= 300 || routed.method === "HEAD" || answer.status === 204) return { outcome: answer, firstEventIsError: false };
  const wire = routed.operation.dialect === null ? null : wireOf(routed.operation.dialect);
  const inspect = wire !== null && answerKind(answer.headers).eventStream && find(answer.headers, "content-encoding") === null;
  const other = translated?.answer.request.stream === true ? translated.translator : null;
  const judgeFirst = (bytes: Uint8Array): "good" | "error" | "more" =>
    other !== null ? other.judgeFirst(bytes) : inspect ? judgeFirstEvent(wire, bytes) : "good";
  let seen = 0;
  for (;;) {
    const pending = answer.body.peek(seen);
    const peeked = pending instanceof Promise ? await pending : pending;
    const verdict = judgeFirst(peeked.ended ? joinBytes([peeked.bytes, BLANK_LINE]) : peeked.bytes);
    // A stream that ends without a single event is as broken as one that is reset there.
    const failure = peeked.failure ?? (peeked.ended && verdict === "more" ? EMPTY_STREAM : null);
    if (failure !== null) {
      answer.body.cancel();
      return { outcome: failure, firstEventIsError: false };
    }
    if (verdict !== "more") return { outcome: answer, firstEventIsError: verdict === "error" };
    seen = peeked.bytes.byteLength;
  }
}
