import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testManifests } from "../fakes/manifests.ts";

const BINARY = join(import.meta.dirname, "../../dist/spillway.js");
const GOOD = testManifests({
  backends: [
    { name: "here", port: 18_001, region: "eu-central-1", api: "OpenAI" },
    { name: "there", port: 18_002, region: "us-east-1", api: "OpenAI" },
  ],
  rules: [
    "  - name: chat\n    matches: [{path: {type: PathPrefix, value: /v1}}]\n    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]",
    "  - name: american\n    matches: [{path: {type: PathPrefix, value: /v1}, headers: [{name: X-Gateway-Model-Name, value: only-there}]}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: there}]",
  ].join("\n"),
  group: ["here", "there"],
  more: "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: europe, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  appliesTo: {namespaces: {matchLabels: {team: b}}}\n  allow: {jurisdictions: [EU]}",
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-cli-"));
  await put("good/all.yaml", GOOD);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes a file below the folder and gives the folder that holds it. */
async function put(path: string, text: string): Promise<string> {
  const file = join(folder, path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, text);
  return join(file, "..");
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command as a shell would; a command that does not end by itself within 15 s gives the code null. */
function spillway(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BINARY, ...args], { timeout: 80_000, env: { PATH: process.env["PATH"] ?? "" } }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

const explain = (as: string, ...rest: string[]) => spillway("explain", "--as", as, "-m", join(folder, "good"), ...rest);

describe.concurrent("check", () => {
  it("is content with good manifests and says what they amount to", async () => {
    const { code, out } = await spillway("check", join(folder, "good"));
    expect(code).toBe(0);
    expect(out).toBe("check: good (13 objects, 1 Gateway, 2 rules, 2 usable backends)\n");
    expect((await spillway("check", "--conditions", join(folder, "good"))).out).toContain("Gateway egress-system/egress\n  Accepted=True");
  });

  it.each([
    ["a field that is spelt wrong", "scope: Shared", "scoop: Shared", /:\d+:\d+: error: unknown field scoop/, "did you mean scope?"],
    ["a value that does not exist", "scope: Shared", "scope: Shard", /:\d+:\d+: error: .*spec\/routing\/scope/, "Shared"],
    [
      "a kind that does not exist",
      "kind: BackendGroup\nmeta",
      "kind: BackendGrup\nmeta",
      /:\d+:\d+: error: BackendGrup .* is not a kind/,
      "did you mean BackendGroup",
    ],
    ["text that is no YAML", "apiVersion: v1\nkind: Namespace", "apiVersion: [v1\nkind: Namespace", /:\d+:\d+: error: not valid YAML/, "|"],
  ])("places %s by file, line and column", async (name, good, bad, place, advice) => {
    expect(GOOD).toContain(good);
    const path = await put(`${createHash("sha256").update(name).digest("hex").slice(0, 8)}/all.yaml`, GOOD.replace(good, bad));
    const { code, out } = await spillway("check", path);
    expect(code).toBe(1);
    expect(out).toContain(`${path}/all.yaml:`);
    expect(out).toMatch(place);
    expect(out).toContain(advice);
    const line = Number(/all\.yaml:(\d+):/.exec(out)?.[1]);
    expect(out).toContain(`${line} | ${GOOD.replace(good, bad).split("\n")[line - 1]}`);
  });

  it("tells of every fault at once, as JSON too", async () => {
    const path = await put("two/all.yaml", GOOD.replace("scope: Shared", "scope: Shard").replace("{jurisdictions: [EU]}", "{jurisdiction: [EU]}"));
    const { code, out } = await spillway("check", "--json", path);
    expect(code).toBe(1);
    const told = JSON.parse(out);
    expect(told).toMatchObject({ ok: false });
    expect(told.faults.map((fault: { file: string; line: number; column: number; pointer: string }) => [typeof fault.line, fault.pointer])).toEqual([
      ["number", "/spec/routing/scope"],
      ["number", "/spec/allow"],
      ["number", "/spec/allow/jurisdiction"],
    ]);
  });

  it("names the object whose reference leads nowhere", async () => {
    const { code, out } = await spillway("check", await put("nowhere/all.yaml", GOOD.replace("name: there}}]}", "name: their}}]}")));
    expect(code).toBe(1);
    expect(out).toMatch(/all\.yaml:\d+: BackendGroup team-a\/group: ResolvedRefs=False .*XBackend team-a\/their is not among the manifests/);
    expect(out).not.toContain("Accepted=True");
  });

  it("says which fields a platform cannot honour, in which file, and why", async () => {
    const policy = "metadata: {name: there, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: there}]\n";
    const pins = `${policy}  tls: {pins: ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]}\n`;
    const path = await put(
      "pinned/all.yaml",
      GOOD.replace("tls: {mode: None}", "tls: {mode: ServerOnly}").replace("tls: {mode: None}", "tls: {mode: ServerOnly}").replace(policy, pins),
    );
    const { code, out } = await spillway("check", "--platform", "workers", path);
    expect(code).toBe(1);
    expect(out).toMatch(
      /pinned\/all\.yaml:\d+: BackendConnectionPolicy team-a\/there -> XBackend\/team-a\/there: Accepted=False UnsupportedValue: dns\.addresses needs dns-pin, tls\.pins needs spki-pin, which workers does not have/,
    );
    expect((await spillway("check", path)).code).toBe(0);
  });

  // Four processes one after another, on a machine that may be busy.
  it("says that there is nothing to check", async () => {
    for (const [path, why] of [
      [join(folder, "gone"), "there is no such file or folder"],
      [await put("other/notes.txt", "hello"), "no file there ends in .yaml, .yml or .json"],
      [await put("blank/all.yaml", "\n"), "what is there is empty"],
    ] as const) {
      const { code, err } = await spillway("check", path);
      expect([code, err]).toEqual([1, expect.stringContaining(`no manifests at ${path}: ${why}`)]);
    }
    const asJson = await spillway("check", "--json", join(folder, "gone"));
    expect(JSON.parse(asJson.out)).toMatchObject({ ok: false, error: expect.stringContaining("gone") });
  }, 60_000);

  it.each([
    [["check"], "no manifests: name a file or folder"],
    [["check", "--wat", "x"], "Unknown option '--wat': --help tells the options\n"],
    [["check", "--manifest", "x"], "did you mean --manifests?"],
    [["chekc"], 'there is no command "chekc"'],
    [["chekc"], "did you mean check?"],
    [["explain", "--as", "team-a/app", "POST"], "after POST comes the URL"],
    [[], ""],
  ])("bad usage %j ends with 2", async (args, message) => {
    const { code, err } = await spillway(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe.concurrent("a file that is not there, or cannot be", () => {
  const gone = "/nowhere/at/all";
  it.each([
    [["compile", "-o", gone, "GOOD"], "cannot be written: there is no such folder"],
    [["key", "-o", gone], "cannot be written: there is no such folder"],
    [["key", "--public", gone], "cannot be read: there is no such file"],
    [["audit", "verify", gone], "cannot be read: there is no such file"],
    [["regions", "update", gone], "cannot be read: there is no such file"],
    [["status", "--token-file", gone], "cannot be read: there is no such file"],
  ])("%j says so in words", async (args, why) => {
    const { code, err } = await spillway(...args.map((arg) => (arg === "GOOD" ? join(folder, "good") : arg)));
    expect([code, err]).toEqual([1, `spillway: ${gone} ${why}\n`]);
  });
});

describe.concurrent("explain", () => {
  it("names the winner, the beaten and why, and the candidates in order", async () => {
    const { code, out } = await explain("team-a/assistant", "http://llm.local/v1/chat/completions", "-d", '{"model":"only-there"}');
    expect(code).toBe(0);
    expect(out).toContain("routed      team-a/route/american");
    expect(out).toContain("beaten   team-a/route/chat: it matches 0 headers against 1");
    expect(out).toMatch(/planned {3}1 XBackend\/team-a\/there {2}tier 1, there\.provider\.example:18002/);
    const both = await explain("team-a/assistant", "POST", "/v1/chat/completions", "-d", '{"model":"any"}');
    expect(both.out).toMatch(/planned {3}1 XBackend\/team-a\/here .*\n +2 XBackend\/team-a\/there {2}tier 2/);
  });

  it("says why a backend is out, and by which lock", async () => {
    const { code, out } = await explain("team-b/worker", "POST", "/v1/chat/completions", "-d", '{"model":"any"}');
    expect(code).toBe(0);
    expect(out).toContain("locked by   RegionPolicy egress-system/europe");
    expect(out).toMatch(/out {4}XBackend\/team-a\/there: us-east-1 is not allowed by RegionPolicy egress-system\/europe/);
  });

  it("ends with 1 where the call would be refused, with the code and the backends that were considered", async () => {
    const locked = await explain("team-b/worker", "POST", "/v1/chat/completions", "-d", '{"model":"only-there"}', "--json");
    expect(locked.code).toBe(1);
    expect(JSON.parse(locked.out)).toMatchObject({
      rule: { id: "team-a/route/american" },
      candidates: [],
      excluded: [{ backend: "XBackend/team-a/there", reason: "region", why: expect.stringContaining("us-east-1") }],
      refusal: { code: "region_locked", status: 403 },
    });
    const nowhere = await explain("team-a/assistant", "GET", "/nowhere");
    expect([nowhere.code, nowhere.out]).toEqual([1, expect.stringContaining("refused     404 route_not_found")]);
  });

  it("tells the limits that the call would be charged to, and in whose name", async () => {
    const limits = `
apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: budget, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits:
    - {name: rpm, unit: Requests, limit: 600, per: [ServiceAccount], window: {duration: 1m}}
    - {name: usd, unit: Cost, limit: "250.10", window: {duration: 720h, type: Calendar, timeZone: Europe/Berlin}, onExceeded: NextTier}
    - {name: each, unit: Concurrency, limit: 8, per: [Backend], onExceeded: Shadow}
`;
    const path = await put("limited/all.yaml", `${GOOD}\n---${limits}`);
    const { out } = await spillway("explain", "--as", "team-a/assistant", "-m", path, "POST", "/v1/chat/completions", "-d", '{"model":"any"}');
    expect(out.split("\n").filter((line) => line.includes("egress-system/budget"))).toEqual([
      "counted by  egress-system/budget/rpm: 600 requests in any 1m, for namespace team-a, service account assistant; beyond: 429",
      "            egress-system/budget/usd: USD 250.10 each month (Europe/Berlin), shared by all; beyond: the next tier",
      "            egress-system/budget/each: 8 calls at the same time, for backend XBackend/team-a/here; beyond: only told",
      "            egress-system/budget/each: 8 calls at the same time, for backend XBackend/team-a/there; beyond: only told",
    ]);
  });

  it("prints the faults of manifests that cannot be used", async () => {
    const path = await put("explained/all.yaml", GOOD.replace("scope: Shared", "scope: Shard"));
    const { code, out, err } = await spillway("explain", "--as", "team-a", "-m", path, "GET", "/v1/models");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/all\.yaml:\d+:\d+: error:/);
  });

  it.each([
    [["GET", "/x"], "who calls?"],
    [["--as", "Team", "GET", "/x"], "--as takes NAMESPACE/SERVICEACCOUNT"],
    [["--as", "team-a", "GET", "/x", "-H", "none"], "a header is written"],
    [["--as", "team-a", "GET", "/x", "/y"], "one call at a time"],
  ])("bad usage %j ends with 2", async (args, message) => {
    const { code, err } = await spillway("explain", "-m", join(folder, "good"), ...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe.concurrent("serve", () => {
  it("says that the port is taken, and ends", async () => {
    const other = createServer();
    await new Promise<void>((settle) => other.listen(0, "127.0.0.1", settle));
    const { port } = other.address() as AddressInfo; // listening on TCP
    const { code, err } = await spillway("serve", "-m", join(folder, "good"), "--port", String(port));
    expect([code, err]).toEqual([1, expect.stringContaining(`port ${port} of 127.0.0.1 is taken: choose another with --port`)]);
    other.close();
  });

  it("says that there are no manifests, and ends", async () => {
    const { code, err } = await spillway("serve", "-m", join(folder, "gone"), "--port", "0");
    expect([code, err]).toEqual([1, expect.stringContaining("gone: there is no such file or folder")]);
  });

  it.each([
    [["-m", "x", "--port", "-1"], "--port"],
    [["-m", "x", "--grace", "long"], '--grace must be seconds from 0 to 86400, not "long"'],
    [[], "no manifests: name a file or folder"],
  ])("bad usage %j ends with 2", async (args, message) => {
    const { code, err } = await spillway("serve", ...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});
