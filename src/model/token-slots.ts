import { CREDENTIAL_SLOTS, type CredentialSlot, SUBPROTOCOL_SLOT } from "./caller.ts";
import type { HeaderList } from "./http.ts";

/** The headers that hold the broker's own token: the slot it was found in, and any other that holds the same one, for SDKs are told a key twice at times. */
export function tokenSlots(headers: HeaderList, tokenSlot: CredentialSlot | null): readonly string[] {
  // A header of subprotocols holds more than the token; whoever takes that out looks into it.
  if (tokenSlot === null || tokenSlot === SUBPROTOCOL_SLOT) return [];
  const values = new Map<string, string>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    // The first of a name counts; identity refuses a second one.
    if (SLOTS.has(name) && !values.has(name)) values.set(name, bare(headers[index + 1] ?? ""));
  }
  const token = values.get(tokenSlot);
  return CREDENTIAL_SLOTS.filter((slot) => slot === tokenSlot || (token !== undefined && values.get(slot) === token));
}

const SLOTS: ReadonlySet<string> = new Set(CREDENTIAL_SLOTS);

function bare(value: string): string {
  return value.trim().replace(/^bearer[ \t]+/i, "");
}
