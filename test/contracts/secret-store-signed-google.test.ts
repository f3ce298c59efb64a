import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createGoogleSignedFetchStore } from "../../adapters/secrets/google-signed-fetch.ts";
import type { SecretLocation } from "../../src/index.ts";
import { type FakeGoogleRest, startFakeGoogleRest } from "../fakes/google-secret-manager-rest.ts";
import { testSecretStore } from "./secret-store.ts";

const signal = new AbortController().signal;
const at = (name: string, location: string | null = null): SecretLocation => ({ provider: "googleSecretManager", name, location, jsonKey: null });
const storeOf = (fake: FakeGoogleRest, deadlineMs = 90_000, key: string | null = fake.key) =>
  createGoogleSignedFetchStore({ key: async () => key, endpoint: fake.url, tokenUrl: `${fake.url}/token`, deadlineMs });

testSecretStore("Google Secret Manager by signed fetch", async () => {
  const fake = await startFakeGoogleRest();
  const nameOf = (name: string) => `projects/p/secrets/${name}`;
  return {
    store: storeOf(fake),
    put: async (name, value) => {
      fake.put(nameOf(name), value);
      return at(`${nameOf(name)}/versions/latest`);
    },
    absent: at(`${nameOf("absent")}/versions/latest`),
    deny: async () => fake.fail(nameOf("denied"), 403, "PERMISSION_DENIED"),
    outage: async (down) => {
      fake.mode = down ? "unavailable" : "ok";
    },
    versioned: true,
    close: () => fake.close(),
  };
});

describe("Google Secret Manager by signed fetch", () => {
  let fake: FakeGoogleRest;
  const name = "projects/p/secrets/openai";
  beforeAll(async () => {
    fake = await startFakeGoogleRest();
    fake.put(name, "sk-contract");
    fake.put("projects/p/locations/europe-west4/secrets/openai", "sk-regional");
  });
  afterAll(() => fake.close());
  beforeEach(() => {
    fake.mode = "ok";
    fake.seconds = 3_600;
    fake.counts.tokens = 0;
    fake.asked.length = 0;
  });

  it.each([
    [400, "INVALID_ARGUMENT", "missing"],
    [400, "FAILED_PRECONDITION", "missing"],
    [404, "NOT_FOUND", "missing"],
    [403, "PERMISSION_DENIED", "denied"],
    [429, "RESOURCE_EXHAUSTED", "unavailable"],
    [500, "INTERNAL", "unavailable"],
    [400, "a proxy's own", "unavailable"],
  ])("%i %s is %s", async (status, word, reason) => {
    fake.fail(`projects/p/secrets/${word.replaceAll(/\W/g, "-")}`, status, word);
    await expect(storeOf(fake).fetch(at(`projects/p/secrets/${word.replaceAll(/\W/g, "-")}`), signal)).rejects.toMatchObject({ reason });
  });

  it.each([
    ["wrong check sum", "malformed"],
    ["no check sum", "malformed"],
    ["garbage", "malformed"],
    ["huge", "malformed"],
    ["redirect", "unavailable"],
    ["invalid_grant", "denied"],
    ["no token", "unavailable"],
    ["hang", "unavailable"],
  ] as const)("an answer with %s is %s, and quotes nothing", async (mode, reason) => {
    fake.mode = mode;
    // Only silence may run into the time limit, and nothing else waits for it.
    const error: unknown = await storeOf(fake, mode === "hang" ? 300 : undefined)
      .fetch(at(name), signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "SecretStoreError", reason });
    expect(inspect(error, { depth: 9 })).not.toMatch(/sk-contract|PRIVATE KEY|ya29/);
  });

  it("holds a token as long as it is good, and no longer", async () => {
    const store = storeOf(fake);
    for (let reads = 0; reads < 5; reads += 1) await store.fetch(at(name), signal);
    expect(fake.counts.tokens).toBe(1);
    fake.seconds = 110;
    const short = storeOf(fake);
    for (let reads = 0; reads < 3; reads += 1) await short.fetch(at(name), signal);
    expect(fake.counts.tokens).toBe(4);
  });

  it("asks for a new token when the one it holds was revoked, once", async () => {
    const store = storeOf(fake);
    await store.fetch(at(name), signal);
    fake.revoke();
    expect((await store.fetch(at(name), signal)).reveal()).toBe("sk-contract");
    expect(fake.counts.tokens).toBe(2);
  });

  it.each([
    ["no key", null],
    ["text that is no key", "sk-not-json"],
    ["a key without its parts", '{"client_email": "x@y"}'],
    ["a private key that is none", '{"client_email": "x@y", "private_key": "-----BEGIN PRIVATE KEY-----\\nQUJD\\n-----END PRIVATE KEY-----"}'],
  ])("with %s it is denied with a clear sentence, and nobody is asked", async (_what, key) => {
    const error: unknown = await storeOf(fake, undefined, key)
      .fetch(at(name), signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "denied", message: expect.stringContaining("GOOGLE_SERVICE_ACCOUNT_KEY") });
    expect(inspect(error, { depth: 9 })).not.toMatch(/sk-not-json|QUJD/);
    expect(fake.counts.tokens).toBe(0);
  });

  it("with another account's key it is denied", async () => {
    const other = await startFakeGoogleRest();
    await expect(storeOf(fake, undefined, other.key).fetch(at(name), signal)).rejects.toMatchObject({ reason: "denied" });
    await other.close();
  });

  it("a regional secret is asked for by its regional name", async () => {
    const store = storeOf(fake);
    expect((await store.fetch(at(name, "europe-west4"), signal)).reveal()).toBe("sk-regional");
    expect((await store.fetch(at("projects/p/locations/europe-west4/secrets/openai/versions/1"), signal)).version).toBe("1");
  });

  it.each([
    ["openai", null],
    ["projects/p/locations/us-east1/secrets/openai", "europe-west4"],
    ["projects/../secrets/openai", null],
    ["projects/p/secrets/open?ai", null],
    ["projects/p/secrets/openai/versions/..", null],
    [name, "evil.example/"],
  ])("the name %s with the location %s asks nobody", async (wrong, location) => {
    await expect(storeOf(fake).fetch(at(wrong, location), signal)).rejects.toMatchObject({ reason: "missing" });
    expect(fake.asked).toEqual([]);
  });

  it("binary values that are no text are refused", async () => {
    fake.put("projects/p/secrets/bytes", new Uint8Array([0xff, 0xfe]));
    await expect(storeOf(fake).fetch(at("projects/p/secrets/bytes"), signal)).rejects.toMatchObject({ reason: "malformed" });
  });

  it("a read that is given up ends at once", async () => {
    fake.mode = "hang";
    const leaving = new AbortController();
    const reading = storeOf(fake).fetch(at(name), leaving.signal);
    setTimeout(() => leaving.abort(), 50);
    await expect(reading).rejects.toMatchObject({ reason: "unavailable" });
  });
});
