import { createServer, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

// The destination of `bench/streams.ts`, a process of its own. What it does is asked for by the header `x-bench-do`:
// `hold` sends an event at once and one each five seconds until `/control/end`; `flood` writes 4 KB events as fast as it is let, 64 MiB at most;
// `pace` sends an event each 50 ms; `bomb` answers 256 MiB as 0.25 MiB of gzip; without it the answer is a small one of JSON.
// node bench/streams/upstream.ts PORT

const EVENT = `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-5.5", choices: [{ index: 0, delta: { content: "word" }, finish_reason: null }] })}\n\n`;
const FLOOD = Buffer.from(`data: ${"x".repeat(4_090)}\n\n`);
const FLOOD_BYTES = 64 * 1024 * 1024;
const BOMB_BYTES = 256 * 1024 * 1024;
const ANSWER = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-5.5",
  choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
});
/** Held streams get their events in as many turns: never all at once. */
const TURNS = 50;

let bomb: Buffer | null = null;
let sent = 0;
let held: ServerResponse[] = [];
const open = new Set<ServerResponse>();
/** When the connection of a stream was closed, in milliseconds of the machine's own monotonic clock. */
const closedAt: Record<string, number> = {};

let turn = 0;
setInterval(() => {
  turn = (turn + 1) % TURNS;
  for (let index = turn; index < held.length; index += TURNS) held[index]?.write(EVENT);
}, 5_000 / TURNS);

function stream(response: ServerResponse): void {
  open.add(response);
  response.writeHead(200, { "content-type": "text/event-stream" });
}

function flood(response: ServerResponse): void {
  let written = 0;
  const pump = (): void => {
    while (!response.destroyed && written < FLOOD_BYTES) {
      written += FLOOD.length;
      sent += FLOOD.length;
      if (!response.write(FLOOD)) return void response.once("drain", pump);
    }
    if (!response.destroyed) response.end();
  };
  pump();
}

/** Ends what is held, spread over these milliseconds. */
function endHeld(ms: number): void {
  const ending = held;
  held = [];
  const began = performance.now();
  let ended = 0;
  const step = (): void => {
    const due = Math.min(ending.length, Math.ceil((ending.length * (performance.now() - began)) / ms));
    for (; ended < due; ended += 1) ending[ended]?.end("data: [DONE]\n\n");
    if (ended < ending.length) setTimeout(step, 10);
  };
  step();
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://bench");
  const id = String(request.headers["x-bench-id"] ?? "");
  response.on("error", () => {});
  response.once("close", () => {
    open.delete(response);
    if (id !== "") closedAt[id] = Number(process.hrtime.bigint()) / 1e6;
  });
  request.on("error", () => {});
  request.resume().once("end", () => {
    const json = (text: string) => response.writeHead(200, { "content-type": "application/json" }).end(text);
    if (url.pathname === "/control/state") return void json(JSON.stringify({ open: open.size, sent, closedAt }));
    if (url.pathname === "/control/end") {
      endHeld(Number(url.searchParams.get("ms") ?? 1_000));
      return void json("{}");
    }
    switch (request.headers["x-bench-do"]) {
      case "hold":
        stream(response);
        response.write(EVENT);
        return void held.push(response);
      case "flood":
        stream(response);
        return flood(response);
      case "pace": {
        stream(response);
        response.write(EVENT);
        const timer = setInterval(() => response.write(EVENT), 50);
        return void response.once("close", () => clearInterval(timer));
      }
      case "bomb":
        bomb ??= gzipSync(Buffer.alloc(BOMB_BYTES), { level: 9 });
        return void response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(bomb);
      default:
        return void json(ANSWER);
    }
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), "127.0.0.1", 8_192);
