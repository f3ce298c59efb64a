import { find, findAll, remove } from "../lib/header-list.ts";
import type { CredentialPlan } from "../model/backend.ts";
import { CREDENTIAL_SLOTS, type CredentialSlot, SUBPROTOCOL_SLOT } from "../model/caller.ts";
import type { HeaderList } from "../model/http.ts";
import { SecretStoreError } from "../model/ports.ts";
import type { Secret, SecretReference } from "../model/secret.ts";
import { tokenSlots } from "../model/token-slots.ts";
import { withoutSubprotocolKeys } from "./subprotocol-keys.ts";

export interface CredentialTarget {
  readonly headers: HeaderList;
  /** Path with query. */
  readonly path: string;
}

/** The secret that the broker's own credential is made of; null: the backend has none, or the caller shows its own. */
export function secretOf(plan: CredentialPlan | null): SecretReference | null {
  return plan === null || plan.type === "passthrough" ? null : plan.secret;
}

/** All that may prove the caller to somebody: none of it may reach a backend that has a credential of its own. */
const CLIENT_CREDENTIALS: ReadonlySet<string> = new Set([...CREDENTIAL_SLOTS, "cookie", "proxy-authorization", "x-amz-security-token"]);

/**
 * The request's headers without the caller's credentials: all of them where the backend has a credential of its own or none,
 * else the broker's own token, which leaves in no case. To be called before a manifest's header filters, which may set what they like.
 */
export function withoutClientCredentials(plan: CredentialPlan | null, headers: HeaderList, tokenSlot: CredentialSlot | null): HeaderList {
  if (plan === null || plan.stripClientCredentials) return withoutSubprotocolKeys(remove(headers, CLIENT_CREDENTIALS));
  return remove(tokenSlot === SUBPROTOCOL_SLOT ? withoutSubprotocolKeys(headers) : headers, brokerToken(headers, tokenSlot));
}

/** The token by which a parent is told who calls. Throws as `attach` does. */
export function attachForwarded(token: Secret, request: CredentialTarget): CredentialTarget {
  return { headers: setHeader(request.headers, "authorization", printable("Bearer ", token)), path: request.path };
}

/**
 * Puts the broker's credential on, last. Throws `SecretStoreError` `malformed` when the plan needs a secret that is
 * missing or cannot stand in a header. A signature is not its business: `signOutbound` makes it of the final bytes.
 */
export function attach(plan: CredentialPlan | null, secret: Secret | null, request: CredentialTarget): CredentialTarget {
  const { headers, path } = request;
  if (plan === null || plan.type === "passthrough" || plan.type === "sigV4") return request;
  if (secret === null) throw new SecretStoreError("malformed", "the credential policy needs a secret and none was read");
  if (plan.type === "bearer") {
    const withToken = setHeader(headers, "authorization", printable("Bearer ", secret));
    return { headers: plan.beside === null ? withToken : addToList(withToken, plan.beside), path };
  }
  if (plan.in === "header") return { headers: setHeader(headers, plan.name.toLowerCase(), printable(plan.prefix, secret)), path };
  return { headers, path: setQueryParameter(path, plan.name, printable("", secret)) };
}

/** The broker's token, in each slot that holds it. */
function brokerToken(headers: HeaderList, tokenSlot: CredentialSlot | null): ReadonlySet<string> {
  // Proxy-Authorization is for the proxy it is sent to, which is this one (RFC 9110 section 11.7.2).
  return new Set(["proxy-authorization", ...tokenSlots(headers, tokenSlot)]);
}

/** field-value of RFC 9110 section 5.5, without white space at its ends. */
const FIELD_VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/;

/** By secret, which is one object as long as its value is the same: the last prefix and what came of it. */
const printed = new WeakMap<Secret, { readonly prefix: string; readonly whole: string }>();

function printable(prefix: string, secret: Secret): string {
  const known = printed.get(secret);
  if (known !== undefined && known.prefix === prefix) return known.whole;
  const whole = print(prefix, secret);
  printed.set(secret, { prefix, whole });
  return whole;
}

/** The value without the newline that files end with. Fails closed on anything that could end the header and begin another. */
function print(prefix: string, secret: Secret): string {
  const value = secret.reveal().replace(/\r?\n$/, "");
  const whole = prefix + value;
  if (value === "" || !FIELD_VALUE.test(whole))
    throw new SecretStoreError("malformed", "the secret is empty or holds characters that cannot stand in a request");
  return whole;
}

function setHeader(headers: HeaderList, lowerName: string, value: string): HeaderList {
  const kept = find(headers, lowerName) === null ? headers.slice() : [...remove(headers, new Set([lowerName]))];
  kept.push(lowerName, value);
  return kept;
}

/** Adds a value to a header that is a list, after what is there; once. */
function addToList(headers: HeaderList, { name, value }: { readonly name: string; readonly value: string }): HeaderList {
  const there = findAll(headers, name).flatMap((list) => list.split(",").map((item) => item.trim()));
  return there.includes(value) ? headers : setHeader(headers, name, [...there.filter((item) => item !== ""), value].join(","));
}

/** Every other parameter keeps its spelling; all of this name go, however they are encoded. */
function setQueryParameter(path: string, name: string, value: string): string {
  const mark = path.indexOf("?");
  const base = mark === -1 ? path : path.slice(0, mark);
  const query = mark === -1 ? "" : path.slice(mark + 1);
  const kept = query === "" ? [] : query.split("&").filter((part) => parameterName(part) !== name);
  kept.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return `${base}?${kept.join("&")}`;
}

function parameterName(part: string): string {
  const equals = part.indexOf("=");
  const name = (equals === -1 ? part : part.slice(0, equals)).replaceAll("+", " ");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
