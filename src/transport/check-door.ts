import { byName } from "../lib/by-name.ts";
import { isFieldValue, isToken } from "../lib/field-syntax.ts";
import { findAll } from "../lib/header-list.ts";
import { targetFault } from "../lib/request-target.ts";
import type { Cleared } from "../model/cleared.ts";
import { Refusal } from "../model/errors.ts";
import type { OutboundRequest } from "../model/ports.ts";
import type { RegionEvidence } from "../model/region.ts";
import { weigh } from "../model/weigh.ts";
import { locate } from "./locate/locate.ts";
import type { DoorFacts } from "./send.ts";

/** Written by the transport from the body itself; a copy from elsewhere is how a request is smuggled (T10). */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "expect", "te", "trailer"]);

/** What a header's name alone says at the door. */
const kindOf = byName((name: string): "host" | "framing" | "chain" | "plain" | "malformed" => {
  if (!isToken(name)) return "malformed";
  const lower = name.toLowerCase();
  if (lower === "host") return "host";
  if (lower.startsWith("egress-")) return "chain";
  return FRAMING.has(lower) ? "framing" : "plain";
});

/**
 * The last door: compares the request that is about to leave with the candidate that was cleared, and says what its lock thinks of where the
 * request would be processed; null: no lock binds it. Pure. Throws `internal_error` where the request is not what was cleared; every doubt throws
 * or denies, so it fails closed.
 */
export function checkDoor(cleared: Cleared, request: OutboundRequest, door: Pick<DoorFacts, "otherHost" | "credential" | "now">): RegionEvidence | null {
  const { otherHost, now } = door;
  const { backend, rewrite } = cleared.target;
  const { origin } = request;
  if (origin.scheme !== backend.origin.scheme || origin.hostname !== backend.origin.hostname || origin.port !== backend.origin.port) {
    refuse("the request is not for the backend that was cleared");
  }
  if (door.credential !== backend.credential) refuse("the request carries a credential that is not for this backend");
  if (request.tls !== backend.tls || request.dns !== backend.dns || request.protocol !== backend.protocol) {
    refuse("the request does not use the backend's own connection profile");
  }
  if ((origin.scheme === "https") !== (request.tls !== null)) refuse("the scheme and the TLS profile disagree");
  // TRACE would have the destination send the credential back.
  if (!isToken(request.method) || request.method === "CONNECT" || request.method === "TRACE") refuse("the method cannot be forwarded");
  if (request.upgrade !== null && (request.method !== "GET" || request.body.kind !== "none" || request.protocol !== "http1")) {
    refuse("only a GET without body over HTTP/1.1 can ask for another protocol");
  }
  checkTarget(request.path);
  checkHeaders(request, backend.authority, rewrite?.hostname ?? otherHost, backend.parent !== null);
  if (cleared.lock === null) return null;
  if (cleared.evidence.rule === "parent.promise") {
    // The lock has been weighed; what is left is that the parent is told of it.
    if (findAll(request.headers, "egress-chain").length !== 1) refuse("a parent is not told of the lock");
    return cleared.evidence;
  }
  return weigh(locate(request, backend.region), cleared.lock, now);
}

function checkTarget(target: string): void {
  const fault = targetFault(target);
  if (fault !== null) refuse(fault);
}

/** The one framing header that HTTP/2 has (RFC 9113 section 8.2.2), and gRPC must send. */
function isTrailersOffer(protocol: OutboundRequest["protocol"], name: string, value: string): boolean {
  return protocol !== "http1" && name === "te" && value === "trailers";
}

function checkHeaders({ headers, protocol }: OutboundRequest, authority: string, otherHost: string | null, toParent: boolean): void {
  if (headers.length % 2 !== 0) refuse("the header list is not made of pairs");
  let hosts = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const kind = kindOf(headers[i] ?? "");
    const value = headers[i + 1] ?? "";
    if (kind === "malformed") refuse("a header name is not a token");
    if (!isFieldValue(value)) refuse("a header value has a character that cannot be sent");
    if (kind === "host") {
      hosts += 1;
      if (value !== authority && value !== otherHost) refuse("Host is not the backend's own");
    } else if (kind === "chain" && !toParent) {
      refuse("what brokers say to each other is not for a destination");
    } else if (kind === "framing" && !isTrailersOffer(protocol, headers[i] ?? "", value)) {
      refuse("a header would frame the message or govern the connection");
    }
  }
  if (hosts !== 1) refuse("the request does not have exactly one Host");
}

function refuse(reason: string): never {
  throw new Refusal("internal_error", { detail: `The last check before sending refused the request: ${reason}.` });
}
