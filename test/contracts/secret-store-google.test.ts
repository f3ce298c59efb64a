import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crc32c } from "../../adapters/secrets/crc32c.ts";
import { createGoogleSecretManagerStore } from "../../adapters/secrets/google-secret-manager.ts";
import type { SecretLocation } from "../../src/index.ts";
import { type FakeGoogleSecretManager, startFakeGoogleSecretManager } from "../fakes/google-secret-manager.ts";
import { leastTime } from "../fakes/least-time.ts";
import { testSecretStore } from "./secret-store.ts";

const signal = new AbortController().signal;
const at = (name: string, location: string | null = null): SecretLocation => ({ provider: "googleSecretManager", name, location, jsonKey: null });

function storeOf(fake: FakeGoogleSecretManager, deadlineMs = 30_000) {
  const clientOptions = { servicePath: "127.0.0.1", apiEndpoint: "127.0.0.1", port: fake.port, sslCreds: credentials.createInsecure(), projectId: "p" };
  return createGoogleSecretManagerStore({ clientOptions, deadlineMs });
}

testSecretStore("Google Secret Manager, the real gRPC client", async () => {
  const fake = await startFakeGoogleSecretManager();
  const nameOf = (name: string) => `projects/p/secrets/${name}`;
  return {
    store: storeOf(fake),
    put: async (name, value) => {
      fake.put(nameOf(name), value);
      return at(`${nameOf(name)}/versions/latest`);
    },
    absent: at(`${nameOf("absent")}/versions/latest`),
    deny: async () => fake.fail(nameOf("denied"), 7),
    outage: async (down) => {
      fake.mode = down ? "unavailable" : "ok";
    },
    versioned: true,
    close: async () => fake.close(),
  };
});

describe("Google Secret Manager", () => {
  let fake: FakeGoogleSecretManager;
  const name = "projects/p/secrets/openai";
  beforeAll(async () => {
    fake = await startFakeGoogleSecretManager();
    fake.put(name, "sk-contract");
    fake.put("projects/p/locations/europe-west4/secrets/openai", "sk-regional");
  });
  afterAll(() => fake.close());

  it.each([
    [3, "missing"],
    [5, "missing"],
    [7, "denied"],
    [9, "missing"],
    [16, "denied"],
    [13, "unavailable"],
  ])("gRPC code %i is %s", async (code, reason) => {
    const failing = `projects/p/secrets/code-${code}`;
    fake.fail(failing, code);
    await expect(storeOf(fake).fetch(at(failing), signal)).rejects.toMatchObject({ name: "SecretStoreError", reason });
  });

  it.each(["wrong check sum", "no check sum"] as const)("an answer with %s is malformed", async (mode) => {
    fake.mode = mode;
    await expect(storeOf(fake).fetch(at(name), signal)).rejects.toMatchObject({ reason: "malformed" });
    fake.mode = "ok";
  });

  it("that hangs is unavailable at the store's own deadline", async () => {
    fake.mode = "hang";
    // But for this deadline it would hang for as long as the test may take.
    await expect(storeOf(fake, 300).fetch(at(name), signal)).rejects.toMatchObject({ reason: "unavailable" });
    fake.mode = "ok";
  });

  it.each(["unavailable", "unreachable"] as const)("that is %s says so at once, and is found again soon", async (kind) => {
    const other = await startFakeGoogleSecretManager();
    other.put(name, "sk-back");
    const store = storeOf(other);
    expect((await store.fetch(at(name), signal)).reveal()).toBe("sk-back");
    if (kind === "unavailable") other.mode = "unavailable";
    else other.close();
    const refused = () => expect(store.fetch(at(name), signal)).rejects.toMatchObject({ reason: "unavailable" });
    expect(await leastTime(1_000, refused)).toBeLessThan(1_000);
    const back = kind === "unavailable" ? other : await startFakeGoogleSecretManager(other.port);
    back.mode = "ok";
    back.put(name, "sk-back");
    const found = () =>
      store.fetch(at(name), signal).then(
        (secret) => secret.reveal(),
        () => null,
      );
    // Within a second or so; gRPC of itself would take up to two minutes after a long outage.
    await expect.poll(found).toBe("sk-back");
    back.close();
  });

  it("a regional secret is asked for by its regional name", async () => {
    fake.asked.length = 0;
    expect((await storeOf(fake).fetch(at(name, "europe-west4"), signal)).reveal()).toBe("sk-regional");
    expect((await storeOf(fake).fetch(at("projects/p/locations/europe-west4/secrets/openai/versions/1"), signal)).version).toBe("1");
    const regional = "projects/p/locations/europe-west4/secrets/openai/versions";
    expect(fake.asked).toEqual([`${regional}/latest`, `${regional}/1`]);
  });

  it.each([
    ["openai", null],
    ["projects/p/locations/us-east1/secrets/openai", "europe-west4"],
    [name, "evil.example/"],
    [name, "x"],
  ])("the name %s with the location %s asks nobody", async (wrong, location) => {
    fake.asked.length = 0;
    await expect(storeOf(fake).fetch(at(wrong, location), signal)).rejects.toMatchObject({ reason: "missing" });
    expect(fake.asked).toEqual([]);
  });

  it("the check sum is CRC-32C", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });
});
