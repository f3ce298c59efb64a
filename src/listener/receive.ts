import { isToken } from "../lib/field-syntax.ts";
import { targetFault } from "../lib/request-target.ts";
import type { Received } from "../model/call.ts";
import { Refusal } from "../model/errors.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Operation } from "../model/operation.ts";
import type { CompiledListener, Snapshot } from "../model/snapshot.ts";
import { chooseListener } from "./choose-listener.ts";
import { loopFault } from "./loop-guard.ts";
import { readHandshake } from "./web-socket-handshake.ts";

/**
 * Stage 1: a request that is well formed, within its bounds, not a loop, and belongs to a listener. Throws `Refusal`.
 * `operation` is what the providers read from method and path.
 */
export function receive(exchange: Exchange, snapshot: Snapshot, id: string, operation: Operation): Received {
  const { method, target } = exchange;
  if (!mayForward(method)) throw new Refusal("request_malformed", { detail: "The method cannot be forwarded." });
  const fault = targetFault(target);
  if (fault !== null) throw new Refusal("request_malformed", { detail: `The request cannot be routed safely: ${fault}.` });
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  const host = hostOf(exchange.authority);
  const chosen = chooseListener(snapshot, host, exchange.port, exchange.scheme);
  if (chosen === null) {
    throw new Refusal("route_not_found", { detail: `No listener accepts the host "${host}". Ask the gateway's admin which host names it serves.` });
  }
  const { gateway, listener } = chosen;
  if (exchange.serverName !== null) checkConnection(exchange, exchange.serverName, snapshot, host, listener);
  const loop = loopFault(exchange.headers, gateway.chainId);
  if (loop === "ourselves")
    throw new Refusal("egress_loop", { detail: `This call has already passed the broker ${gateway.chainId}: a backend of it leads back here.` });
  if (loop === "too_many") throw new Refusal("egress_loop", { detail: "This call has passed too many intermediaries: CDN-Loop or Via names more than 32." });
  const declared = exchange.body.declaredLength;
  if (declared !== null && declared > gateway.bounds.maxRequestBytes) throw tooLarge(gateway.bounds.maxRequestBytes);
  const query = mark === -1 ? "" : target.slice(mark);
  return { id, exchange, snapshot, gateway, listener, host, method, path, query, operation, handshake: readHandshake(exchange) };
}

/**
 * A client may use one HTTP/2 connection for all names of its certificate (RFC 9113 section 9.1.1). What was agreed for one listener must not serve
 * another: 421 sends the client to a connection of its own (GEP-3567).
 */
function checkConnection(exchange: Exchange, serverName: string, snapshot: Snapshot, host: string, listener: CompiledListener): void {
  const name = hostOf(serverName);
  if (name === host || chooseListener(snapshot, name, exchange.port, "https")?.listener === listener) return;
  throw new Refusal("misdirected", { detail: `This connection was made for another listener than that of "${host}": make one for that name.` });
}

/** TRACE would have the destination answer with the request as it came, the broker's credential included (RFC 9110 section 9.3.8). CONNECT asks for a tunnel. */
function mayForward(method: string): boolean {
  return isToken(method) && method !== "TRACE" && method !== "CONNECT";
}

export function tooLarge(maxBytes: number): Refusal {
  return new Refusal("request_too_large", { detail: `The body may have at most ${maxBytes} bytes (BrokerConfig spec.bounds.maxRequestBytes).` });
}

/** Lower-case host of an authority, without port and without the trailing dot of a fully qualified name. */
export function hostOf(authority: string): string {
  let host = authority.toLowerCase();
  const colon = host.lastIndexOf(":");
  if (colon !== -1 && colon > host.lastIndexOf("]")) host = host.slice(0, colon);
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
