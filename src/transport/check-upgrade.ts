import { findAll } from "../lib/header-list.ts";
import type { Handshake } from "../model/call.ts";
import type { HeaderList } from "../model/http.ts";

/** RFC 6455 section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Why the 101 of a destination is no agreement to this handshake (RFC 6455 section 4.1); null: it is one. Without this check anything that
 * answers 101 would get the caller's connection, and the caller would be told things that nobody agreed to. `offered` is the request as it left.
 */
export async function upgradeFault(handshake: Handshake, offered: HeaderList, answered: HeaderList): Promise<string | null> {
  if (!sole(answered, "upgrade", (value) => value.toLowerCase() === "websocket")) return "the destination agreed to another protocol";
  const accept = await acceptOf(handshake.key);
  if (!sole(answered, "sec-websocket-accept", (value) => value === accept)) return "the destination did not answer the handshake's key";
  const chosen = findAll(answered, "sec-websocket-protocol").map((value) => value.trim());
  const known = listed(offered, "sec-websocket-protocol");
  if (chosen.length > 1 || chosen.some((protocol) => !known.includes(protocol))) return "the destination chose a subprotocol that was not offered";
  const extensions = listed(offered, "sec-websocket-extensions").map(nameOf);
  if (listed(answered, "sec-websocket-extensions").some((extension) => !extensions.includes(nameOf(extension)))) {
    return "the destination chose an extension that was not offered";
  }
  return null;
}

async function acceptOf(key: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}

function sole(headers: HeaderList, name: string, isRight: (value: string) => boolean): boolean {
  const values = findAll(headers, name);
  return values.length === 1 && isRight((values[0] ?? "").trim());
}

function listed(headers: HeaderList, name: string): readonly string[] {
  return findAll(headers, name)
    .flatMap((value) => value.split(","))
    .map((entry) => entry.trim());
}

function nameOf(extension: string): string {
  return (extension.split(";", 1)[0] ?? "").trim();
}
