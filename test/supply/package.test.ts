import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type PackedPackage, packPackage } from "../../scripts/supply/pack-package.ts";
import { startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { startProvider, WORDS } from "../fakes/provider.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const DECADE_AGO = new Date("2016-02-29T00:00:00Z");
let folder: string;
let packed: PackedPackage;
/** `node_modules/spillway`, where npm put it. */
let installed: string;

describe("the package as it is released", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spillway-released-"));
    packed = await packPackage(join(root, "dist"), join(folder, "one"));
    await mkdir(join(folder, "user"));
    await writeFile(join(folder, "user/package.json"), "{}");
    // Nobody there to ask, nothing kept from before, and whatever would run at an installation leaves a mark.
    const settings = ["--offline", "--registry", "http://127.0.0.1:9", "--cache", join(folder, "cache"), "--no-audit", "--no-fund"];
    await run("npm", ["install", ...settings, packed.file], { cwd: join(folder, "user") });
    installed = join(folder, "user/node_modules/spillway");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("T26: packed from another folder, at another time, is the same bytes", async () => {
    const copy = join(folder, "elsewhere/of/another/depth/dist");
    await cp(join(root, "dist"), copy, { recursive: true, filter: (path) => !/\.map$|compile-cache$/.test(path) });
    for (const name of await readdir(copy)) await utimes(join(copy, name), DECADE_AGO, DECADE_AGO);
    expect((await packPackage(copy, join(folder, "two"))).sha256).toBe(packed.sha256);
  });

  it("T26: holds the bundles, the notices and the SBOM; no test, no source map, no manifest, nothing of the machine that built it", () => {
    const allowed =
      /^(?:lambda\/)?[\w.-]+\.(?:m?js|cjs|LEGAL\.txt|css)$|^(?:package\.json|sbom\.cdx\.json|LICENSE|THIRD-PARTY-LICENSES\.txt|README\.md|SECURITY\.md)$/;
    expect(packed.files.filter((path) => !allowed.test(path))).toEqual([]);
    for (const path of ["spillway.js", "lambda/index.mjs", "sbom.cdx.json", "THIRD-PARTY-LICENSES.txt", "SECURITY.md"]) expect(packed.files).toContain(path);
  });

  it("T26: names no folder of that machine, and holds no key of the tests", async () => {
    const checkout = `${root}/`;
    for (const path of packed.files) {
      const text = await readFile(join(installed, path), "utf8");
      expect([path, text.includes(checkout), /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{32}/.test(text)]).toEqual([path, false, false]);
      expect([path, text.includes(CALLER_TOKEN)]).toEqual([path, false]);
    }
  });

  it("T26: has the notice of every licence that is inside", async () => {
    const notices = await readFile(join(installed, "THIRD-PARTY-LICENSES.txt"), "utf8");
    for (const name of ["undici", "jose", "hono", "zod", "@grpc/grpc-js"]) expect(notices).toMatch(new RegExp(`^${name} \\d[^\n]* under \\S+\n-+\n\n\\S`, "m"));
  });

  it("T27: is installed without a registry, as one package, and nothing of it runs", async () => {
    expect((await readdir(join(folder, "user/node_modules"))).filter((name) => !name.startsWith("."))).toEqual(["spillway"]);
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Record<string, unknown>; // looked at below
    expect(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);
  });

  it("T27: streams a call with the official SDK once it is installed", async () => {
    const authority = createAuthority();
    const provider = await startProvider({ tls: authority.issue({ dnsNames: ["api.openai.com"] }) });
    const broker = await startBroker({
      binary: join(folder, "user/node_modules/.bin/spillway"),
      manifests: testManifests({
        backends: [{ name: "openai", port: provider.port, hostname: "api.openai.com", key: "sk-of-the-installed", api: "OpenAI", caPem: authority.caPem }],
      }),
    });
    try {
      const client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, maxRetries: 0 });
      const stream = await client.chat.completions.create({ model: "gpt-test", messages: [{ role: "user", content: "Hello" }], stream: true });
      let text = "";
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      expect(text).toBe(WORDS.join(""));
      expect(provider.seen.at(-1)?.headers.authorization).toBe("Bearer sk-of-the-installed");
    } finally {
      await broker.stop();
      await provider.close();
    }
  });
});
