import { SecretStoreError } from "../model/ports.ts";
import { Secret, type SecretLocation } from "../model/secret.ts";

/**
 * The member of a JSON secret that the manifest names with `jsonKey`; the secret itself where it names none. Every
 * store gives the whole value, and this is the one place that opens it.
 * Throws `SecretStoreError` `malformed` when the value is no JSON object or holds no such string.
 */
export function extractJsonKey(secret: Secret, location: SecretLocation): Secret {
  const key = "jsonKey" in location ? location.jsonKey : null;
  if (key === null) return secret;
  const document = parse(secret.reveal());
  // Own properties only: `__proto__` or `constructor` is a key like any other.
  if (!Object.hasOwn(document, key)) throw new SecretStoreError("malformed", `the secret holds no member ${JSON.stringify(key)}`);
  const value: unknown = Reflect.get(document, key);
  if (typeof value !== "string" || value === "") throw new SecretStoreError("malformed", `member ${JSON.stringify(key)} of the secret is not a string`);
  return new Secret(value, secret.version);
}

function parse(text: string): object {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's message quotes the text: it must not go on.
    throw new SecretStoreError("malformed", "the secret is not JSON, but its SecretSource names a jsonKey");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new SecretStoreError("malformed", "the secret is not a JSON object, but its SecretSource names a jsonKey");
  }
  return document;
}
