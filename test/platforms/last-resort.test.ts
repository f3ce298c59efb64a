import { execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { rawClient, startNodeServer } from "../fakes/node-broker.ts";
import { chatChunk, type Provider, startProvider } from "../fakes/provider.ts";

const BINARY = join(import.meta.dirname, "../../dist/spillway.js");
/** Code that runs in a process before its own does. */
const before = (code: string) => `--import=data:text/javascript,${encodeURIComponent(code)}`;
/** Quoted by a fault, and so by nothing that is written. */
const CANARY = "sk-canary-in-a-message";
/** As code, since the places of an error quote where it was written. */
const QUOTED = '"sk-canary-in".concat("-a-message")';

let provider: Provider;
const running: BrokerProcess[] = [];
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider?.close());
afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()));
});

/** A broker in which each SIGUSR2 is a fault that nothing catches. */
async function start(fault: string): Promise<BrokerProcess> {
  const broker = await startBroker({
    manifests: testManifests({ backends: [{ name: "one", port: provider.port }] }),
    env: { NODE_OPTIONS: before(`process.on("SIGUSR2", () => { ${fault} });`) },
  });
  running.push(broker);
  return broker;
}

const chat = (broker: BrokerProcess) =>
  fetch(`${broker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-test", messages: [], stream: true }),
  });

/** A stream that goes on until it is let go. */
function openStream(): () => void {
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  provider.behave(async (_seen, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk(0, "first"));
    await gone;
    response.end("data: [DONE]\n\n");
  });
  return letGo;
}

describe("a fault that nothing catches", () => {
  it.each([
    ["an exception", `throw new TypeError(${QUOTED})`],
    ["a rejection", `void Promise.reject(new TypeError(${QUOTED}))`],
    ["a rejection with something that is no error", `void Promise.reject(${QUOTED})`],
  ])("F35: %s is told with an id, calls under way end well, and the process does not end with 0", async (_name, fault) => {
    const broker = await start(fault);
    const letGo = openStream();
    const stream = await chat(broker);
    broker.child.kill("SIGUSR2");
    await broker.says(/spillway: fault [0-9a-f-]{36} that nothing caught ends this process: (TypeError\n +at |a value that is no error)/);
    await expect
      .poll(() =>
        chat(broker).then(
          (answer) => answer.headers.get("connection"),
          () => "refused",
        ),
      )
      .not.toBe("keep-alive");
    letGo();
    expect(await stream.text()).toMatch(/first.*data: \[DONE\]\n\n$/s);
    await expect.poll(() => broker.child.exitCode).toBe(1);
    expect(broker.stderr() + broker.stdout()).not.toContain(CANARY);
  });

  it("F35: the second one ends the process at once, whatever is under way", async () => {
    const broker = await start(`setTimeout(() => { throw new Error(${QUOTED}) })`);
    const letGo = openStream();
    const stream = await chat(broker);
    broker.child.kill("SIGUSR2");
    await broker.says("that nothing caught");
    expect(broker.child.exitCode).toBeNull();
    broker.child.kill("SIGUSR2");
    await expect.poll(() => broker.child.exitCode).toBe(1);
    await expect(stream.text()).rejects.toThrow();
    letGo();
  });

  it("F35: while SIGTERM lets calls end, it is a fault all the same", async () => {
    const broker = await start(`throw new Error(${QUOTED})`);
    const letGo = openStream();
    const stream = await chat(broker);
    broker.child.kill("SIGTERM");
    await broker.says("SIGTERM");
    broker.child.kill("SIGUSR2");
    await broker.says("that nothing caught");
    letGo();
    expect(await stream.text()).toContain("[DONE]");
    expect(await broker.stop()).toBe(1);
  });
});

describe("an exception while a call is taken", () => {
  it("F35: is 500 with an id, and the next call is served", async () => {
    const faults: unknown[] = [];
    let calls = 0;
    const { server, port } = await startNodeServer(
      (exchange) => {
        calls += 1;
        if (calls === 1) throw new TypeError(CANARY);
        exchange.responder.reply(200, [], new TextEncoder().encode("well"));
      },
      (id, error) => void faults.push(id, error),
    );
    const first = await fetch(`http://127.0.0.1:${port}/one`);
    expect([first.status, first.headers.get("x-egress-error")]).toEqual([500, "internal_error"]);
    expect(faults).toEqual([first.headers.get("x-request-id"), expect.any(TypeError)]);
    expect(await first.text()).not.toContain(CANARY);
    expect(await (await fetch(`http://127.0.0.1:${port}/two`)).text()).toBe("well");
    const upgrade = rawClient(port, "GET /three HTTP/1.1\r\nhost: a\r\n\r\n");
    await expect.poll(() => upgrade.received()).toContain("well");
    upgrade.socket.destroy();
    await server.drain(100);
  });
});

describe("a Node that is too old", () => {
  it.each(["18.20.4", "20.20.2"])("is told in a sentence: %s", async (version) => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: "${version}" }); delete process.getBuiltinModule; delete process.constructor.prototype.getBuiltinModule;`;
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((settle) =>
      execFile(process.execPath, [before(pretend), BINARY, "serve"], (error, _stdout, text) => settle({ code: error?.code ?? 0, stderr: text })),
    );
    expect(stderr).toBe(`spillway: needs Node 22.21 or later, and this is ${version}\n`);
    expect(code).toBe(1);
  });
});
