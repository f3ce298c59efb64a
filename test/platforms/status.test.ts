import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

const COMMAND = join(import.meta.dirname, "../../dist/spillway.js");

let provider: Provider;
let broker: ServedBroker;

beforeAll(async () => {
  provider = await startProvider();
  broker = await serveManifests(testManifests({ backends: [{ name: "openai", port: provider.port, api: "OpenAI" }] }));
});

afterAll(async () => {
  await Promise.all([broker.stop(), provider.close()]);
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function status(args: readonly string[], token = ADMIN_TOKEN): Promise<Ended> {
  const environment = { PATH: process.env["PATH"], SPILLWAY_URL: `http://127.0.0.1:${broker.port}`, SPILLWAY_TOKEN: token };
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, "status", ...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe("spillway status", () => {
  it("says that all is well, and ends with 0", async () => {
    const { code, stdout } = await status([]);
    expect(stdout).toMatch(/^ready, nothing is degraded; serves \S+, loaded \d+ s ago\n$/);
    expect(code).toBe(0);
  });

  it("says what is degraded, since when, why, what callers notice and where to read on, and ends with 1", async () => {
    const good = await readFile(broker.file, "utf8");
    await writeFile(broker.file, good.replace("kind: HTTPRoute", "kind: HTTPRout"));
    await expect.poll(() => broker.server.broker.status()["degraded"]).toHaveLength(1);
    const { code, stdout } = await status([]);
    expect(stdout).toMatch(
      /^ready, 1 degraded; serves .*\n\nconfig instance: rejected\n {2}since {8}\S+ \(\d+ s ago\)\n {2}detail {7}\d+ faults? in what was read last\n {2}callers {6}The last good.*\n {2}what to do {3}docs\/failures\.md#degraded-config\n$/,
    );
    expect(code).toBe(1);
    const json = await status(["--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, ready: true, degraded: [{ part: "config", reason: "rejected", since: expect.any(String) }] });
    await writeFile(broker.file, good);
    await expect.poll(() => broker.server.broker.status()["degraded"]).toEqual([]);
  });

  it("takes an operator's credential only, and says so", async () => {
    const { code, stderr } = await status([], CALLER_TOKEN);
    expect(stderr).toContain("it takes one of the Gateway's own namespace");
    expect(stderr).not.toContain(CALLER_TOKEN);
    expect(code).toBe(1);
  });

  it("says what is wrong with the address, and with bad usage", async () => {
    expect(await status(["--url", `http://127.0.0.1:${provider.port}`])).toMatchObject({ code: 1, stderr: expect.stringContaining("is --url right?") });
    expect(await status(["--url", "ftp://x"])).toMatchObject({ code: 2, stderr: expect.stringContaining("--url is the http or https address") });
    expect(await status(["--by", "x"])).toMatchObject({ code: 2 });
  });
});
