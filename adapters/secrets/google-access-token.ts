import { googleAssertion, SecretStoreError } from "../../src/index.ts";
import { readBounded } from "../transport/read-bounded.ts";

const TOKEN_URL = "https://oauth2.googleapis.com/token";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const MAX_ANSWER_BYTES = 32 * 1024;
/** A token is not used any more this long before its end, in milliseconds: clocks differ, and a read takes its time. */
const MARGIN_MS = 120_000;

export interface GoogleAccessTokensOptions {
  /** Text of a service account's key (JSON); null: there is none. */
  readonly key: () => Promise<string | null>;
  /** Where the grant goes, in place of Google's own address. */
  readonly tokenUrl?: string;
}

/** Access tokens for Google's APIs by a service account's key. */
export interface GoogleAccessTokens {
  /** A token that is good for two minutes at least. Rejects with `SecretStoreError`: `denied` where Google or the key says no, else `unavailable`. */
  token(signal: AbortSignal): Promise<{ readonly text: string; readonly fresh: boolean }>;
  /** The token was refused: the next one is a new one. */
  forget(text: string): void;
}

/**
 * By the grant of RFC 7523: an assertion, signed with the key, for a token of an hour. The token is held, not the promise of it:
 * on Workers one call must not wait for what another began.
 */
export function createGoogleAccessTokens(options: GoogleAccessTokensOptions): GoogleAccessTokens {
  const { tokenUrl = TOKEN_URL } = options;
  let held: { readonly text: string; readonly until: number; readonly key: string } | null = null;
  return {
    async token(signal) {
      const written = await options.key();
      if (written === null)
        throw new SecretStoreError("denied", "Google Secret Manager needs a service account's key in the binding GOOGLE_SERVICE_ACCOUNT_KEY");
      if (held !== null && held.key === written && Date.now() < held.until) return { text: held.text, fresh: false };
      const { text, seconds } = await ask(tokenUrl, await assertion(written, tokenUrl), signal);
      held = { text, until: Date.now() + seconds * 1_000 - MARGIN_MS, key: written };
      return { text, fresh: true };
    },
    forget(text) {
      if (held?.text === text) held = null;
    },
  };
}

/** Whatever is wrong with the key, somebody has to mend it: no call for a secret may go on meanwhile. */
async function assertion(key: string, audience: string): Promise<string> {
  try {
    return await googleAssertion(key, audience, { kind: "access", scopes: [SCOPE] }, Date.now());
  } catch {
    throw new SecretStoreError("denied", "GOOGLE_SERVICE_ACCOUNT_KEY is not the JSON key of a service account that can sign");
  }
}

async function ask(tokenUrl: string, signed: string, signal: AbortSignal): Promise<{ readonly text: string; readonly seconds: number }> {
  const answer = await fetch(tokenUrl, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: signed }).toString(),
    redirect: "manual",
    signal,
  });
  const bytes = await readBounded(answer, MAX_ANSWER_BYTES);
  // invalid_grant (400) and invalid_client (401): the key was deleted, or the account is disabled.
  if (answer.status === 400 || answer.status === 401 || answer.status === 403)
    throw new SecretStoreError("denied", `Google did not accept the service account's key (${answer.status})`);
  const parsed = answer.status === 200 && bytes !== null ? parse(bytes) : null;
  if (!isRecord(parsed)) throw new SecretStoreError("unavailable", `Google gave no token (${answer.status})`);
  const { access_token: text, expires_in: seconds } = parsed;
  if (typeof text !== "string" || text === "" || typeof seconds !== "number") throw new SecretStoreError("unavailable", "Google gave no token");
  return { text, seconds };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
