import fc from "fast-check";
import { expect, it } from "vitest";
import { redactor } from "../../../src/credentials/redact.ts";
import { Secret } from "../../../src/model/secret.ts";

const KEY = 'sk-"a/b+c=d e~ü\\f';
const redact = redactor(new Secret(`${KEY}\n`, null));
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

it.each([
  ["raw", KEY],
  ["JSON", JSON.stringify(KEY)],
  ["URL-encoded", encodeURIComponent(KEY)],
  ["URL-encoded in lower case", encodeURIComponent(KEY).replace(/%../g, (triplet) => triplet.toLowerCase())],
  ["form-encoded", encodeURIComponent(KEY).replaceAll("%20", "+")],
  ["base64", Buffer.from(KEY).toString("base64")],
  ["base64url", Buffer.from(KEY).toString("base64url")],
  ["Basic user:key", Buffer.from(`user:${KEY}`).toString("base64")],
  ["Basic users:key:", Buffer.from(`users:${KEY}:`).toString("base64")],
  ["Basic me:key::", Buffer.from(`me:${KEY}::`).toString("base64")],
])("takes out the secret: %s", (_, spelling) => {
  const text = `Incorrect API key provided: ${spelling}. Again: ${spelling}`;
  const cleaned = redact.text(text);
  expect(cleaned).toMatch(/^Incorrect API key provided: .*\[redacted\].*\. Again: .*\[redacted\]/);
  expect(cleaned).not.toContain(spelling.slice(4, -4));
  expect(textOf(redact.bytes(bytesOf(text)))).toBe(cleaned);
  expect(redact.headers(["www-authenticate", text, "x", "y"])).toEqual(["www-authenticate", cleaned, "x", "y"]);
});

it("gives back what holds no secret, unchanged and uncopied", () => {
  const bytes = bytesOf("nothing here: sk-");
  const headers = ["a", "b"];
  expect(redact.bytes(bytes)).toBe(bytes);
  expect(redact.headers(headers)).toBe(headers);
  expect(redact.text("plain")).toBe("plain");
});

it("an empty secret redacts nothing", () => {
  expect(redactor(new Secret("\n", null)).text("plain")).toBe("plain");
});

it("law: no byte around the secret changes, and none of the secret stays", () => {
  const secret = "key-0123456789";
  const one = redactor(new Secret(secret, null));
  const noise = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(noise, noise, noise, (before, between, after) => {
      const spliced = Buffer.concat([before, bytesOf(secret), between, bytesOf(secret), after]);
      const expected = Buffer.concat([before, bytesOf("[redacted]"), between, bytesOf("[redacted]"), after]);
      expect(Buffer.from(one.bytes(spliced)).equals(expected)).toBe(true);
    }),
  );
});
