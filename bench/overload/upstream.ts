import { type AddressInfo, createServer, type Socket } from "node:net";

// The destination of `bench/overload.ts`: raw sockets and bytes made once, so that it costs little beside what it stands behind.

export interface PlainUpstream {
  readonly port: number;
  close(): void;
}

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const event = (delta: object, more: object = {}): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-test", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
const USAGE = { prompt_tokens: 1_600, completion_tokens: 40, total_tokens: 1_640 };
const END = [
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-test", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`,
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-test", choices: [], usage: USAGE })}\n\n`,
  "data: [DONE]\n\n",
].join("");
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const WORD = chunk(event({ content: " word" }));
const LAST = `${chunk(END)}0\r\n\r\n`;
const OPENING = Buffer.from(HEAD + chunk(event({ role: "assistant", content: "" })));
/** Forty events in five writes. */
const PIECES = 5;
const PIECE = Buffer.from(WORD.repeat(8));
const CLOSING = Buffer.from(LAST);

const answer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-test",
  choices: [{ index: 0, message: { role: "assistant", content: "It knows who calls and where the call may go. ".repeat(13) }, finish_reason: "stop" }],
  usage: USAGE,
});
const ANSWER = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`);

/** A call with this model is answered by a stream that has a word each `LONG_PAUSE_MS` until `end`. */
export const LONG_MODEL = "gpt-long";
const LONG_PAUSE_MS = 200;

/** Answers a chat call at once, streamed where it asks for that. */
export async function startPlainUpstream(): Promise<PlainUpstream & { endLong(): void }> {
  const long = new Set<Socket>();
  const word = Buffer.from(WORD);
  const timer = setInterval(() => {
    for (const socket of long) socket.write(word);
  }, LONG_PAUSE_MS);
  const server = createServer({ noDelay: true }, (socket) => {
    let seen = "";
    socket.on("error", () => {});
    socket.on("close", () => long.delete(socket));
    socket.on("data", (bytes) => {
      seen += bytes.toString("latin1");
      const body = seen.indexOf("\r\n\r\n") + 4;
      if (body === 3) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(seen.slice(0, body))?.[1] ?? 0);
      if (seen.length < body + length) return;
      const isLong = seen.includes(LONG_MODEL);
      const streams = isLong || /"stream": ?true/.test(seen);
      seen = "";
      if (!streams) {
        socket.write(ANSWER);
        return;
      }
      socket.write(OPENING);
      if (isLong) {
        long.add(socket);
        return;
      }
      let left = PIECES;
      const next = (): void => {
        if (left-- > 0) {
          socket.write(PIECE);
          setImmediate(next);
        } else socket.write(CLOSING);
      };
      setImmediate(next);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    // A server that listens on TCP has an AddressInfo.
    port: (server.address() as AddressInfo).port,
    endLong: () => {
      for (const socket of long) socket.write(CLOSING);
      long.clear();
    },
    close: () => {
      clearInterval(timer);
      server.close();
    },
  };
}
