import { createServer, get } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Door } from "../fakes/lambda-front-door.ts";
import { type LambdaProcess, startLambda } from "../fakes/lambda-runtime.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { answerWell, type Provider, startProvider } from "../fakes/provider.ts";

const bearer = { authorization: `Bearer ${CALLER_TOKEN}` };
let provider: Provider;
let manifests: string;

beforeAll(async () => {
  provider = await startProvider();
  manifests = testManifests({
    backends: [{ name: "plain", port: provider.port }],
    rule: "    filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: set-cookie, value: a=1}]}}]\n",
  });
});
afterAll(() => provider?.close());
beforeEach(() => {
  provider.behave(answerWell);
  provider.seen.length = 0;
});

describe.each<Door>(["alb", "alb-multi", "apigw-v1", "apigw-v2", "url"])("buffered, behind %s", (door) => {
  let lambda: LambdaProcess;
  beforeAll(async () => {
    lambda = await startLambda({ manifests, handler: "events", door });
  });
  afterAll(() => lambda?.stop());

  it("text, binary, cookies and empty answers arrive as they are", async () => {
    const text = await fetch(`${lambda.url}/things?x=1&y=a%20b%2Fc&x=2`, { headers: bearer });
    // A load balancer without multi-value parameters hands on the last one of each name.
    expect(await text.text()).toBe(
      door === "alb"
        ? "echo GET /things?x=2&y=a%20b%2Fc"
        : `echo GET /things?${door.startsWith("a") && door !== "apigw-v2" ? "x=1&x=2&y=a%20b%2Fc" : "x=1&y=a%20b%2Fc&x=2"}`,
    );
    expect(text.headers.getSetCookie()).toEqual(["a=1"]);
    expect(text.headers.get("content-type")).toBe("text/plain");
    const bytes = Buffer.from([0, 255, 254, 128, 10, 13, 195, 40]);
    provider.behave((_seen, response) => void response.writeHead(200, { "content-type": "image/png" }).end(bytes));
    const binary = await fetch(`${lambda.url}/image`, { method: "POST", headers: { ...bearer, "content-type": "image/png" }, body: bytes });
    expect(Buffer.from(await binary.arrayBuffer()).equals(bytes)).toBe(true);
    expect(Buffer.from(provider.seen.at(-1)?.body ?? "").toString("hex")).toBe(Buffer.from(bytes.toString()).toString("hex"));
    provider.behave((_seen, response) => void response.writeHead(204, { "x-head": "yes" }).end());
    const empty = await fetch(`${lambda.url}/empty`, { headers: bearer });
    expect([empty.status, empty.headers.get("x-head"), await empty.text()]).toEqual([204, "yes", ""]);
  });

  it("an answer of more than the front door takes is a clear error, and one that breaks off is the broker's", async () => {
    const limit = door.startsWith("alb") ? 1 : 6;
    provider.behave((_seen, response) => void response.writeHead(200, { "content-type": "text/plain" }).end("x".repeat(limit * 1024 * 1024)));
    const large = await fetch(`${lambda.url}/large`, { headers: bearer });
    expect(large.status).toBe(502);
    expect(await large.json()).toMatchObject({ detail: expect.stringContaining(`${limit} MiB`) });
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": "100" });
      response.write("half", () => setTimeout(() => response.destroy(), 10));
    });
    const broken = await fetch(`${lambda.url}/broken`, { headers: bearer });
    expect([broken.status, broken.headers.get("x-egress-error")]).toEqual([502, "upstream_unavailable"]);
    await broken.text();
    expect(lambda.environments()).toBe(1);
  });

  it("a load balancer's probe is answered", async () => {
    expect(await (await fetch(`${lambda.url}/-/readyz`)).text()).toBe("ready\n");
    expect((await fetch(`${lambda.url}/things`)).status).toBe(401);
  });
});

describe("streamed, behind a REST API", () => {
  it("text, chunks and cookies arrive as they are", async () => {
    const lambda = await startLambda({ manifests, door: "apigw-v1" });
    try {
      let finish = (): void => {};
      provider.behave((_seen, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("first ");
        finish = () => response.end("last");
      });
      const answer = await fetch(`${lambda.url}/things?x=1`, { headers: bearer });
      const reader = answer.body?.getReader();
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first ");
      finish();
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("last");
      expect(answer.headers.getSetCookie()).toEqual(["a=1"]);
    } finally {
      await lambda.stop();
    }
  });
});

describe("a caller who does not read", () => {
  it("stops the destination, and gets everything once it reads", async () => {
    const lambda = await startLambda({ manifests });
    try {
      const total = 64 * 1024 * 1024;
      const piece = Buffer.alloc(64 * 1024, "x");
      let given = 0;
      provider.behave((_seen, response) => {
        response.writeHead(200, { "content-type": "application/octet-stream" });
        const more = (): void => {
          while (given < total) {
            given += piece.length;
            if (!response.write(piece)) return void response.once("drain", more);
          }
          response.end();
        };
        more();
      });
      const [status, read] = await new Promise<[number, () => Promise<number>]>((settle) => {
        get(`${lambda.url}/endless`, { headers: bearer }, (answer) => {
          // Not flowing: Node stops the socket at its own small bound.
          const readAll = async (): Promise<number> => {
            let length = 0;
            for await (const part of answer) length += (part as Buffer).length; // without an encoding they are buffers
            return length;
          };
          settle([answer.statusCode ?? 0, readAll]);
        });
      });
      expect(status).toBe(200);
      // What is on its way fills the buffers of five sockets, and then stands still.
      let before = -1;
      while (before !== given) {
        before = given;
        await new Promise((settle) => setTimeout(settle, 150));
      }
      expect(given).toBeLessThan(total / 2);
      expect(await read()).toBe(total);
    } finally {
      await lambda.stop();
    }
  });
});

describe("a path that API Gateway has decoded", () => {
  it("is refused where it can be read in two ways, and never guessed", async () => {
    const lambda = await startLambda({ manifests, handler: "events", door: "apigw-v2" });
    try {
      for (const path of ["/a%20b", "/100%25", "/%C3%BC"]) {
        const refused = await fetch(`${lambda.url}${path}`, { headers: bearer });
        expect([path, refused.status, refused.headers.get("x-egress-error")]).toEqual([path, 400, "request_malformed"]);
        expect(await refused.text()).toContain("function URL");
      }
      expect((await fetch(`${lambda.url}/a/b:c`, { headers: bearer })).status).toBe(200);
      expect(provider.seen.map((seen) => seen.url)).toEqual(["/a/b:c"]);
    } finally {
      await lambda.stop();
    }
  });
});

describe("the end of an invocation", () => {
  it("comes after the last byte, and after what the broker tells of the call has left", async () => {
    const told: string[] = [];
    const sink = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (bytes: Buffer) => parts.push(bytes));
      // Slow, so that an invocation that did not wait would be over.
      request.on("end", () =>
        setTimeout(() => {
          told.push(Buffer.concat(parts).toString());
          response.writeHead(202).end();
        }, 600),
      );
    });
    await new Promise<void>((settle) => sink.listen(0, "127.0.0.1", settle));
    const { port } = sink.address() as AddressInfo; // listening on TCP
    const lambda = await startLambda({ manifests, env: { K_SINK: `http://127.0.0.1:${port}` } });
    try {
      let toldBefore = -1;
      const first = await fetch(`${lambda.url}/first`, { headers: bearer });
      await first.text();
      const answeredAt = told.filter((text) => text.includes("egress.completed")).length;
      provider.behave((seen, response, request) => {
        if (seen.url === "/second") toldBefore = told.filter((text) => text.includes("egress.completed")).length;
        return answerWell(seen, response, request);
      });
      await (await fetch(`${lambda.url}/second`, { headers: bearer })).text();
      expect([answeredAt, toldBefore]).toEqual([0, 1]);
    } finally {
      await lambda.stop();
      sink.closeAllConnections();
      sink.close();
    }
  });

  it("freezes the environment: what closed its connections meanwhile fails no call", async () => {
    const sockets = new Set<Socket>();
    const closing = createServer((request, response) => request.resume().on("end", () => response.end("here")));
    closing.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((settle) => closing.listen(0, "127.0.0.1", settle));
    const { port } = closing.address() as AddressInfo; // listening on TCP
    const lambda = await startLambda({ manifests: testManifests({ backends: [{ name: "closing", port }] }) });
    try {
      const post = async () => (await fetch(`${lambda.url}/things`, { method: "POST", headers: bearer, body: "{}" })).text();
      expect(await post()).toBe("here");
      for (let i = 0; i < 6; i += 1) {
        await lambda.call(() => lambda.calls().length > i);
        process.kill(lambda.pid(), "SIGSTOP");
        const next = post();
        for (const socket of sockets) socket.resetAndDestroy();
        await new Promise((settle) => setTimeout(settle, 20));
        process.kill(lambda.pid(), "SIGCONT");
        expect(await next).toBe("here");
      }
    } finally {
      await lambda.stop();
      closing.closeAllConnections();
      closing.close();
    }
  });

  it("an initialisation without manifests says so", async () => {
    await expect(startLambda({ manifests, env: { SPILLWAY_MANIFESTS: "" } })).rejects.toThrow(/neither SPILLWAY_BUNDLE nor SPILLWAY_MANIFESTS/);
  });

  it("the other handler's events are refused by name", async () => {
    const lambda = await startLambda({ manifests });
    try {
      expect(await lambda.invoke({ Records: [{ eventSource: "aws:sqs" }] })).toMatchObject({ errorType: "Error" });
      expect(lambda.stdout()).toContain("index.events");
      expect((await fetch(`${lambda.url}/-/readyz`)).status).toBe(200);
      expect(lambda.environments()).toBe(1);
    } finally {
      await lambda.stop();
    }
  });
});
