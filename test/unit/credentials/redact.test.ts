import fc from "fast-check";
import { expect, it } from "vitest";
import { credentialRedactor, redactor } from "../../../src/credentials/redact.ts";
import { Secret } from "../../../src/model/secret.ts";
import { fakeReference } from "../../fakes/secret-store.ts";

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

/** Every byte as `%XX`, which a server may write although nothing asks it to. */
const percent = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");

it.each([
  ["raw", KEY],
  ["JSON", JSON.stringify(KEY).slice(1, -1)],
  ["URL-encoded", encodeURIComponent(KEY)],
  ["URL-encoded in lower case", encodeURIComponent(KEY).replace(/%../g, (triplet) => triplet.toLowerCase())],
  ["form-encoded", encodeURIComponent(KEY).replaceAll("%20", "+")],
  [
    "form-encoded in lower case",
    encodeURIComponent(KEY)
      .replaceAll("%20", "+")
      .replace(/%../g, (triplet) => triplet.toLowerCase()),
  ],
  ["escaped byte for byte", percent(KEY)],
  ["escaped byte for byte in lower case", percent(KEY).toLowerCase()],
  ["base64", Buffer.from(KEY).toString("base64")],
])("leaves not one character of it: %s", (_, spelling) => {
  expect(redact.text(`key=${spelling}.`)).toBe("key=[redacted].");
});

it("leaves nothing of a longer spelling that has a shorter one in it, and escapes small bytes with two digits", () => {
  expect(redactor(new Secret("\\key-1", null)).text(JSON.stringify("\\key-1"))).toBe('"[redacted]"');
  expect(redactor(new Secret("k\t1", null)).text(percent("k\t1"))).toBe("[redacted]");
});

it("law: in base64 of whatever stands around it, every character that is of the secret alone is taken out", () => {
  const letters = fc.constantFrom(..."abc>?~ÿû0");
  const text = (minLength: number, maxLength: number) => fc.array(letters, { minLength, maxLength }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text(9, 20), text(0, 5), text(0, 5), fc.constantFrom("base64", "base64url"), (secret, before, after, encoding) => {
      const encoded = Buffer.from(before + secret + after).toString(encoding);
      const from = Math.ceil((Buffer.byteLength(before) * 8) / 6);
      const to = Math.floor(((Buffer.byteLength(before) + Buffer.byteLength(secret)) * 8) / 6);
      expect(redactor(new Secret(secret, null)).text(encoded)).toBe(`${encoded.slice(0, from)}[redacted]${encoded.slice(to)}`);
    }),
    { numRuns: 500 },
  );
});

it("does not take base64 of less than eight characters for a secret", () => {
  expect(redactor(new Secret("abc", null)).text("YWJj abc")).toBe("YWJj [redacted]");
  expect(redactor(new Secret("abcdef", null)).text("YWJjZGVm")).toBe("[redacted]");
});

it("leaves the names of headers and the beginning of a secret at the end", () => {
  const one = redactor(new Secret("x-key", null));
  expect(one.headers(["x-key", "x-key"])).toEqual(["x-key", "[redacted]"]);
  expect(textOf(one.bytes(bytesOf("x-key x-ke")))).toBe("[redacted] x-ke");
});

it("an empty secret takes no byte out", () => {
  const bytes = bytesOf("plain");
  expect(redactor(new Secret("", null)).bytes(bytes)).toBe(bytes);
});

it("of keys that sign, takes out what proves something, and lets their public name be read", () => {
  const sigV4 = { type: "sigV4", secret: fakeReference(), service: "bedrock", region: "eu-west-1", signsBody: true, stripClientCredentials: true } as const;
  const keys = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "wJalrXUtnFEMI", sessionToken: "FwoGZXIvYXdz" };
  const said = "AKIAEXAMPLE wJalrXUtnFEMI FwoGZXIvYXdz";
  expect(credentialRedactor(sigV4, new Secret(JSON.stringify(keys), null)).text(said)).toBe("AKIAEXAMPLE [redacted] [redacted]");
  const lasting = { ...keys, sessionToken: null };
  expect(credentialRedactor(sigV4, new Secret(JSON.stringify(lasting), null)).text(said)).toBe("AKIAEXAMPLE [redacted] FwoGZXIvYXdz");
});

it("of every other credential it takes the secret out, and of the token that says who calls", () => {
  const bearer = { type: "bearer", secret: fakeReference(), beside: null, stripClientCredentials: true } as const;
  expect([bearer, null].map((plan) => credentialRedactor(plan, new Secret("sk-123456", null)).text("of sk-123456"))).toEqual([
    "of [redacted]",
    "of [redacted]",
  ]);
});
