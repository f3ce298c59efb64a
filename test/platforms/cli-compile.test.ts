import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";

const BINARY = join(import.meta.dirname, "../../dist/spillway.js");
const manifests = testManifests({
  backends: [{ name: "one", port: 18_003, api: "OpenAI" }],
  rules: "  - name: moved\n    filters: [{type: RequestRedirect, requestRedirect: {hostname: elsewhere.example}}]",
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-compile-"));
  await writeFile(join(folder, "all.yaml"), manifests);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function spillway(...args: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BINARY, ...args], { timeout: 80_000, env: { PATH: process.env["PATH"] ?? "" } }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

describe("spillway compile", () => {
  it("makes a bundle that serve serves", async () => {
    const bundle = join(folder, "bundle.json");
    const made = await spillway("compile", "-o", bundle, join(folder, "all.yaml"));
    expect(made).toMatchObject({ code: 0, out: "" });
    expect(made.err).toMatch(/bundle\.json: \d+ bytes, snapshot [0-9a-f]{16} for knative/);
    const child = spawn(process.execPath, [BINARY, "serve", "--port", "0"], {
      env: { SPILLWAY_BUNDLE: bundle, SPILLWAY_OVERLOAD: "off" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let text = "";
        child.stderr.on("data", (bytes: Buffer) => {
          text += bytes.toString();
          const found = /listening on (\S+)/.exec(text)?.[1];
          if (found !== undefined) resolve(found);
        });
        child.once("exit", () => reject(new Error(text)));
      });
      const answer = await fetch(`${url}/x`, { redirect: "manual", headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
      expect([answer.status, answer.headers.get("location")]).toEqual([302, expect.stringMatching(/^http:\/\/elsewhere\.example/)]);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("writes to standard output, and says as JSON what it did", async () => {
    const { code, out } = await spillway("compile", "-o", "-", join(folder, "all.yaml"));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ spillwayBundle: expect.any(Number), platform: "knative" });
    const file = join(folder, "told.json");
    const told = await spillway("compile", "--json", "-o", file, join(folder, "all.yaml"));
    expect(JSON.parse(told.out)).toMatchObject({ ok: true, output: file, bytes: (await stat(file)).size });
  });

  it("keeps the file that was there when the manifests have faults", async () => {
    const bundle = join(folder, "kept.json");
    await writeFile(bundle, "what was there");
    await writeFile(join(folder, "bad.yaml"), "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: 7}");
    const { code, err } = await spillway("compile", "-o", bundle, join(folder, "bad.yaml"));
    expect(code).toBe(1);
    expect(err).toMatch(/bad\.yaml:3:.*error/s);
    expect(await readFile(bundle, "utf8")).toBe("what was there");
  });

  it("tells what a platform refuses, and with --strict writes nothing", async () => {
    const bundle = join(folder, "worker.json");
    const lax = await spillway("compile", "--platform", "workers", "-o", bundle, join(folder, "all.yaml"));
    expect(lax.code).toBe(0);
    expect(lax.err).toMatch(/file cannot be read on workers/);
    const strict = await spillway("compile", "--platform", "workers", "--strict", "-o", join(folder, "none.json"), join(folder, "all.yaml"));
    expect(strict.code).toBe(1);
    await expect(stat(join(folder, "none.json"))).rejects.toThrow(/ENOENT/);
  });

  it.each([
    [["compile", "x.yaml"], /-o FILE/],
    [["compile", "-o", "f", "--platform", "moon", "x.yaml"], /knative, lambda, workers/],
    [["compile", "-o", "-", "--json", "x.yaml"], /standard output/],
    [["serve", "--bundle", "b", "--manifests", "m"], /either --bundle or --manifests/],
  ])("refuses bad usage: %j", async (args, message) => {
    const { code, err } = await spillway(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
