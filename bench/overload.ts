import { Agent, request } from "node:http";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { startBroker } from "../test/fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../test/fakes/manifests.ts";
import { recordFigure } from "../test/hostile/figure.ts";

// node bench/overload.ts: what an instance still serves at twice of what it can, with shedding and without. Needs a quiet machine of two cores or more, and `npm run build`.

const { values } = parseArgs({ options: { seconds: { type: "string", default: "10" } } });
const SECONDS = Number(values.seconds);
/** A caller that has waited for so long has given up: an answer after that is none. */
const PATIENCE_MS = 1_000;
const BODY = JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "word ".repeat(2_000) }] });

/** The destination, in a thread of its own: forty events, each in a write of its own. */
const UPSTREAM = `
const { createServer } = require("node:http");
const { parentPort } = require("node:worker_threads");
const event = 'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "}}]}\\n\\n';
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let left = 40;
    const next = () => { if (left-- > 0) { response.write(event); setImmediate(next); } else response.end("data: [DONE]\\n\\n"); };
    next();
  });
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`;

const upstream = new Worker(UPSTREAM, { eval: true });
const upstreamPort = await new Promise<number>((resolve) => upstream.once("message", resolve));
const manifests = testManifests({ backends: [{ name: "only", port: upstreamPort, api: "OpenAI" }] });

interface Counted {
  good: number;
  refused: number;
  late: number;
}

/** One call; counted by what came of it. */
function call(port: number, agent: Agent, counted: Counted): Promise<void> {
  const started = performance.now();
  return new Promise((resolve) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        agent,
        method: "POST",
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
      },
      (answer) => {
        answer.resume();
        answer.on("error", () => resolve());
        answer.on("end", () => {
          if (answer.statusCode === 503) counted.refused += 1;
          else if (answer.statusCode === 200 && performance.now() - started <= PATIENCE_MS) counted.good += 1;
          else counted.late += 1;
          resolve();
        });
      },
    );
    const timer = setTimeout(() => sent.destroy(), PATIENCE_MS);
    sent.on("error", () => {
      counted.late += 1;
      resolve();
    });
    sent.on("close", () => clearTimeout(timer));
    sent.end(BODY);
  });
}

const none = (): Counted => ({ good: 0, refused: 0, late: 0 });

/** As many as it can: callers that each wait for their answer. Good answers a second. */
async function peak(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const counted = none();
  const until = performance.now() + SECONDS * 500;
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (performance.now() < until) await call(port, agent, counted);
    }),
  );
  agent.destroy();
  return counted.good / (SECONDS / 2);
}

/** Calls that come at a rate of their own, whoever is answered. */
async function press(port: number, rate: number): Promise<Counted> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4_000 });
  const counted = none();
  const open: Promise<void>[] = [];
  const started = performance.now();
  for (let sent = 0; ; ) {
    const due = Math.floor(((performance.now() - started) / 1_000) * rate);
    if (performance.now() - started > SECONDS * 1_000) break;
    for (; sent < due; sent += 1) open.push(call(port, agent, counted));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(open);
  agent.destroy();
  return counted;
}

/** A broker of its own for the run, warm. */
async function measure(overload: "on" | "off", run: (port: number) => Promise<Counted>): Promise<Counted> {
  const broker = await startBroker({ manifests, args: ["--quiet"], env: { SPILLWAY_OVERLOAD: overload } });
  try {
    const port = Number(new URL(broker.url).port);
    await peak(port);
    return await run(port);
  } finally {
    await broker.stop();
  }
}

let most = 0;
const taking = await measure("off", async (port) => {
  most = await peak(port);
  return press(port, most * 2);
});
const shedding = await measure("on", (port) => press(port, most * 2));
const share = ({ good }: Counted) => Math.round((good / SECONDS / most) * 100);
recordFigure({ row: "F17", what: "good answers at twice the capacity, of the peak", value: share(shedding), unit: "%", bar: ">= 80 %" });
recordFigure({ row: "F17", what: "the same with shedding switched off", value: share(taking), unit: "%", bar: "for comparison" });
const line = (name: string, { good, refused, late }: Counted) =>
  `${name}: ${share({ good, refused, late })} % of the peak are good answers; of each second ${Math.round(good / SECONDS)} good, ${Math.round(refused / SECONDS)} refused, ${Math.round(late / SECONDS)} later than ${PATIENCE_MS} ms or never`;
console.log(`peak: ${Math.round(most)} good answers a second\n${line("shedding", shedding)}\n${line("taking every call", taking)}`);
await upstream.terminate();
