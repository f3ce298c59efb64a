import { expect, it } from "vitest";
import { extractJsonKey } from "../../../src/credentials/extract-json-key.ts";
import { Secret } from "../../../src/model/secret.ts";

const extract = (value: string, jsonKey: string | null) => extractJsonKey(new Secret(value, "v7"), { provider: "file", path: "/x", jsonKey });

it("gives the member with the secret's version, or the whole where none is named", () => {
  expect(extract('{"apiKey":"sk-1"}', "apiKey")).toMatchObject({ version: "v7" });
  expect(extract('{"apiKey":"sk-1"}', "apiKey").reveal()).toBe("sk-1");
  expect(extract("plain", null).reveal()).toBe("plain");
  const inEnvironment = new Secret("plain", null);
  expect(extractJsonKey(inEnvironment, { provider: "env", name: "X" })).toBe(inEnvironment);
});

it.each([
  ["sk-not-json", "apiKey"],
  ['["sk-list"]', "0"],
  ["null", "apiKey"],
  ['"sk-text"', "length"],
  ['{"apiKey":7}', "apiKey"],
  ['{"apiKey":""}', "apiKey"],
  ['{"apiKey":{"sk":1}}', "apiKey"],
  ["{}", "constructor"],
  ["{}", "__proto__"],
])("refuses %s with the key %s, without quoting it", (value, key) => {
  const thrown = (() => {
    try {
      return extract(value, key);
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toMatchObject({ name: "SecretStoreError", reason: "malformed" });
  expect(String(thrown)).not.toContain("sk-");
  expect(thrown).not.toHaveProperty("cause");
});
