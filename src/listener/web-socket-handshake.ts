import { isToken } from "../lib/field-syntax.ts";
import { find, findAll } from "../lib/header-list.ts";
import type { Handshake } from "../model/call.ts";
import { Refusal } from "../model/errors.ts";
import type { Exchange } from "../model/exchange.ts";

/** Base64 of 16 bytes. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const MAX_PROTOCOLS = 32;

/**
 * The opening handshake of a WebSocket, checked as a server checks it (RFC 6455 section 4.2.1), for the broker is one; null: the call asks for none,
 * and an `Upgrade` to anything else (`h2c`) ends here as any header of one hop. Throws `Refusal`: `upgrade_unsupported` where the platform
 * cannot join connections, 426 for another version, `request_malformed` for the rest.
 */
export function readHandshake(exchange: Exchange): Handshake | null {
  if (exchange.method !== "GET") return null;
  const { headers } = exchange;
  const upgrade = find(headers, "upgrade");
  if (upgrade === null || upgrade.trim().toLowerCase() !== "websocket") return null;
  if (exchange.joiner === null)
    throw new Refusal("upgrade_unsupported", { detail: "WebSockets are carried by the broker's server on Node alone, over HTTP/1.1." });
  // A body would stand between the handshake and the frames, and its end would be anybody's guess.
  if (exchange.body.present) throw malformed("has a body");
  if (only(headers, "sec-websocket-version") !== "13") {
    throw new Refusal("request_malformed", { detail: "The version of the WebSocket protocol must be 13.", status: 426 });
  }
  const key = only(headers, "sec-websocket-key") ?? "";
  if (!KEY.test(key)) throw malformed("has no Sec-WebSocket-Key that can be used");
  const protocols = findAll(headers, "sec-websocket-protocol")
    .flatMap((value) => value.split(","))
    .map((protocol) => protocol.trim());
  if (protocols.length > MAX_PROTOCOLS || !protocols.every(isToken) || new Set(protocols).size !== protocols.length) {
    throw malformed("offers subprotocols that cannot be read");
  }
  return { key, protocols };
}

/** Null: absent, or there twice, which two servers would read differently. */
function only(headers: Exchange["headers"], name: string): string | null {
  const values = findAll(headers, name);
  return values.length === 1 ? (values[0] ?? "").trim() : null;
}

function malformed(what: string): Refusal {
  return new Refusal("request_malformed", { detail: `The WebSocket handshake ${what}.` });
}
