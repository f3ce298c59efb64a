import { isFieldValue, isToken } from "../lib/field-syntax.ts";
import { targetFault } from "../lib/request-target.ts";
import type { OutboundRequest } from "../model/ports.ts";
import { SecretStoreError } from "../model/ports.ts";
import type { TokenEndpoint } from "../model/token-plan.ts";

/**
 * The last door for calls of the broker's own: they carry the credentials of all callers, so they go to the endpoint that was compiled and
 * nowhere else, and over TLS unless they stay on the machine or its link, or a manifest asks for plaintext toward a backend. Throws
 * `SecretStoreError` `denied`; every doubt throws, so it fails closed.
 */
export function checkControl(endpoint: TokenEndpoint, request: OutboundRequest): void {
  const { origin } = request;
  if (origin !== endpoint.origin || request.path !== endpoint.path || request.dns !== endpoint.dns || request.tls !== endpoint.tls) {
    refuse("it is not for the endpoint of its credential");
  }
  if ((origin.scheme === "https") !== (request.tls !== null)) refuse("the scheme and the TLS profile disagree");
  if (endpoint.local && request.dns.addresses.length === 0) refuse("an endpoint of the machine must name its address");
  const target = targetFault(request.path);
  if (target !== null) refuse(target);
  let hosts = 0;
  for (let at = 0; at < request.headers.length; at += 2) {
    const name = request.headers[at] ?? "";
    const value = request.headers[at + 1] ?? "";
    if (!isToken(name) || !isFieldValue(value)) refuse("a header cannot be sent");
    if (name.toLowerCase() !== "host") continue;
    hosts += 1;
    if (value !== endpoint.authority) refuse("Host is not the endpoint's own");
  }
  if (hosts !== 1) refuse("it does not have exactly one Host");
}

function refuse(reason: string): never {
  throw new SecretStoreError("denied", `the last check before sending refused the call for a token: ${reason}`);
}
