import { SecretStoreError } from "../../model/ports.ts";
import type { AssertionSource } from "../../model/token-plan.ts";
import { readSigningKey } from "../signing-key.ts";
import type { TokenWork } from "./token-work.ts";

/** Anthropic takes at most 16 KiB, and nobody's token is longer. */
const MAX_ASSERTION_LENGTH = 16 * 1024;

/** The assertion to show now. Rejects with `SecretStoreError`. */
export async function readAssertion(work: TokenWork, source: AssertionSource): Promise<string> {
  if (source.kind === "signed") return signAssertion(work, source);
  // The kubelet writes a new one long before the old one ends: a copy from before could be refused.
  const secret = source.kind === "secret" ? await work.read(source.secret) : await work.readAnew({ provider: "file", path: source.path, jsonKey: null });
  const text = secret?.reveal().trim() ?? "";
  if (text === "") throw new SecretStoreError("missing", "the token that the broker has to show is not there");
  if (text.length > MAX_ASSERTION_LENGTH) throw new SecretStoreError("malformed", "the token that the broker has to show is longer than 16 KiB");
  return text;
}

async function signAssertion(work: TokenWork, source: Extract<AssertionSource, { kind: "signed" }>): Promise<string> {
  const { issuer, subject, audience, ttlSeconds } = source;
  const key = await readSigningKey(await work.read(source.key), source.keyId);
  const iat = Math.floor(work.now() / 1_000);
  return key.sign({ iss: issuer, sub: subject, aud: audience, jti: crypto.randomUUID(), iat, exp: iat + ttlSeconds });
}
