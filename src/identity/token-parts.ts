/** A compact JWS, taken apart but not verified: good only for choosing the issuer and for refusing early. */
export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Strict: three parts of base64url without padding or white space. A decoder that forgives is a second spelling of the same token. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Whether the credential has the form of a JWT at all; what has not is an API key, if anything. */
export function looksLikeJwt(token: string): boolean {
  // `eyJ` is base64url of `{"`, with which every JOSE header in the wild begins.
  return token.startsWith("eyJ") && token.includes(".");
}

/** Null: not a compact JWS with two JSON objects. */
export function tokenParts(token: string): TokenParts | null {
  if (!COMPACT.test(token)) return null;
  const [header = "", claims = ""] = token.split(".");
  const parsedHeader = jsonObject(header);
  const parsedClaims = jsonObject(claims);
  return parsedHeader === null || parsedClaims === null ? null : { header: parsedHeader, claims: parsedClaims };
}

function jsonObject(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own member of an object that came from outside, so that `__proto__` or `constructor` is not found by accident; undefined where there is none. */
export function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
