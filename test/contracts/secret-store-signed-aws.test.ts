import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAwsSignedFetchStore } from "../../adapters/secrets/aws-signed-fetch.ts";
import type { SecretLocation } from "../../src/index.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, type FakeAwsSecretsManager, startFakeAwsSecretsManager } from "../fakes/aws-secrets-manager.ts";
import { testSecretStore } from "./secret-store.ts";

const REGION = "eu-central-1";
/** What only silence may run into. Milliseconds. */
const PATIENT_MS = 90_000;
const signal = new AbortController().signal;
const at = (secretId: string, region = REGION): SecretLocation => ({
  provider: "awsSecretsManager",
  secretId,
  region,
  versionStage: "AWSCURRENT",
  jsonKey: null,
});

const KEYS: Readonly<Record<string, string>> = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
const storeAt = (endpoint: string, keys = KEYS, requestTimeoutMs = PATIENT_MS) =>
  createAwsSignedFetchStore({ setting: async (name) => keys[name] ?? null, endpoint, requestTimeoutMs });

testSecretStore("AWS Secrets Manager by signed fetch", async () => {
  const fake = await startFakeAwsSecretsManager(REGION);
  return {
    store: storeAt(fake.url),
    put: async (name, value) => {
      fake.put(name, value);
      return at(name);
    },
    absent: at("absent"),
    deny: async () => fake.fail("denied", "AccessDeniedException"),
    outage: async (down) => {
      fake.mode = down ? "500" : "ok";
    },
    versioned: true,
    close: () => fake.close(),
  };
});

describe("AWS Secrets Manager by signed fetch", () => {
  let fake: FakeAwsSecretsManager;
  const read = (location: SecretLocation, requestTimeoutMs = PATIENT_MS) => storeAt(fake.url, KEYS, requestTimeoutMs).fetch(location, signal);
  beforeAll(async () => {
    fake = await startFakeAwsSecretsManager(REGION);
    fake.put("prod/openai", "sk-contract");
  });
  afterAll(() => fake.close());

  it.each([
    ["ResourceNotFoundException", "missing", 1],
    ["InvalidRequestException", "missing", 1],
    ["AccessDeniedException", "denied", 1],
    ["DecryptionFailure", "denied", 1],
    ["UnrecognizedClientException", "denied", 1],
    ["ThrottlingException", "unavailable", 2],
    ["500", "unavailable", 2],
    ["hang", "unavailable", 2],
    ["ExpiredTokenException", "unavailable", 1],
    ["garbage", "malformed", 1],
  ])("%s is %s after %i requests", async (mode, reason, requests) => {
    const before = fake.counts.requests;
    fake.mode = mode;
    // Only silence may run into the time limit: a busy machine answers late too.
    const error: unknown = await read(at("prod/openai"), mode === "hang" ? 200 : undefined).catch((thrown: unknown) => thrown);
    // A request that was given up may reach the fake after its caller has left.
    await expect.poll(() => fake.counts.requests - before).toBeGreaterThanOrEqual(requests);
    fake.mode = "ok";
    expect(error).toMatchObject({ name: "SecretStoreError", reason });
    expect(String(error)).not.toContain("sk-contract");
    expect(fake.counts.requests - before).toBe(requests);
  });

  it("is asked with a right signature, for its own region", async () => {
    const before = fake.counts.signed;
    expect((await read(at("prod/openai"))).reveal()).toBe("sk-contract");
    expect(fake.counts.signed).toBe(before + 1);
    await expect(read(at("prod/openai", "us-east-1"))).rejects.toMatchObject({ name: "SecretStoreError" });
    expect(fake.counts.signed).toBe(before + 1);
  });

  it("gives binary secrets that are text, and refuses others", async () => {
    fake.put("binary", new TextEncoder().encode("sk-binary"));
    expect((await read(at("binary"))).reveal()).toBe("sk-binary");
    fake.put("bytes", new Uint8Array([0xff, 0xfe]));
    await expect(read(at("bytes"))).rejects.toMatchObject({ reason: "malformed" });
  });

  it("that cannot be reached is unavailable", async () => {
    const store = storeAt("http://127.0.0.1:9");
    await expect(store.fetch(at("prod/openai"), signal)).rejects.toMatchObject({ reason: "unavailable" });
  });

  it("a read that is given up ends at once", async () => {
    fake.mode = "hang";
    const leaving = new AbortController();
    // But for the asker it would hang for longer than the test may take.
    const reading = storeAt(fake.url, KEYS, PATIENT_MS).fetch(at("prod/openai"), leaving.signal);
    setTimeout(() => leaving.abort(), 50);
    await expect(reading).rejects.toMatchObject({ reason: "unavailable" });
    fake.mode = "ok";
  });

  it.each([
    ["no keys at all", {}],
    ["only the id", { AWS_ACCESS_KEY_ID }],
  ])("with %s it is denied with a clear sentence, and nobody is asked", async (_what, keys) => {
    const before = fake.counts.requests;
    const error: unknown = await storeAt(fake.url, keys)
      .fetch(at("prod/openai"), signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "denied", message: expect.stringMatching(/bindings AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/) });
    expect(fake.counts.requests).toBe(before);
  });

  it("keys that AWS does not know are told of as an outage, as by the SDK, and are not quoted", async () => {
    const error: unknown = await storeAt(fake.url, { ...KEYS, AWS_SECRET_ACCESS_KEY: "sk-another-secret-key" })
      .fetch(at("prod/openai"), signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "SecretStoreError", reason: "unavailable" });
    expect(inspect(error, { depth: 9 })).not.toContain("sk-another");
  });

  it("a region that is none asks nobody", async () => {
    const store = createAwsSignedFetchStore({ setting: async (name) => KEYS[name] ?? null, endpoint: null });
    await expect(store.fetch(at("prod/openai", "evil.example/"), signal)).rejects.toMatchObject({ reason: "missing" });
  });
});
