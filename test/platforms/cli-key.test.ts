import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSigningKey } from "../../src/credentials/signing-key.ts";
import { Secret } from "../../src/model/secret.ts";

const BINARY = join(import.meta.dirname, "../../dist/spillway.js");

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-key-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function spillway(...args: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BINARY, ...args], { timeout: 80_000, env: { PATH: process.env["PATH"] ?? "" } }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

/** What the broker signs with the private text is good by the printed set. */
async function expectFit(text: string, jwks: string): Promise<void> {
  const token = await (await readSigningKey(new Secret(text, null))).sign({ namespace: "team-a" });
  const { payload } = await jwtVerify(token, createLocalJWKSet(JSON.parse(jwks)));
  expect(payload["namespace"]).toBe("team-a");
  expect(jwks).not.toContain('"d"');
}

describe("spillway key", () => {
  it("makes a key that only its owner may read, and prints its public half", async () => {
    const file = join(folder, "chain.jwk");
    const made = await spillway("key", "-o", file, "--id", "2026-11");
    expect(made.code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(made.out).keys[0].kid).toBe("2026-11");
    await expectFit(await readFile(file, "utf8"), made.out);
    const again = await spillway("key", "-o", file);
    expect([again.code, again.out]).toEqual([1, ""]);
    expect((await spillway("key", "--public", file)).out).toBe(made.out);
  });

  it("tells the public half of a key that is there, under the id that its tokens will have", async () => {
    const keys = [generateKeyPairSync("ed25519"), generateKeyPairSync("rsa", { modulusLength: 2048 }), generateKeyPairSync("ec", { namedCurve: "P-256" })];
    for (const [at, { privateKey }] of keys.entries()) {
      const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      const file = join(folder, `${at}.pem`);
      await writeFile(file, pem);
      await expectFit(pem, (await spillway("key", "--public", file)).out);
    }
  });

  it("says what is wrong, and quotes no key", async () => {
    const file = join(folder, "broken");
    await writeFile(file, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    const broken = await spillway("key", "--public", file);
    expect([broken.code, broken.err.includes("c2Vj")]).toEqual([1, false]);
    expect(broken.err).toContain("holds no private key");
    expect((await spillway("key")).code).toBe(2);
  });
});
