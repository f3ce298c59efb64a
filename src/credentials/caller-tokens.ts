import { find } from "../lib/header-list.ts";
import type { CredentialPlan } from "../model/backend.ts";
import type { Identified } from "../model/call.ts";
import { SUBPROTOCOL_SLOT } from "../model/caller.ts";
import { Secret, type SecretReference } from "../model/secret.ts";
import { tokenInSubprotocols } from "../model/subprotocol-key.ts";
import { secretOf } from "./attach.ts";

/** Callers with a token of their own at the same time; beyond it the one that came first is forgotten. */
export const MAX_CALLER_TOKENS = 4_096;

/** Whether each caller has a token of its own there, exchanged for the one that it shows (RFC 8693). */
export function isPerCaller({ location }: SecretReference): boolean {
  return location.provider === "token" && location.plan.flow === "tokenExchange" && location.plan.subject === null;
}

/** Whether each caller comes to the backend with a credential of its own. */
export function isCallersOwn(credential: CredentialPlan | null): boolean {
  if (credential?.type === "passthrough") return true;
  const secret = secretOf(credential);
  return secret !== null && isPerCaller(secret);
}

/** Makes, of a credential that every caller has its own of, the reference of one caller's; one object as long as its token is the same. */
export interface CallerTokens {
  /** Null: the caller has shown no token that could be exchanged. Only a token that identity has verified ever is. */
  referenceFor(reference: SecretReference, call: Pick<Identified, "caller" | "tokenSlot" | "exchange">): SecretReference | null;
}

export function createCallerTokens(): CallerTokens {
  const known = new Map<string, { readonly of: SecretReference; readonly reference: SecretReference }>();
  let made = 0;
  return {
    referenceFor(reference, { caller, tokenSlot, exchange }) {
      const { location } = reference;
      // An API key of the broker means nothing to anybody else, and a platform's word is no token.
      if (location.provider !== "token" || caller.proof.kind !== "jwt" || tokenSlot === null) return null;
      const shown = (find(exchange.headers, tokenSlot) ?? "").trim();
      const token = tokenSlot === SUBPROTOCOL_SLOT ? tokenInSubprotocols(shown) : shown.replace(/^bearer +/i, "");
      const key = `${reference.id}\n${token}`;
      const found = known.get(key);
      if (found !== undefined && found.of === reference) return found.reference;
      made += 1;
      // A number in place of the token, or a digest of it: the id stands in logs.
      const id = `${reference.id}#${made}`;
      const own: SecretReference = { ...reference, id, location: { ...location, subject: new Secret(token, null) } };
      known.delete(key);
      known.set(key, { of: reference, reference: own });
      const oldest = known.size > MAX_CALLER_TOKENS ? known.keys().next() : null;
      if (oldest !== null && !oldest.done) known.delete(oldest.value);
      return own;
    },
  };
}

/** The credential policy that a reference belongs to: without the number of the caller, of which telemetry must not know thousands. */
export function sourceName(reference: SecretReference): string {
  const number = reference.id.indexOf("#");
  return number === -1 ? reference.id : reference.id.slice(0, number);
}
