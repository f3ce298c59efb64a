import { Secret, type SecretStore, SecretStoreError } from "../../src/index.ts";
import { readBounded } from "../transport/read-bounded.ts";
import { crc32c } from "./crc32c.ts";
import { createGoogleAccessTokens, type GoogleAccessTokens } from "./google-access-token.ts";
import { googleSecretName } from "./google-secret-name.ts";
import { bytesOfBase64, textOf } from "./secret-text.ts";

export interface GoogleSignedFetchOptions {
  /** Text of a service account's key (JSON); null: there is none. */
  readonly key: () => Promise<string | null>;
  /** Origin in place of Google's own, and where tokens are asked for; null: Google's own. */
  readonly endpoint: string | null;
  readonly tokenUrl?: string;
  /** Milliseconds for a read, the token included; the cache gives up after 5 s. */
  readonly deadlineMs?: number;
}

/** A secret has at most 64 KiB, in base64. */
const MAX_ANSWER_BYTES = 128 * 1024;

/** Google's names of its answers that are answers; all else is an outage. As the gRPC codes in `google-secret-manager.ts`. */
const REASONS: ReadonlyMap<unknown, "denied" | "missing"> = new Map([
  ["INVALID_ARGUMENT", "missing"],
  ["NOT_FOUND", "missing"],
  ["FAILED_PRECONDITION", "missing"],
  ["PERMISSION_DENIED", "denied"],
  ["UNAUTHENTICATED", "denied"],
]);

interface Answer {
  readonly status: number;
  readonly document: unknown;
}

/** Secrets in Google Secret Manager without its client, over REST. For Workers, where the client cannot run: it makes code from strings. */
export function createGoogleSignedFetchStore(options: GoogleSignedFetchOptions): SecretStore {
  const { key, endpoint, tokenUrl, deadlineMs = 4_500 } = options;
  const tokens = createGoogleAccessTokens({ key, ...(tokenUrl === undefined ? {} : { tokenUrl }) });
  return {
    providers: new Set(["googleSecretManager"] as const),
    async fetch(location, signal) {
      if (location.provider !== "googleSecretManager") throw new SecretStoreError("missing", `Google Secret Manager holds no ${location.provider}`);
      if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
      const { name, place } = googleSecretName(location);
      // A regional secret is served by its region's endpoint alone, and never leaves it.
      const origin = endpoint ?? `https://secretmanager.${place === null ? "" : `${place}.rep.`}googleapis.com`;
      try {
        return readAnswer(await access(`${origin}/v1/${name}:access`, tokens, AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)])));
      } catch (error) {
        // Nothing of what the platform throws goes on: it may quote the request.
        throw error instanceof SecretStoreError ? error : new SecretStoreError("unavailable", "Google Secret Manager did not answer in time");
      }
    },
  };
}

/** A held token that is refused was revoked before its time: one more try, with a new one. */
async function access(url: string, tokens: GoogleAccessTokens, signal: AbortSignal): Promise<Answer> {
  for (;;) {
    const { text, fresh } = await tokens.token(signal);
    const answer = await ask(url, text, signal);
    if (answer.status !== 401) return answer;
    tokens.forget(text);
    if (fresh) return answer;
  }
}

async function ask(url: string, token: string, signal: AbortSignal): Promise<Answer> {
  // A cache may not hold a secret, and a token follows no redirect.
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` }, redirect: "manual", cache: "no-store", signal });
  const bytes = await readBounded(answer, MAX_ANSWER_BYTES);
  return { status: answer.status, document: bytes === null ? null : parse(bytes) };
}

function readAnswer({ status, document }: Answer): Secret {
  if (status !== 200) {
    const told = member(member(document, "error"), "status");
    throw new SecretStoreError(REASONS.get(told) ?? "unavailable", `Google Secret Manager: ${REASONS.has(told) ? told : status}`);
  }
  const payload = member(document, "payload");
  const data = member(payload, "data");
  const expected = member(payload, "dataCrc32c");
  if (typeof data !== "string" || (typeof expected !== "string" && typeof expected !== "number"))
    throw new SecretStoreError("malformed", "Google Secret Manager answered without a value or its check sum");
  const bytes = bytesOfBase64(data);
  if (String(expected) !== String(crc32c(bytes))) throw new SecretStoreError("malformed", "the check sum of Google Secret Manager's answer is wrong");
  const version = member(document, "name");
  return new Secret(textOf(bytes), typeof version === "string" ? (version.split("/").at(-1) ?? null) : null);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

function member(of: unknown, name: string): unknown {
  // as: it is an object, and any member of it is unknown.
  return typeof of === "object" && of !== null && Object.hasOwn(of, name) ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
}
