import type { Handshake } from "../model/call.ts";
import { CREDENTIAL_SLOTS, type CredentialSlot, SUBPROTOCOL_SLOT } from "../model/caller.ts";
import { Refusal } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";
import { meaningOfSubprotocol } from "../model/subprotocol-key.ts";

/** One credential that the caller shows. `fault`: it cannot be the broker's, whatever it is; the value is empty then. */
export interface PresentedCredential {
  readonly slot: CredentialSlot;
  readonly token: string;
  readonly fault: string | null;
}

const MAX_TOKEN_CHARACTERS = 8_192;

const BEARER = /^bearer(?: +|$)/i;

/**
 * The credentials in the slots where SDKs put keys, in the order in which they are tried. Throws `Refusal`
 * `identity_rejected` where a slot is filled twice, by two headers or by one that an intermediary joined with a comma:
 * two parties that read different halves would see different callers.
 */
export function presentedCredentials(headers: HeaderList, handshake: Handshake | null): readonly PresentedCredential[] {
  let presented: PresentedCredential[] | null = null;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const slot = slotOf(headers[index] ?? "");
    if (slot === null) continue;
    presented ??= [];
    if (presented.some((other) => other.slot === slot)) throw ambiguous(slot, "is sent twice");
    presented.push(read(slot, headers[index + 1] ?? ""));
  }
  if (presented === null) return handshake === null ? NONE : inSubprotocols(handshake);
  const sorted = presented.length === 1 ? presented : presented.sort((one, other) => ORDER.indexOf(one.slot) - ORDER.indexOf(other.slot));
  return handshake === null ? sorted : [...sorted, ...inSubprotocols(handshake)];
}

const ORDER: readonly CredentialSlot[] = CREDENTIAL_SLOTS;

/** The credential that a browser puts among the subprotocols. */
function inSubprotocols({ protocols }: Handshake): readonly PresentedCredential[] {
  const found = protocols.map(meaningOfSubprotocol).filter((meaning) => meaning.kind === "credential");
  if (found.length > 1) throw ambiguous(SUBPROTOCOL_SLOT, "holds more than one credential");
  return found.map(({ token }) =>
    token === null ? { slot: SUBPROTOCOL_SLOT, token: "", fault: "the credential cannot be read" } : readToken(SUBPROTOCOL_SLOT, token),
  );
}

const NONE: readonly PresentedCredential[] = [];

const SLOT_LENGTHS: ReadonlySet<number> = new Set(CREDENTIAL_SLOTS.map((slot) => slot.length));

function slotOf(name: string): (typeof CREDENTIAL_SLOTS)[number] | null {
  // Most headers differ in length already; lower-casing each would be the dearest part of this stage.
  if (!SLOT_LENGTHS.has(name.length)) return null;
  const lower = name.toLowerCase();
  for (const slot of CREDENTIAL_SLOTS) if (slot === lower) return slot;
  return null;
}

function read(slot: CredentialSlot, value: string): PresentedCredential {
  let token = value.trim();
  if (slot === "authorization") {
    const scheme = BEARER.exec(token);
    // `Basic`, `AWS4-HMAC-SHA256` and the rest are somebody else's: RFC 6750 section 2.1 is the only form that is read here.
    if (scheme === null) return { slot, token: "", fault: "only the scheme Bearer is accepted" };
    token = token.slice(scheme[0].length);
  }
  return readToken(slot, token);
}

function readToken(slot: CredentialSlot, token: string): PresentedCredential {
  if (token === "") return { slot, token: "", fault: "the credential is empty" };
  if (token.length > MAX_TOKEN_CHARACTERS) return { slot, token: "", fault: `the credential is longer than ${MAX_TOKEN_CHARACTERS} characters` };
  if (/[\s,]/.test(token)) throw ambiguous(slot, "holds more than one credential");
  return { slot, token, fault: null };
}

function ambiguous(slot: CredentialSlot, what: string): Refusal {
  return new Refusal("identity_rejected", { detail: `The header ${slot} ${what}.` });
}
