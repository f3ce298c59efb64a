import { mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { chatChunk, type Provider, startProvider } from "../fakes/provider.ts";

const STREAMS = 200;
let provider: Provider;
const running: BrokerProcess[] = [];

beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider?.close());
afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()));
});

async function start(manifests: string, env: Record<string, string> = {}) {
  const broker = await startBroker({ manifests, env });
  running.push(broker);
  return broker;
}

const chat = (broker: BrokerProcess, init: { stream?: boolean; headers?: Record<string, string>; body?: string } = {}) =>
  fetch(`${broker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json", ...init.headers },
    body: init.body ?? JSON.stringify({ model: "gpt-test", messages: [], stream: init.stream ?? false }),
  });

describe("manifests that change while calls run", () => {
  it("F18: are taken over when good, and the last good state goes on serving when bad", async () => {
    const good = testManifests({ backends: [{ name: "one", port: provider.port }] });
    const broker = await start(good);
    expect((await chat(broker)).status).toBe(200);
    await writeFile(join(broker.folder, "manifests.yaml"), good.replace("scope: Shared", "scope: Shard"));
    await broker.says("not taken over");
    await broker.says(/manifests\.yaml:\d+:\d+/);
    expect((await chat(broker)).status).toBe(200);
    const status = await fetch(`${broker.url}/-/status`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(await status.json()).toMatchObject({ ready: true, lastLoadFailed: { faults: [expect.objectContaining({ severity: "error" })] } });
    expect(await (await fetch(`${broker.url}/-/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).text()).toMatch(/config\w*\{[^}]*\} 1/);
    await writeFile(join(broker.folder, "manifests.yaml"), good.replace("name: all\n", "name: every\n"));
    await expect.poll(async () => (await chat(broker).then(() => broker.calls().at(-1)?.["rule"])) ?? "").toContain("every");
  });

  it("follow the symlink swap of a Kubernetes ConfigMap volume", async () => {
    const good = testManifests({ backends: [{ name: "one", port: provider.port }] });
    const broker = await start(good);
    const volume = join(broker.folder, "volume");
    await mkdir(join(volume, "..2026_1"), { recursive: true });
    const extra = (path: string) =>
      `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: extra, namespace: team-a}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules: [{name: ${path}, matches: [{path: {type: Exact, value: /${path}}}], backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}]}]\n`;
    await writeFile(join(volume, "..2026_1", "extra.yaml"), extra("before"));
    await symlink("..2026_1", join(volume, "..data"));
    await symlink("..data/extra.yaml", join(volume, "extra.yaml"));
    const ruleOf = async (path: string) => {
      await fetch(`${broker.url}/${path}`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } }).then((response) => response.text());
      return String(broker.calls().at(-1)?.["rule"] ?? "");
    };
    await expect.poll(() => ruleOf("before")).toContain("extra");
    await mkdir(join(volume, "..2026_2"));
    await writeFile(join(volume, "..2026_2", "extra.yaml"), extra("after"));
    await symlink("..2026_2", join(volume, "..data_tmp"));
    await rename(join(volume, "..data_tmp"), join(volume, "..data"));
    await expect.poll(() => ruleOf("after")).toContain("extra");
  });
});

describe("SIGTERM", () => {
  it("F29 B17: lets 200 open streams finish, refuses new calls, and exits 0", async () => {
    const broker = await start(testManifests({ backends: [{ name: "one", port: provider.port }] }));
    provider.behave(async (_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let index = 0; index < 10; index++) {
        response.write(chatChunk(index, `${index} `));
        await new Promise((settle) => setTimeout(settle, 150));
      }
      response.end("data: [DONE]\n\n");
    });
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => chat(broker, { stream: true })));
    broker.child.kill("SIGTERM");
    await broker.says("SIGTERM");
    const late = await chat(broker).then(
      (response) => (response.status === 200 ? response.headers.get("connection") : response.status),
      () => "refused",
    );
    expect([503, "refused", "close"]).toContain(late);
    const texts = await Promise.all(streams.map((response) => response.text()));
    expect(texts.filter((text) => text.endsWith("data: [DONE]\n\n"))).toHaveLength(STREAMS);
    expect(await broker.stop()).toBe(0);
  });
});

describe("OpenTelemetry", () => {
  it("gets a root span a call and a child an attempt, with who, where and how much, and no prompt or key", async () => {
    const bodies: string[] = [];
    const collector = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (bytes: Buffer) => parts.push(bytes));
      request.on("end", () => {
        bodies.push(Buffer.concat(parts).toString());
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
    });
    await new Promise<void>((settle) => collector.listen(0, "127.0.0.1", settle));
    const { port } = collector.address() as AddressInfo; // listening on TCP
    provider.behave((await import("../fakes/provider.ts")).answerWell);
    const broker = await start(testManifests({ backends: [{ name: "one", port: provider.port, key: "otel-canary-key", region: "eu-central-1" }] }), {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_SERVICE_NAME: "spillway-test",
    });
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    await (
      await chat(broker, {
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
        body: '{"model":"gpt-test","messages":[{"role":"user","content":"otel-canary-prompt"}]}',
      })
    ).text();
    expect(await broker.stop()).toBe(0);
    running.length = 0;
    const sent = bodies.join("\n");
    expect(sent).toContain(traceId);
    for (const word of ["egress.source.namespace", "team-a", "gen_ai.usage.input_tokens", "egress.backend", "eu-central-1", "spillway-test"])
      expect(sent).toContain(word);
    for (const canary of ["otel-canary-prompt", "otel-canary-key", CALLER_TOKEN]) expect(sent).not.toContain(canary);
    collector.close();
    collector.closeAllConnections();
  });

  it("F34: slows nothing when the collector is down", async () => {
    const broker = await start(testManifests({ backends: [{ name: "one", port: provider.port }] }), {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
      OTEL_BSP_SCHEDULE_DELAY: "20",
    });
    for (let index = 0; index < 30; index++) expect((await chat(broker)).status).toBe(200);
  });
});

describe("the bounds of a request", () => {
  it("answers 413 with the reason, to a declared length and to a chunked body", async () => {
    const broker = await start(testManifests({ backends: [{ name: "one", port: provider.port }], broker: "  bounds: {maxRequestBytes: 1000}" }));
    const before = provider.seen.length;
    const declared = await chat(broker, { body: "x".repeat(5000) });
    expect(declared.status).toBe(413);
    expect(declared.headers.get("x-egress-error")).toBe("request_too_large");
    const chunked = await fetch(`${broker.url}/v1/files`, {
      method: "POST",
      headers: { authorization: `Bearer ${CALLER_TOKEN}` },
      body: new ReadableStream({
        start: (controller) => {
          for (let index = 0; index < 10; index++) controller.enqueue(new Uint8Array(500));
          controller.close();
        },
      }),
      duplex: "half",
    } as RequestInit); // duplex is missing from the DOM's own type
    expect([413, 502]).toContain(chunked.status);
    await chunked.text();
    expect(provider.seen.slice(before).filter((seen) => seen.body.length > 1000)).toEqual([]);
  });

  it("F38: answers 508 to a call that has been here before", async () => {
    const broker = await start(testManifests({ backends: [{ name: "one", port: provider.port }], broker: "  chainId: test-chain" }));
    await (await chat(broker)).text();
    const seen = provider.seen.at(-1);
    expect(seen?.headers["cdn-loop"]).toContain("test-chain");
    expect(seen?.headers.via).toContain("test-chain");
    const again = await chat(broker, { headers: { "cdn-loop": String(seen?.headers["cdn-loop"]) } });
    expect(again.status).toBe(508);
    expect(again.headers.get("x-egress-error")).toBe("egress_loop");
  });
});

describe("the command line", () => {
  it("has a binary that says its version", async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string };
    const { execFileSync } = await import("node:child_process");
    const binary = join(import.meta.dirname, "../../dist/spillway.js");
    expect(execFileSync(process.execPath, [binary, "--version"]).toString().trim()).toBe(version);
  });
});
