/** What a browser keeps of a sign-in. */
const NAME = "spillway-console";
const MAX_AGE_SECONDS = 8 * 3_600;
/** Browsers drop a cookie of more than 4,096 characters, name and attributes aside, without a word. */
const MAX_TOKEN = 4_000;
/** What RFC 6750 allows in a bearer token, and what API keys are made of; nothing of it means anything in a cookie. */
const TOKEN = /^[A-Za-z0-9\-._~+/=:@!$&*|]+$/;

/** Why a token cannot be kept in a cookie; null: it can. Quotes nothing of it. */
export function tokenFault(token: string): string | null {
  if (token === "") return "Enter a token.";
  if (token.length > MAX_TOKEN) return `The token is longer than the ${MAX_TOKEN} characters that a browser can keep.`;
  return TOKEN.test(token) ? null : "This is not a token: it holds characters that no token has.";
}

/**
 * The value of `Set-Cookie` that keeps the token. It is the token itself, which is checked anew with every request: what is revoked is out at once, and a session
 * holds on whichever instance, after a restart too. No script can read it, no other site can have it sent, and egress calls never see it (`Path`).
 */
export function sessionCookie(token: string, isSecure: boolean): string {
  return `${nameFor(isSecure)}=${token}; ${attributes(isSecure)}; Max-Age=${MAX_AGE_SECONDS}`;
}

/** The value of `Set-Cookie` that forgets it. */
export function endedSession(isSecure: boolean): string {
  return `${nameFor(isSecure)}=; ${attributes(isSecure)}; Max-Age=0`;
}

/** The token of a `Cookie` header; null: there is none. Two of the name are none: somebody else has planted one. */
export function readSession(header: string | null, isSecure: boolean): string | null {
  if (header === null) return null;
  const prefix = `${nameFor(isSecure)}=`;
  const values = header.split(";").flatMap((pair) => (pair.trim().startsWith(prefix) ? [pair.trim().slice(prefix.length)] : []));
  const [token] = values;
  return values.length === 1 && token !== undefined && tokenFault(token) === null ? token : null;
}

/** With the prefix a browser takes the cookie from https only; `__Host-` would need `Path=/`, with which egress calls would carry it. */
function nameFor(isSecure: boolean): string {
  return isSecure ? `__Secure-${NAME}` : NAME;
}

function attributes(isSecure: boolean): string {
  return `Path=/-/; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}
