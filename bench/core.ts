import { parseArgs } from "node:util";
import { type CoreScene, createMemoryBroker } from "./memory-broker.ts";

/**
 * What the core alone costs: calls from memory, answers from memory, no socket. Everything else is as served: identity, route,
 * credential, model, usage, metrics. Prints microseconds of CPU a call, the exchange made for each call (about 2) included.
 */

const { values } = parseArgs({
  options: { scene: { type: "string" }, rounds: { type: "string", default: "15" }, "warm-up": { type: "string", default: "30000" } },
});
const rounds = Number(values.rounds);
const warmUp = Number(values["warm-up"]);
const CALLS = 4_000;

const messages = [{ role: "user", content: "hello ".repeat(160) }];
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const event = (value: unknown): Buffer => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
const chunkOf = (choices: unknown, more: object): object => ({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices, ...more });

const SCENES: readonly CoreScene[] = [
  {
    name: "chat",
    method: "POST",
    target: "/v1/chat/completions",
    request: json({ model: "gpt-test", messages }),
    type: "application/json",
    api: "OpenAI",
    answer: [
      json({
        id: "x",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{ index: 0, message: { role: "assistant", content: "hi ".repeat(250) }, finish_reason: "stop" }],
        usage,
      }),
    ],
  },
  {
    name: "stream",
    method: "POST",
    target: "/v1/chat/completions",
    request: json({ model: "gpt-test", stream: true, messages }),
    type: "text/event-stream",
    api: "OpenAI",
    answer: [
      ...Array.from({ length: 98 }, (_, at) => event(chunkOf([{ index: 0, delta: { content: `word ${at}` }, finish_reason: null }], {}))),
      event(chunkOf([], { usage })),
      Buffer.from("data: [DONE]\n\n"),
    ],
  },
  { name: "get", method: "GET", target: "/files/1?part=2", request: null, type: "application/octet-stream", api: "OpenAI", answer: [Buffer.alloc(1_000, 97)] },
];

async function measure(scene: CoreScene): Promise<void> {
  const { run, close } = createMemoryBroker(scene);
  await run(warmUp);
  const costs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    await run(CALLS);
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / CALLS);
  }
  costs.sort((one, other) => one - other);
  const median = costs[Math.floor(costs.length / 2)] ?? 0;
  console.log(`${scene.name.padEnd(8)} ${median.toFixed(1)} us/call (best ${costs[0]?.toFixed(1)}, worst ${costs.at(-1)?.toFixed(1)})`);
  await close();
}

for (const scene of SCENES) {
  if (values.scene === undefined || values.scene === scene.name) await measure(scene);
}
