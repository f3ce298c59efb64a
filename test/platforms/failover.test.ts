import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { leastOf } from "../fakes/least-time.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { answerWell, type Behaviour, chatChunk, fail, hang, type Provider, startProvider } from "../fakes/provider.ts";

let first: Provider;
let second: Provider;
let broker: BrokerProcess;

/** Two providers in two tiers. Health is generous, so that one test's failures do not evict a backend for the next. */
beforeAll(async () => {
  first = await startProvider();
  second = await startProvider();
  broker = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "first", port: first.port, key: "first-key", api: "OpenAI", timeouts: "{firstByte: 2s}" },
        { name: "second", port: second.port, key: "second-key", api: "OpenAI", timeouts: "{firstByte: 20s}" },
      ],
      group: ["first", "second"],
      groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}",
    }),
  });
});
afterAll(async () => {
  await broker?.stop();
  await Promise.all([first?.close(), second?.close()]);
});
beforeEach(() => {
  first.seen.length = 0;
  second.seen.length = 0;
  first.behave(answerWell);
  second.behave((seen, response, request) => {
    response.setHeader("x-from", "second");
    void answerWell(seen, response, request);
  });
});

function call(body: object = {}, path = "/v1/chat/completions", init: RequestInit = {}) {
  return fetch(`${broker.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-test", messages: [], ...body }),
    ...init,
  });
}

const errorFirst: Behaviour = (_seen, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" }).end('data: {"error":{"message":"overloaded","type":"server_error"}}\n\n');
};
const headThenSilence: Behaviour = (_seen, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
};
const commentThenDeath: Behaviour = (_seen, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(": ping\n\n");
  setTimeout(() => response.socket?.resetAndDestroy(), 20);
};
const reset: Behaviour = (_seen, response) => void response.socket?.resetAndDestroy();

describe("goes to the next candidate inside the same request", () => {
  const cases: [string, Behaviour, object][] = [
    ["429 without Retry-After", fail(429), {}],
    ["503", fail(503), {}],
    ["529", fail(529), {}],
    ["500", fail(500), {}],
    ["502", fail(502), {}],
    ["408", fail(408), {}],
    ["503, streamed", fail(503), { stream: true }],
    ["a reset before the head", reset, {}],
    ["no first byte in time", hang, {}],
    ["a head, then silence", headThenSilence, {}],
    ["an error as the first event of a 200 stream", errorFirst, { stream: true }],
    ["a comment, then death", commentThenDeath, { stream: true }],
  ];
  it.each(cases)("%s", async (_name, behaviour, body) => {
    first.behave(behaviour);
    const response = await call(body);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-from")).toBe("second");
    await response.text();
    expect(second.seen).toHaveLength(1);
    expect(second.seen[0]?.headers.authorization).toBe("Bearer second-key");
    expect(second.seen[0]?.body).toContain("gpt-test");
  });

  it("closes the connection of the one that hung", async () => {
    first.behave(hang);
    await (await call()).text();
    await expect(first.seen[0]?.closed).resolves.toBeGreaterThan(0);
  });
});

describe("stays where it is", () => {
  it.each([400, 404, 409, 413, 422])("F4: %i is the caller's fault: handed on, nobody else asked", async (status) => {
    first.behave(fail(status));
    const response = await call();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { message: `made-up ${status}` } });
    expect([first.seen.length, second.seen.length]).toEqual([1, 0]);
  });

  it("a POST that asks no model is not sent twice after it may have been carried out", async () => {
    first.behave(fail(500));
    expect((await call({}, "/v1/payments")).status).toBe(500);
    expect([first.seen.length, second.seen.length]).toEqual([1, 0]);
  });

  it("a GET may go on", async () => {
    first.behave(fail(500));
    const response = await fetch(`${broker.url}/v1/things`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
    expect(response.headers.get("x-from")).toBe("second");
  });

  it("after three chunks nothing is glued on: the SDK gets an error, and no [DONE]", async () => {
    first.behave(async (_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let index = 0; index < 3; index++) {
        response.write(chatChunk(index, `part${index} `));
        await new Promise((settle) => setTimeout(settle, 15));
      }
      response.socket?.resetAndDestroy();
    });
    const client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${broker.url}/v1`, maxRetries: 0 });
    const stream = await client.chat.completions.create({ model: "gpt-test", messages: [], stream: true });
    let text = "";
    const error = await (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      return null;
    })().catch((reason: unknown) => reason);
    expect(text).toBe("part0 part1 part2 ");
    expect(error).not.toBeNull();
    expect(second.seen).toHaveLength(0);
  });

  it("a stream that ends without its end marker is an error too", async () => {
    first.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).end(chatChunk(0, "cut"));
    });
    const response = await call({ stream: true });
    const text = await response.text().catch((reason: unknown) => String(reason));
    expect(text).not.toContain("[DONE]");
    const line = await broker.call((call) => call["outcome"] === "truncated" && JSON.stringify(call).includes("XBackend/team-a/first"));
    expect(line).toBeTruthy();
  });
});

describe("the credential", () => {
  it("F5: refused by the provider: read anew once, tried once more, then the next candidate", async () => {
    first.behave(fail(401));
    const response = await call();
    expect(response.headers.get("x-from")).toBe("second");
    expect(first.seen.length).toBeLessThanOrEqual(2);
  });

  it("T7: echoed by the provider in an error: taken out before the caller sees it", async () => {
    first.behave((seen, response) => {
      response
        .writeHead(400, { "content-type": "application/json", "x-echo": String(seen.headers.authorization) })
        .end(JSON.stringify({ error: { message: `bad key ${seen.headers.authorization}` } }));
    });
    const response = await call();
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("first-key");
    expect(response.headers.get("x-echo") ?? "").not.toContain("first-key");
  });
});

describe("the caller leaves", () => {
  it.each([true, false])("and the upstream is cancelled within 100 ms (streamed: %s)", async (stream) => {
    const leaving = async () => {
      first.seen.length = 0;
      const arrived = new Promise<void>((settle) =>
        first.behave((_seen, response) => {
          if (stream) {
            response.writeHead(200, { "content-type": "text/event-stream" });
            response.write(chatChunk(0, "x"));
          }
          settle();
        }),
      );
      const leave = new AbortController();
      const pending = call({ stream }, undefined, { signal: leave.signal }).then((response) => response.text());
      pending.catch(() => {});
      await arrived;
      await new Promise((settle) => setTimeout(settle, 50));
      const left = performance.now();
      leave.abort();
      return ((await first.seen[0]?.closed) ?? Number.POSITIVE_INFINITY) - left;
    };
    expect(await leastOf(100, leaving)).toBeLessThan(100);
    expect(second.seen).toHaveLength(0);
  });
});

describe("a provider that asks to be left alone", () => {
  it("is not called again before its Retry-After is over, and the caller notices nothing", async () => {
    const other = await startBroker({
      manifests: testManifests({
        backends: [
          { name: "busy", port: first.port },
          { name: "free", port: second.port },
        ],
        group: ["busy", "free"],
      }),
    });
    first.behave(fail(429, { "retry-after": "30" }));
    const ask = () => fetch(`${other.url}/v1/chat/completions`, { method: "POST", headers: { "api-key": CALLER_TOKEN }, body: '{"model":"m"}' });
    for (let index = 0; index < 5; index++) {
      const response = await ask();
      expect(response.headers.get("x-from")).toBe("second");
      await response.text();
    }
    expect(first.seen).toHaveLength(1);
    await other.stop();
  });
});

describe("a provider that is not there", () => {
  it("is passed over on a refused connection", async () => {
    const server = createServer((socket: Socket) => socket.destroy());
    await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
    const { port } = server.address() as AddressInfo; // listening on TCP
    await new Promise((settle) => server.close(settle));
    const other = await startBroker({
      manifests: testManifests({
        backends: [
          { name: "gone", port },
          { name: "here", port: second.port },
        ],
        group: ["gone", "here"],
      }),
    });
    const response = await fetch(`${other.url}/v1/chat/completions`, { method: "POST", headers: { "x-api-key": CALLER_TOKEN }, body: '{"model":"m"}' });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-egress-attempts")).toBe("2");
    await response.text();
    await other.stop();
  });
});
