import { format, inspect } from "node:util";
import { expect, it } from "vitest";
import { Secret } from "../../../src/model/secret.ts";

const secret = new Secret("sk-canary", "v7", 60_000);

it.each<readonly [string, () => string]>([
  ["its own text", () => secret.toString()],
  ["a template", () => `${secret}`],
  ["JSON", () => JSON.parse(JSON.stringify({ secret })).secret as string], // `as`: what was written a line before.
  ["the console", () => inspect(secret)],
  ["the console, however deep it looks", () => inspect([{ secret }], { depth: 5, showHidden: true })],
  ["the console, in a format", () => format("%s %o %j", secret, secret, secret)],
])("a secret shows nothing of its value in %s", (_name, shown) => {
  expect(shown()).not.toContain("canary");
});

it("a secret says that it is one, wherever it is printed", () => {
  expect([secret.toString(), `${secret}`, secret.toJSON(), inspect(secret), inspect({ secret })]).toEqual([
    "[secret]",
    "[secret]",
    "[secret]",
    "[secret]",
    "{ secret: [secret] }",
  ]);
});

it("a secret is its value for those who ask, with its version and its life", () => {
  expect([secret.reveal(), secret.version, secret.goodForMs, new Secret("a", null).goodForMs]).toEqual(["sk-canary", "v7", 60_000, null]);
});
