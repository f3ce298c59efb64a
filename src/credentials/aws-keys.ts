import { asObject, asString, type JsonObject, parseJson } from "../lib/json-value.ts";
import { SecretStoreError } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";

/** What a request is signed with. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Null: the keys are not temporary. */
  readonly sessionToken: string | null;
}

/** By secret, which is one object as long as its value is the same. */
const known = new WeakMap<Secret, AwsKeys>();

/** Letters, digits and what base64 has: none of it can end a header. */
const KEY_ID = /^[A-Za-z0-9_]{4,256}$/;
const PRINTABLE = /^[\x21-\x7e]{1,16384}$/;

/**
 * The keys in a secret: a JSON object with `accessKeyId` and `secretAccessKey`, and `sessionToken` where they are temporary; names as AWS's
 * own services write them are taken too. Throws `SecretStoreError` `malformed`, which quotes nothing.
 */
export function awsKeysOf(secret: Secret): AwsKeys {
  const read = known.get(secret);
  if (read !== undefined) return read;
  const body = asObject(parseJson(secret.reveal()));
  const keys = body === null ? null : keysIn(body);
  if (keys === null) throw new SecretStoreError("malformed", "the secret is not a JSON object with accessKeyId and secretAccessKey");
  known.set(secret, keys);
  return keys;
}

/** Null: they are not there, or cannot be keys. */
export function keysIn(body: JsonObject): AwsKeys | null {
  const text = (...names: readonly string[]) => names.map((name) => asString(body[name])).find((value) => value !== null) ?? null;
  const accessKeyId = text("accessKeyId", "AccessKeyId", "aws_access_key_id", "AWS_ACCESS_KEY_ID");
  const secretAccessKey = text("secretAccessKey", "SecretAccessKey", "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY");
  const sessionToken = text("sessionToken", "SessionToken", "Token", "aws_session_token", "AWS_SESSION_TOKEN");
  if (accessKeyId === null || secretAccessKey === null || !KEY_ID.test(accessKeyId) || !PRINTABLE.test(secretAccessKey)) return null;
  if (sessionToken !== null && sessionToken !== "" && !PRINTABLE.test(sessionToken)) return null;
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken || null };
}

/** Keys as the secret that the cache holds. */
export function keysSecret(keys: AwsKeys, goodForMs: number | null): Secret {
  return new Secret(JSON.stringify(keys), null, goodForMs);
}
