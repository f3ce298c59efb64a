import { attach, attachForwarded, withoutClientCredentials } from "../../credentials/attach.ts";
import { isCallersOwn } from "../../credentials/caller-tokens.ts";
import { isGrpc } from "../../lib/grpc-protocol.ts";
import { remove } from "../../lib/header-list.ts";
import type { Backend, ModelPrice } from "../../model/backend.ts";
import type { Cleared } from "../../model/cleared.ts";
import type { RequestBody } from "../../model/http.ts";
import type { OutboundRequest } from "../../model/ports.ts";
import { matchModel } from "../../plan/model-rule.ts";
import { encodeRequest } from "../../providers/encode-request.ts";
import { editHeaders } from "../../routing/edit-headers.ts";
import { rewriteTarget } from "../../routing/rewrite-target.ts";
import { egressChain, withChain } from "../../transport/chain-headers.ts";
import { prepareLocked } from "../../transport/locate/prepare-locked.ts";
import { withoutPlaceHeaders } from "../../transport/locate/withheld-headers.ts";
import { forwardableRequestHeaders } from "../../transport/request-headers.ts";
import { givenFirstByteMs, shorterLimit } from "../call-timer.ts";
import type { Stages } from "../stages.ts";
import type { CallInFlight } from "./attempt.ts";
import type { Shown } from "./read-shown.ts";
import type { TranslatedCall } from "./translate-candidate.ts";

const REQUEST_ID: ReadonlySet<string> = new Set(["x-request-id"]);
const ACCEPT_ENCODING: ReadonlySet<string> = new Set(["accept-encoding"]);

/** The final request but for its signature, and what the door and the record must know of it. */
export interface BuiltRequest {
  readonly outbound: OutboundRequest;
  readonly hidesUsage: boolean;
  /** The model that is asked for; null: none that is known. */
  readonly model: string | null;
  /** What the policy says that it costs; null: nothing. */
  readonly price: ModelPrice | null;
  readonly otherHost: string | null;
  readonly credential: Backend["credential"];
}

/**
 * Stage 7: the call as this backend wants it. Headers are the caller's as far as they may go on, then the broker's own, then the manifest's edits, then
 * the credential. Throws `SecretStoreError` for a credential that cannot stand in a header.
 */
export function buildOutbound(stages: Stages, call: CallInFlight, cleared: Cleared, shown: Shown, translated: TranslatedCall | null): BuiltRequest {
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
  if (translated !== null) headers = translated.translator.headers(headers, translated.stream);
  headers = withChain(headers, gateway.chainId, exchange.protocol);
  headers = editHeaders(editHeaders(editHeaders(headers, call.admitted), rule.requestHeaders), target.requestHeaders);
  // An answer that is to be read on its way must not come compressed: SDKs ask for gzip, and usage and errors would pass unseen.
  if (routed.operation.dialect !== null || routed.operation.inference) headers = [...remove(headers, ACCEPT_ENCODING), "accept-encoding", "identity"];
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
  const { namespace, serviceAccount } = routed.caller;
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
      firstByteMs: shorterLimit(backend.timeouts.firstByteMs, givenFirstByteMs(routed, cleared)),
    },
    // An answer that comes unasked on a kept connection is taken for the next call's: that must not be another tenant's, whosever the credential is.
    poolKey: isCallersOwn(credential) ? `${backend.key}|${namespace}/${serviceAccount}` : `${backend.key}|${namespace}`,
  };
  return {
    outbound,
    hidesUsage: encoded.hidesUsage,
    model: encoded.model,
    price: matched === null || matched === "unknown" ? null : matched.price,
    otherHost,
    credential,
  };
}

/** The standard lets Host pass unchanged. A destination outside knows itself by its own name only, so that is for Services. */
function keptHost(backend: Backend, authority: string): string | null {
  return backend.kind === "Service" && authority !== "" ? authority : null;
}
