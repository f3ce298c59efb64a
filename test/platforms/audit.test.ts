import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { type EventReceiver, startEventReceiver } from "../fakes/event-receiver.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";

const BINARY = join(import.meta.dirname, "../../dist/spillway.js");
const PROMPT = "the prompt that nobody but the provider may read";

let provider: Provider;
let receiver: EventReceiver;
let folder = "";
let log = "";
let manifests = "";

beforeAll(async () => {
  provider = await startProvider();
  receiver = await startEventReceiver();
  folder = await mkdtemp(join(tmpdir(), "spillway-audit-"));
  log = join(folder, "audit.jsonl");
  // Callers of namespaces with `team: b` are locked into the EU.
  manifests = testManifests({
    backends: [
      { name: "europe", port: provider.port, region: "eu-central-1" },
      { name: "america", port: provider.port, region: "us-east-1" },
    ],
    rules: ["europe", "america"]
      .map(
        (name) =>
          `  - name: ${name}\n    matches: [{path: {type: PathPrefix, value: /${name}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`,
      )
      .join("\n"),
    more: `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu-only, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  appliesTo: {namespaces: {matchLabels: {team: b}}}
  allow: {jurisdictions: [EU]}`,
  });
});
afterAll(async () => {
  await Promise.all([provider?.close(), receiver?.close()]);
  await rm(folder, { recursive: true, force: true });
});

const start = () => startBroker({ manifests, env: { SPILLWAY_AUDIT_LOG: log, SPILLWAY_SINK: receiver.url } });
const call = async (broker: BrokerProcess, token: string, path: string): Promise<number> => {
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: PROMPT }] });
  const answer = await fetch(`${broker.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body });
  await answer.text();
  return answer.status;
};
const lines = async (file: string): Promise<string[]> => (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
const records = async () => (await lines(log)).map((line) => JSON.parse(line) as { kind: string; hash: string; seq: number; facts: Record<string, unknown> });

function verify(...args: string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [BINARY, "audit", "verify", ...args],
      { timeout: 15_000, env: { PATH: process.env["PATH"] ?? "" } },
      (_error, out) => resolve({ code: child.exitCode, out }),
    );
  });
}

/** Until so many records stand in the file, which is written behind the calls. */
async function written(count: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await lines(log).catch(() => [])).length < count) {
    if (Date.now() > deadline) throw new Error(`there are no ${count} records:\n${(await lines(log)).join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("SPILLWAY_AUDIT_LOG", () => {
  it("survives a kill, goes on after it, and is checked by spillway audit verify", async () => {
    const first = await start();
    expect(await call(first, OTHER_TOKEN, "/europe/v1/chat/completions")).toBe(200);
    expect(await call(first, OTHER_TOKEN, "/america/v1/chat/completions")).toBe(403);
    expect(await call(first, CALLER_TOKEN, "/america/v1/chat/completions")).toBe(200);
    await written(3);
    const status = (await (await fetch(`${first.url}/-/status`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).json()) as {
      readonly audit: { readonly instance: string; readonly seq: number; readonly hash: string };
    };
    const head = `${status.audit.instance}:${status.audit.seq}:${status.audit.hash}`;
    expect(status.audit.seq).toBe(2);
    first.child.kill("SIGKILL");
    await first.stop();
    // As if it had been killed while it wrote.
    await writeFile(log, `${await readFile(log, "utf8")}{"facts":{"attem`);

    const second = await start();
    expect(await call(second, OTHER_TOKEN, "/europe/v1/chat/completions")).toBe(200);
    expect(await second.stop()).toBe(0);
    const torn = await verify(log);
    expect(torn.code).toBe(1);
    expect(torn.out).toContain(`${log}:4: this line is no audit record`);
    const whole = await lines(log);
    await writeFile(log, `${whole.toSpliced(3, 1).join("\n")}\n`);

    const good = await verify(log, "--head", head);
    expect(good.out).toContain("audit: good");
    expect(good.out).toContain("goes on with the log before it");
    expect(good.out).toContain("not closed");
    expect(good.code).toBe(0);
    expect((await verify(log, "--strict")).code).toBe(1);

    const all = await records();
    expect(all.map(({ kind }) => kind)).toEqual(["genesis", "call", "call", "genesis", "call", "close"]);
    expect(all[1]?.facts).toMatchObject({ decision: "allow", lock: ["egress-system/eu-only"], namespace: "team-b" });
    expect(all[2]?.facts).toMatchObject({ decision: "deny", refusal: "region_locked" });
    const text = await readFile(log, "utf8");
    for (const secret of [PROMPT, OTHER_TOKEN]) expect(text).not.toContain(secret);
  });

  it("shows an edited record, and a log that was cut off behind a head that is known", async () => {
    const good = await lines(log);
    const edited = join(folder, "edited.jsonl");
    await writeFile(edited, `${good.map((line) => line.replace('"decision":"deny"', '"decision":"allow"')).join("\n")}\n`);
    const found = await verify(edited, "--json");
    expect(found.code).toBe(1);
    expect(JSON.parse(found.out)).toMatchObject({ ok: false, faults: [{ line: `${edited}:3`, seq: 2 }] });
    const cut = join(folder, "cut.jsonl");
    await writeFile(cut, `${good.slice(0, 2).join("\n")}\n`);
    const { hash, seq } = (await records())[2] ?? { hash: "", seq: 0 };
    const instance = (JSON.parse(good[0] ?? "") as { readonly instance: string }).instance;
    expect((await verify(cut)).code).toBe(0);
    expect((await verify(cut, "--head", `${instance}:${seq}:${hash}`)).code).toBe(1);
  });

  it("tells the sink the same records", async () => {
    const events = receiver.taken.filter((event) => event["type"] === "dev.spillway.audit.v1");
    expect(events.length).toBeGreaterThan(0);
    const hashes = new Set((await records()).map(({ hash }) => hash));
    for (const event of events) expect(hashes).toContain((event["data"] as { readonly hash: string }).hash);
  });

  it("is told of bad usage and of a log that is not there", async () => {
    expect((await verify()).code).toBe(2);
    expect((await verify(join(folder, "none.jsonl"))).code).toBe(1);
    const empty = join(folder, "empty.jsonl");
    await writeFile(empty, "");
    expect((await verify(empty)).code).toBe(1);
  });
});
