import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SecretLocation, type SecretStore, SecretStoreError } from "../../src/index.ts";

/** What a store brings along to be tried: the store, and a hand on the place behind it. */
export interface SecretStoreSubject {
  readonly store: SecretStore;
  /** Writes a value and says where it is. A second time with the same name replaces it. */
  put(name: string, value: string): Promise<SecretLocation>;
  /** Where nothing is. */
  readonly absent: SecretLocation;
  /** Makes reading this refused; null: the place has no such thing. */
  readonly deny: ((location: SecretLocation) => Promise<void>) | null;
  /** Takes the place away, or brings it back; null: it cannot go. */
  readonly outage: ((down: boolean) => Promise<void>) | null;
  /** Whether versions are told. */
  readonly versioned: boolean;
  close(): Promise<void>;
}

/** The law of every SecretStore. */
export function testSecretStore(name: string, create: () => Promise<SecretStoreSubject>): void {
  describe(`SecretStore: ${name}`, () => {
    let subject: SecretStoreSubject;
    const signal = new AbortController().signal;
    const reading = (location: SecretLocation) => subject.store.fetch(location, signal);
    const failing = (location: SecretLocation, at: AbortSignal = signal) =>
      subject.store.fetch(location, at).then(
        () => expect.unreachable("it gave a value"),
        (error: unknown) => error,
      );
    beforeAll(async () => {
      subject = await create();
    });
    afterAll(async () => {
      await subject.close();
    });

    it.each([
      ["plain", "sk-contract-0123456789"],
      ["JSON", '{"apiKey": "sk-1", "more": [1, 2]}'],
      ["more than ASCII", "pässwörd-日本"],
      ["a PEM of several lines", `-----BEGIN CERTIFICATE-----\n${"QUJD\n".repeat(2_000)}-----END CERTIFICATE-----\n`],
    ])("gives the value as it is: %s", async (_, value) => {
      const secret = await reading(await subject.put("exact", value));
      expect(secret.reveal()).toBe(value);
      expect(`${secret} ${JSON.stringify(secret)} ${inspect(secret)}`).not.toContain(value.slice(0, 10));
    });

    it("gives a new value after a rotation", async () => {
      const first = await reading(await subject.put("rotating", "sk-contract-before"));
      const second = await reading(await subject.put("rotating", "sk-contract-after-it"));
      expect(first.reveal()).toBe("sk-contract-before");
      expect(second.reveal()).toBe("sk-contract-after-it");
      if (!subject.versioned) return;
      expect(first.version).toMatch(/^[\w.-]+$/);
      expect(second.version).not.toBe(first.version);
    });

    it("serves many at once", async () => {
      const location = await subject.put("many", "sk-contract-many");
      const secrets = await Promise.all(Array.from({ length: 20 }, () => reading(location)));
      expect(new Set(secrets.map((secret) => secret.reveal()))).toEqual(new Set(["sk-contract-many"]));
    });

    it("says `missing` of what is not there", async () => {
      expect(await failing(subject.absent)).toMatchObject({ name: "SecretStoreError", reason: "missing" });
    });

    it("says `missing` of another store's location", async () => {
      const foreign: SecretLocation = subject.store.providers.has("binding") ? { provider: "env", name: "X" } : { provider: "binding", name: "X" };
      expect(await failing(foreign)).toMatchObject({ reason: "missing" });
    });

    it("says `denied` of what may not be read, without quoting it", async (context) => {
      if (subject.deny === null) return context.skip();
      const location = await subject.put("denied", "sk-contract-denied");
      await subject.deny(location);
      const error = await failing(location);
      expect(error).toMatchObject({ name: "SecretStoreError", reason: "denied" });
      expect(inspect(error, { depth: 9 })).not.toContain("sk-contract");
    });

    it("says `unavailable` in an outage and recovers after it", async (context) => {
      if (subject.outage === null) return context.skip();
      const location = await subject.put("outage", "sk-contract-outage");
      await subject.outage(true);
      const error = await failing(location);
      await subject.outage(false);
      expect(error).toMatchObject({ name: "SecretStoreError", reason: "unavailable" });
      expect((await reading(location)).reveal()).toBe("sk-contract-outage");
    });

    it("rejects at once when the asker has left", async () => {
      const location = await subject.put("aborted", "sk-contract-aborted");
      expect(await failing(location, AbortSignal.abort())).toBeInstanceOf(SecretStoreError);
    });
  });
}
