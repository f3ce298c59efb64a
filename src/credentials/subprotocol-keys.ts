import { find } from "../lib/header-list.ts";
import { SUBPROTOCOL_SLOT } from "../model/caller.ts";
import type { HeaderList } from "../model/http.ts";
import { meaningOfSubprotocol } from "../model/subprotocol-key.ts";

/** The headers of a WebSocket handshake without the subprotocols that carry a credential or name the account of one; the same list where there are none. */
export function withoutSubprotocolKeys(headers: HeaderList): HeaderList {
  if (find(headers, SUBPROTOCOL_SLOT) === null) return headers;
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const value = headers[index + 1] ?? "";
    const left = name.toLowerCase() === SUBPROTOCOL_SLOT ? withoutKeys(value) : value;
    // Nothing is offered in place of an empty list, which would not be one.
    if (left !== "") kept.push(name, left);
    else if (value === "") kept.push(name, value);
  }
  return kept;
}

function withoutKeys(value: string): string {
  return value
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => meaningOfSubprotocol(protocol).kind === "plain")
    .join(", ");
}
