import { SecretStoreError } from "../../src/index.ts";

/** Fails on what is not UTF-8: a replaced character would be a wrong secret that looks right. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SecretStoreError("malformed", "the secret is not UTF-8 text");
  }
}

/** Standard base64, padded; anything else is `malformed`. */
export function bytesOfBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new SecretStoreError("malformed", "the secret is not base64");
  }
}
