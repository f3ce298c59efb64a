import { parseArgs } from "node:util";
import type { ApiSchema } from "../src/index.ts";
import { streamedAnswer, type Told, type Upstream } from "../test/fakes/wire-answers.ts";
import { createMemoryBroker } from "./memory-broker.ts";

/**
 * What translating a stream costs: CPU of a streamed chat whose destination speaks another API, as a ratio to the same stream of a destination that
 * speaks the caller's own, where bytes pass. All in one process, from memory to memory, in turns, so that the machine's moods hit all alike.
 */

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, calls: { type: "string", default: "300" }, "warm-up": { type: "string", default: "2000" } },
});

const TOLD: Told = {
  thought: null,
  // About a hundred deltas, as the fake providers cut it.
  text: "word ".repeat(98),
  calls: [],
  usage: { input: 1, cached: 0, output: 98 },
  ends: "stop",
};
const REQUEST = Buffer.from(JSON.stringify({ model: "claude-test", stream: true, messages: [{ role: "user", content: "hello ".repeat(160) }] }));
const FRAMES = "application/vnd.amazon.eventstream";

const CANDIDATES: readonly { readonly name: string; readonly api: ApiSchema; readonly upstream: Upstream; readonly type: string }[] = [
  { name: "chat (bytes pass)", api: "OpenAI", upstream: "openai-chat", type: "text/event-stream" },
  { name: "chat -> Anthropic", api: "Anthropic", upstream: "anthropic", type: "text/event-stream" },
  { name: "chat -> Bedrock", api: "AWSBedrock", upstream: "bedrock", type: FRAMES },
  { name: "chat -> Gemini", api: "Gemini", upstream: "gemini", type: "text/event-stream" },
];

const running = CANDIDATES.map(({ name, api, upstream, type }) => ({
  name,
  costs: [] as number[],
  broker: createMemoryBroker({ name, api, type, method: "POST", target: "/v1/chat/completions", request: REQUEST, answer: piecesOf(upstream) }),
}));
for (const { broker } of running) await broker.run(Number(values["warm-up"]));
const calls = Number(values.calls);
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const { broker, costs } of running) {
    const before = process.cpuUsage();
    await broker.run(calls);
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / calls);
  }
}
const base = median(running[0]?.costs ?? []);
for (const { name, costs, broker } of running) {
  const own = median(costs);
  console.log(`${name.padEnd(20)} ${own.toFixed(0).padStart(5)} us/call  ${(own / base).toFixed(2)} times`);
  await broker.close();
}

function median(costs: readonly number[]): number {
  return costs.toSorted((one, other) => one - other)[Math.floor(costs.length / 2)] ?? 0;
}

/** One event a piece, as tokens come. */
function piecesOf(upstream: Upstream): readonly Uint8Array[] {
  const whole = streamedAnswer(upstream, TOLD);
  if (upstream !== "bedrock")
    return (
      Buffer.from(whole)
        .toString()
        .match(/[\s\S]+?\r?\n\r?\n/g) ?? []
    ).map((event) => Buffer.from(event));
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += view.getUint32(at)) frames.push(whole.slice(at, at + view.getUint32(at)));
  return frames;
}
