import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";
import { startUpstream, type Upstream } from "../fakes/upstream.ts";
import { recordFigure } from "./figure.ts";
import { rawCall } from "./raw-client.ts";
import { answerChat } from "./upstream-scripts.ts";

const MIB = 1_048_576;
const UPLOAD = 50;
const SMALL_UPLOAD = 8;
const CALLERS = 8;
const AUTHORIZED = `authorization: Bearer ${CALLER_TOKEN}\r\n`;
const GOOD = '{"model":"gpt-test","messages":[]}';

let upstream: Upstream;
let world: SocketBroker;
beforeAll(async () => {
  upstream = await startUpstream(answerChat());
  world = await startSocketBroker({ backends: [{ name: "one", port: upstream.port, api: "OpenAI" }], broker: "  bounds: {maxRequestBytes: 4000000}" });
});
afterAll(async () => {
  await world?.stop();
  await upstream?.close();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

const head = (framing: string, headers = AUTHORIZED) =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: broker.test\r\ncontent-type: application/json\r\n${headers}${framing}\r\n\r\n`;

interface Uploaded {
  /** 0: the connection broke before any status was seen. */
  readonly status: number;
  readonly sent: number;
  readonly ms: number;
}

/** Sends as plain clients do: all of it, as fast as it is taken, whatever comes meanwhile. `reads`: that is read at once. */
function upload(chunked: boolean, mebibytes: number, reads: boolean): Promise<Uploaded> {
  const size = mebibytes * MIB;
  const piece = Buffer.alloc(MIB, "a");
  const framed = chunked ? Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), piece, Buffer.from("\r\n")]) : piece;
  return new Promise((resolve) => {
    const started = performance.now();
    const socket = connect({ host: "127.0.0.1", port: world.port });
    let text = "";
    let sent = 0;
    const more = (): void => {
      while (sent < size && !socket.destroyed) {
        sent += MIB;
        if (!socket.write(framed)) return;
      }
      socket.resume();
      if (sent >= size) finish();
    };
    socket.on("drain", more);
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (sent >= size) finish();
    });
    /** All is sent, and the answer is there: nothing more is waited for. */
    const finish = (): void => {
      if (text.includes("\r\n\r\n")) socket.destroy();
    };
    socket.on("error", () => {});
    socket.on("close", () => resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), sent, ms: performance.now() - started }));
    socket.write(head(chunked ? "transfer-encoding: chunked" : `content-length: ${size}`));
    if (!reads) socket.pause();
    more();
  });
}

describe("an upload that is too large", () => {
  it.each([
    ["declared", false, UPLOAD, true],
    ["in chunks", true, UPLOAD, true],
    ["declared, by callers that read when all is sent", false, SMALL_UPLOAD, false],
    ["in chunks, by callers that read when all is sent", true, SMALL_UPLOAD, false],
  ] as const)("T19: %s, of 8 callers at once: all of them see the 413, and nothing goes on", async (name, chunked, mebibytes, reads) => {
    const answers = await Promise.all(Array.from({ length: CALLERS }, () => upload(chunked, mebibytes, reads)));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: CALLERS }, () => 413));
    expect(upstream.seen).toEqual([]);
    recordFigure({
      row: "T19",
      what: `callers of ${mebibytes} MiB uploads, ${name}, that see the 413`,
      value: answers.filter((one) => one.status === 413).length,
      unit: `of ${CALLERS}`,
      bar: "8 of 8",
    });
  });

  it("T19: and silent after nine bytes of ten GiB, is refused at once and cut within seconds", async () => {
    const call = rawCall(`${head("content-length: 10737418240")}{"model":`, { port: world.port, untilClose: true });
    const answer = await call.answer;
    expect(answer.statuses).toEqual([413]);
    expect(answer.ms).toBeLessThan(15_000);
    expect(upstream.seen).toEqual([]);
  });
});

describe("a refusal before the body was read", () => {
  const hidden = `GET /hidden HTTP/1.1\r\nhost: broker.test\r\n${AUTHORIZED}\r\n`;
  const next = `${head(`content-length: ${GOOD.length}`)}${GOOD}`;

  it.each([
    ["with its body at once", (body: string) => [`${head(`content-length: ${body.length}`, "")}${body}${next}`]],
    ["with its body later", (body: string) => [head(`content-length: ${body.length}`, ""), body, next]],
    ["in chunks", (body: string) => [`${head("transfer-encoding: chunked", "")}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${next}`]],
  ])(
    "T10 T19: %s: what is in the body is never taken for a call, and the next call on the connection is served or the connection closed",
    async (_name, write) => {
      for (const body of [hidden, `${hidden}${"x".repeat(100_000)}`]) {
        upstream.seen.length = 0;
        const [first = "", ...rest] = write(body);
        const call = rawCall(first, { port: world.port, untilClose: true });
        for (const piece of rest) {
          await expect.poll(() => call.received().length).toBeGreaterThan(0);
          call.socket.write(Buffer.from(piece, "latin1"));
        }
        const statuses = () => call.received().match(/HTTP\/1\.1 \d{3} /g) ?? [];
        await Promise.race([call.answer, expect.poll(() => statuses().length).toBeGreaterThan(1)]);
        call.socket.destroy();
        const answer = await call.answer;
        expect([[401], [401, 200]]).toContainEqual(answer.statuses);
        expect(upstream.seen.map((seen) => seen.target)).toEqual(answer.statuses.length === 2 ? ["/v1/chat/completions"] : []);
      }
    },
  );

  it("T19: whose caller never sends it is given up two seconds after the answer", async () => {
    const answer = await rawCall(head("content-length: 1000", ""), { port: world.port, untilClose: true }).answer;
    expect(answer.statuses).toEqual([401]);
    expect(answer.end).toBe("clean");
    expect(answer.ms).toBeLessThan(15_000);
  });
});
