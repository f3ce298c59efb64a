import { type Resolved, resolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** Reads a value out of a core Secret. Messages name the Secret and its keys, never a value. */
export function readSecretKey(secret: ManifestOf<"Secret">, key: string): Resolved<string> {
  const { data, stringData } = secret.body;
  const plain = own(stringData, key);
  if (plain !== null) return resolved(plain);
  const encoded = own(data, key);
  if (encoded === null) return unresolved("SecretMalformed", `Secret ${secret.namespace}/${secret.name} has no key ${key}`);
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return resolved(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return unresolved("SecretMalformed", `key ${key} of Secret ${secret.namespace}/${secret.name} is not base64 of UTF-8 text`);
  }
}

/** The key that is meant when a reference names none: `value`, then `token`, then the only one. Null: that cannot be told. */
export function defaultSecretKey(secret: ManifestOf<"Secret">): string | null {
  const keys = [...new Set([...Object.keys(secret.body.data ?? {}), ...Object.keys(secret.body.stringData ?? {})])];
  if (keys.includes("value")) return "value";
  if (keys.includes("token")) return "token";
  return keys.length === 1 ? (keys[0] ?? null) : null;
}

function own(map: Readonly<Record<string, string>> | null | undefined, key: string): string | null {
  return map !== null && map !== undefined && Object.hasOwn(map, key) ? (map[key] ?? null) : null;
}
