import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UsageReport } from "../../src/offline.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { fail, type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

const BINARY = join(import.meta.dirname, "../../dist/spillway.js");
const PRICE = "{inputPerMTok: 2, cachedInputPerMTok: 1, outputPerMTok: 10}";
const messages = [{ role: "user" as const, content: "Tell me a story" }];

let provider: Provider;
let overloaded: Provider;
let broker: ServedBroker;
let url = "";
let folder = "";

beforeAll(async () => {
  [provider, overloaded, folder] = await Promise.all([startProvider(), startProvider({ behaviour: fail(503) }), mkdtemp(join(tmpdir(), "spillway-usage-"))]);
  broker = await serveManifests(
    testManifests({
      backends: [
        { name: "busy", port: overloaded.port, api: "OpenAI", region: "us-east-1" },
        {
          name: "openai",
          port: provider.port,
          api: "OpenAI",
          region: "eu-central-1",
          models: `[{name: gpt-priced, price: ${PRICE}}, {name: gpt-unpriced-xyz}]`,
        },
        { name: "claude", port: provider.port, api: "Anthropic", keyHeader: "x-api-key", models: `[{name: claude-own, price: ${PRICE}}]` },
      ],
      group: ["busy", "openai"],
      rules: [
        "  - name: messages\n    matches: [{path: {type: PathPrefix, value: /v1/messages}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: claude}]",
        "  - name: chat\n    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]",
      ].join("\n"),
      more: "apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: few, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  limits:\n  - {name: rpd, unit: Requests, limit: 3, window: {duration: 24h}, per: [Namespace], match: {namespaces: [team-b]}}\n",
    }),
  );
  url = `http://127.0.0.1:${broker.port}`;
  const openai = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey: CALLER_TOKEN, baseURL: url, maxRetries: 0 });
  for (let index = 0; index < 4; index += 1) await openai(CALLER_TOKEN).chat.completions.create({ model: "gpt-priced", messages });
  for await (const _ of await openai(CALLER_TOKEN).chat.completions.create({ model: "gpt-priced", messages, stream: true }));
  await openai(CALLER_TOKEN).chat.completions.create({ model: "gpt-unpriced-xyz", messages });
  await anthropic.messages.create({ model: "claude-own", max_tokens: 16, messages });
  for (let index = 0; index < 5; index += 1)
    await openai(OTHER_TOKEN)
      .chat.completions.create({ model: "gpt-priced", messages })
      .catch(() => null);
  await fetch(`${url}/v1/models`, { headers: { authorization: "Bearer wrong" } }).then((answer) => answer.arrayBuffer());
});

afterAll(async () => {
  await broker.stop();
  await Promise.all([provider.close(), overloaded.close(), rm(folder, { recursive: true, force: true })]);
});

const page = (path: string, token = ADMIN_TOKEN, headers: Record<string, string> = {}) =>
  fetch(`${url}/-/${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });

describe("the ledger of a broker over sockets", () => {
  it("has every call, every token and every billionth", async () => {
    const answer = await page("usage?by=namespace,serviceAccount,model,backend,region");
    const report = (await answer.json()) as UsageReport; // our own page
    const rows = new Map(report.rows.map((row) => [[row.namespace, row.serviceAccount, row.model, row.backend, row.region].join(" "), row]));
    const openai = "XBackend/team-a/openai eu-central-1";
    // 11 tokens in, of which 3 cached, and 5 out: 8 x 2 + 3 x 1 + 5 x 10 = 69 millionths of a dollar.
    expect(rows.get(`team-a assistant gpt-priced ${openai}`)).toMatchObject({
      requests: 5,
      errors: 0,
      limited: 0,
      inputTokens: 55,
      cacheReadTokens: 15,
      outputTokens: 25,
      reasoningTokens: 10,
      costNanos: 5 * 69_000,
      costUsd: 0.000345,
      unpriced: 0,
      estimated: 0,
    });
    expect(rows.get(`team-a assistant gpt-unpriced-xyz ${openai}`)).toMatchObject({ requests: 1, inputTokens: 11, costNanos: 0, costUsd: null, unpriced: 1 });
    // Anthropic tells cached tokens beside the input: 9 + 2 + 4.
    expect([...rows.values()].find(({ model }) => model === "claude-own")).toMatchObject({
      backend: "XBackend/team-a/claude",
      requests: 1,
      inputTokens: 15,
      cacheReadTokens: 4,
      cacheWriteTokens: 2,
      outputTokens: 5,
    });
    expect(rows.get(`team-b worker gpt-priced ${openai}`)).toMatchObject({ requests: 3, inputTokens: 33, outputTokens: 15, errors: 0 });
    expect(rows.get("team-b worker gpt-priced  ")).toMatchObject({ requests: 2, errors: 2, limited: 2, inputTokens: 0 });
    expect(rows.get("    ")).toMatchObject({ requests: 1, errors: 1, limited: 0 });
    expect(rows.size).toBe(6);
    expect(report.total).toMatchObject({ requests: 13, errors: 3, limited: 2, inputTokens: 9 * 11 + 15, outputTokens: 10 * 5, unpriced: 1 });
  });

  it("keeps what people want to see first: failovers and refusals", async () => {
    const { incidents } = (await (await page("incidents")).json()) as { readonly incidents: readonly Record<string, string>[] };
    expect(incidents.find(({ kind }) => kind === "failover")).toMatchObject({
      namespace: expect.stringMatching(/^team-/),
      backend: "XBackend/team-a/busy",
      reason: "status_503",
      detail: expect.stringContaining("went on to XBackend/team-a/openai"),
    });
    expect(incidents.find(({ reason }) => reason === "limit_exceeded")).toMatchObject({
      kind: "denied",
      namespace: "team-b",
      serviceAccount: "worker",
      model: "gpt-priced",
    });
    expect(incidents.find(({ reason }) => reason === "identity_rejected")).toMatchObject({ kind: "denied", namespace: "" });
    expect(JSON.stringify(incidents)).not.toContain("wrong");
  });

  it("says how limits stand", async () => {
    const { limits } = (await (await page("limits")).json()) as { readonly limits: readonly Record<string, unknown>[] };
    expect(limits).toEqual([
      expect.objectContaining({
        limit: "egress-system/few/rpd",
        unit: "requests",
        of: { namespace: "team-b" },
        used: 3,
        max: 3,
        left: 0,
        resetsAt: null,
        slidingMs: 86_400_000,
      }),
    ]);
  });

  it.each(["usage", "incidents", "limits"])("%s is for operators only", async (name) => {
    for (const token of [CALLER_TOKEN, OTHER_TOKEN, "wrong", ""]) {
      const answer = await page(name, token);
      expect([answer.status, answer.headers.get("x-egress-error")]).toEqual([401, "identity_rejected"]);
      expect(await answer.text()).not.toContain("team-");
    }
    const anyone = await fetch(`${url}/-/${name}`, { method: "POST", headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(anyone.status).toBe(404);
  });

  it("names a parameter that it cannot honour, and gives CSV to whoever accepts it", async () => {
    const wrong = await page("usage?since=yesterday");
    expect([wrong.status, wrong.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    expect(await wrong.json()).toMatchObject({ parameter: "since", code: "request_malformed" });
    const csv = await page("usage?by=model", ADMIN_TOKEN, { accept: "text/csv" });
    expect(csv.headers.get("content-disposition")).toBe('attachment; filename="usage.csv"');
    expect((await csv.text()).split("\r\n").find((line) => line.startsWith("claude-own"))).toMatch(/^claude-own,1,0,0,15,4,2,5,0,0,\d+,0,[01],0\.0\d+$/);
  });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The built command, as a shell runs it. */
function usage(args: readonly string[], env: Readonly<Record<string, string>> = { SPILLWAY_TOKEN: ADMIN_TOKEN, SPILLWAY_URL: url }): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [BINARY, "usage", ...args],
      { timeout: 15_000, env: { PATH: process.env["PATH"] ?? "", ...env } },
      (_error, out, err) => resolve({ code: child.exitCode, out, err }),
    );
  });
}

describe.concurrent("spillway usage", () => {
  it("prints a table with its total and what the sums do not hold", async () => {
    const { code, out, err } = await usage([]);
    expect([code, err]).toEqual([0, ""]);
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/^namespace +model +calls +errors +limited +input +cached +cache writes +output +reasoning +cost$/);
    expect(lines.find((line) => line.startsWith("team-a     gpt-priced"))).toMatch(/ 5 +0 +0 +55 +15 +0 +25 +10 +\$0\.000345$/);
    expect(lines.find((line) => line.startsWith("team-b"))).toMatch(/ 5 +2 +2 +33 /);
    expect(lines.find((line) => line.includes("gpt-unpriced-xyz"))).toMatch(/ unknown$/);
    expect(lines.find((line) => line.startsWith("total"))).toMatch(/ 13 +3 +2 +114 .*≥ \$0\.000/);
    expect(out).toContain("1 call used tokens whose price is not known");
  });

  it("gives JSON and CSV to programs", async () => {
    const json = await usage(["--by", "backend", "--namespace", "team-a", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ ok: true, by: ["backend"], total: { requests: 7 }, truncated: false });
    const csv = await usage(["--csv", "--by", "namespace,hour", "--since", "1h"]);
    expect(csv.out.split("\r\n")[0]).toMatch(/^namespace,hour,requests,/);
    expect(csv.out.split("\r\n").filter((line) => line !== "")).toHaveLength(4);
  });

  it("takes the credential from a file", async () => {
    const file = join(folder, "token");
    await writeFile(file, `${ADMIN_TOKEN}\n`);
    expect((await usage(["--token-file", file, "--url", `${url}/`], {})).code).toBe(0);
  });

  it.each<[string, readonly string[], Readonly<Record<string, string>>, number, RegExp]>([
    ["no credential", [], { SPILLWAY_TOKEN: "" }, 2, /a credential is needed: --token-file, or SPILLWAY_TOKEN/],
    ["a credential in two lines", [], { SPILLWAY_TOKEN: "a\nb" }, 2, /holds a character/],
    ["a file that is not there", ["--token-file", "/nowhere/token"], {}, 1, /\/nowhere\/token cannot be read/],
    ["a credential of a team", [], { SPILLWAY_TOKEN: CALLER_TOKEN }, 1, /did not accept the credential: it takes one of the Gateway's own namespace/],
    ["what is no URL", ["--url", "localhost:8787"], {}, 2, /--url is the http or https address/],
    ["a password in the URL", ["--url", "http://me:pass@127.0.0.1"], {}, 2, /--url holds a password/],
    ["a time that is none", ["--since", "yesterday"], {}, 2, /--since: It takes a time ago/],
    ["a name that is none", ["--by", "team"], {}, 2, /--by: It takes some of namespace/],
    ["a Gateway that is not there", ["--gateway", "a/b"], {}, 2, /--gateway: There is no such Gateway here; there are egress-system\/egress/],
    ["JSON and CSV", ["--json", "--csv"], {}, 2, /either --json or --csv/],
    ["an option that is none", ["--sinse", "1d"], {}, 2, /--help tells the options/],
  ])("%s ends with a sentence", async (_what, args, env, code, message) => {
    const ended = await usage(args, { SPILLWAY_TOKEN: ADMIN_TOKEN, SPILLWAY_URL: url, ...env });
    expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(message)]);
    expect(ended.err.trim().split("\n")).toHaveLength(1);
    expect(ended.err).not.toContain(ADMIN_TOKEN);
  });

  it("nobody at that address is told, and where to say another", async () => {
    const gone = await startProvider();
    await gone.close();
    const ended = await usage(["--url", `http://127.0.0.1:${gone.port}`]);
    expect([ended.code, ended.err]).toEqual([
      1,
      expect.stringMatching(/cannot be reached: the connection was refused\. Is the broker there\? --url says where/),
    ]);
  });

  it("somebody else's server is told from a broker, and a redirect is not followed", async () => {
    const wrong = await usage(["--url", `http://127.0.0.1:${provider.port}`]);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("not as a broker that keeps usage does: is --url right?")]);
    const away = await startProvider({ behaviour: (_seen, response) => void response.writeHead(302, { location: `${url}/-/usage` }).end() });
    const redirected = await usage(["--url", `http://127.0.0.1:${away.port}`, "--json"]);
    await away.close();
    expect(redirected).toMatchObject({ code: 1, err: expect.stringContaining("answered 302") });
    expect(JSON.parse(redirected.out)).toMatchObject({ ok: false });
  });

  it("has its help", async () => {
    const { code, out } = await usage(["--help"], {});
    expect([code, out]).toEqual([0, expect.stringContaining("usage: spillway usage")]);
  });
});
