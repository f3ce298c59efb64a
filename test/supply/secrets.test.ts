import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

/** What the scan says of a file with this text, under the project's own settings; empty: nothing. */
async function scan(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-secrets-"));
  try {
    await writeFile(join(folder, "settings.ts"), text);
    const binary = join(root, "node_modules/secretlint/bin/secretlint.js");
    const config = ["--secretlintrc", join(root, ".secretlintrc.yaml"), "--secretlintignore", join(root, ".secretlintignore"), "--no-color"];
    await promisify(execFile)(process.execPath, [binary, ...config, "settings.ts"], { cwd: folder });
    return "";
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout); // an exit code other than 0, or a fault that fails the test by its text
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// In two pieces, so that this file holds none itself.
const planted = {
  "a token of the forge": ["ghp_", "abcdefghijklmnopqrstuvwxyz0123456789"],
  "a private key": [
    "-----BEGIN RSA PRIVATE",
    ` KEY-----\n${"MIIEpAIBAAKCAQEAx4UbaDzY5xjW6hc9jwN0mX33XpTDVJlSBBj4F3wVyLwXGQ5Z\n".repeat(4)}-----END RSA PRIVATE KEY-----`,
  ],
  "a key of Anthropic": ["sk-ant-api03-", `${"aB3dE6gH9j".repeat(9)}ab1AA`],
  "a password in a URL": ["https://admin:", "hunter2hunter2@10.0.0.7/orders"],
};

describe("T26: the scan for secrets", () => {
  it.each(Object.entries(planted))("T26: finds %s", async (_what, pieces) => {
    expect(await scan(`export const value = \`${pieces.join("")}\`;\n`)).toMatch(/\d+ problem/);
  });

  it("T26: takes the values that the tests need for none, and a neighbour of them for one", async () => {
    expect(await scan('const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";\n')).toBe("");
    expect(await scan(`const secretAccessKey = "${"wJalrXUtnFEMI/K7MDENG"}+bPxRfiCYEXAMPLEKE1";\n`)).toMatch(/\d+ problem/);
  });
});
