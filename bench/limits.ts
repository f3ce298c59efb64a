import { parseArgs } from "node:util";
import { readRedisAddress } from "../adapters/redis/redis-address.ts";
import { createMemoryUsageStore } from "../adapters/usage/memory-store.ts";
import { createRedisUsageStore } from "../adapters/usage/redis-store.ts";
import type { UsagePorts, UsageStore } from "../src/index.ts";
import { hasRedis, startRedis } from "../test/fakes/redis-server.ts";
import { THREE_LIMITS } from "./broker-manifests.ts";
import { median } from "./measure.ts";
import { type CoreScene, createMemoryBroker, type MemoryBroker } from "./memory-broker.ts";

/**
 * What limits cost: CPU of a chat call with its limits counted, as a ratio to the same call without, and what they add to its time. All candidates are in one
 * process, from memory to memory, and take turns, so that the machine's moods hit all alike. Redis runs beside it, on loopback. Also what a store does by itself.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    calls: { type: "string", default: "500" },
    // Much: code that few calls have gone through is not compiled yet, and a broker that serves has long been.
    "warm-up": { type: "string", default: "40000" },
    exchanges: { type: "string", default: "4000" },
    json: { type: "boolean", default: false },
  },
});

const CHAT: CoreScene = {
  name: "chat",
  method: "POST",
  target: "/v1/chat/completions",
  request: Buffer.from(JSON.stringify({ model: "gpt-test", max_tokens: 500, messages: [{ role: "user", content: "hello ".repeat(160) }] })),
  type: "application/json",
  api: "OpenAI",
  answer: [
    Buffer.from(
      JSON.stringify({
        id: "x",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{ index: 0, message: { role: "assistant", content: "hi ".repeat(250) }, finish_reason: "stop" }],
        usage: { prompt_tokens: 170, completion_tokens: 251, total_tokens: 421 },
      }),
    ),
  ],
};

interface Candidate {
  readonly name: string;
  readonly broker: MemoryBroker;
  /** Microseconds of CPU a call, of each round. */
  readonly cpu: number[];
  /** Milliseconds of the middle call, and of one in a hundred, of each round. */
  readonly middle: number[];
  readonly slow: number[];
}

/** A store with the scripts of three accounts or one, asked one at a time and by sixteen. */
interface StoreFigures {
  readonly name: string;
  readonly accounts: number;
  readonly p50Us: number;
  readonly perSecond: number;
}

const address = await startStore();
const memory = (): UsageStore => createMemoryUsageStore({ now: Date.now });
const usage = (store: () => UsageStore, timers = true): UsagePorts => ({ open: async () => store(), outlet: () => null, timers });
const candidates = [
  candidate("no limits, no usage kept"),
  candidate("usage kept in memory", usage(memory)),
  candidate("3 limits, memory", usage(memory), THREE_LIMITS),
  ...(address === null
    ? []
    : [
        candidate("3 limits, Redis, leases", usage(address.open), THREE_LIMITS),
        candidate("3 limits, Redis, no leases", usage(address.open, false), THREE_LIMITS),
      ]),
];

// In turns, as they are measured.
for (let warm = 0; warm < Number(values["warm-up"]); warm += Number(values.calls))
  for (const { broker } of candidates) await broker.runApart(Number(values.calls));
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const { broker, cpu, middle, slow } of candidates) {
    const before = process.cpuUsage();
    const times = (await broker.runApart(Number(values.calls))).toSorted((one, other) => one - other);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / times.length);
    middle.push(times[Math.floor(times.length / 2)] ?? 0);
    slow.push(times[Math.floor(times.length * 0.99)] ?? 0);
  }
}

const [base] = candidates;
const calls = candidates.map(({ name, cpu, middle, slow }) => ({
  name,
  cpuUs: median(cpu),
  cpuRatio: median(cpu.map((own, round) => own / (base?.cpu[round] ?? own))),
  addedUs: 1_000 * median(middle.map((own, round) => own - (base?.middle[round] ?? own))),
  timeRatio: median(middle.map((own, round) => own / (base?.middle[round] ?? own))),
  p99Us: 1_000 * median(slow),
}));
const stores = [...(await measureStore("memory", memory())), ...(address === null ? [] : await measureStore("Redis", address.open()))];
for (const { broker } of candidates) await broker.close();
await address?.close();

if (values.json) console.log(JSON.stringify({ calls, stores }, null, 2));
else {
  console.log(
    `${"a chat call".padEnd(28)} ${"CPU us".padStart(8)} ${"ratio".padStart(6)} ${"added us".padStart(9)} ${"ratio".padStart(6)} ${"p99 us".padStart(8)}`,
  );
  for (const { name, cpuUs, cpuRatio, addedUs, timeRatio, p99Us } of calls)
    console.log(
      `${name.padEnd(28)} ${cpuUs.toFixed(0).padStart(8)} ${cpuRatio.toFixed(2).padStart(6)} ${addedUs.toFixed(0).padStart(9)} ${timeRatio.toFixed(2).padStart(6)} ${p99Us.toFixed(0).padStart(8)}`,
    );
  console.log(`\n${"exchanges of a store".padEnd(28)} ${"p50 us".padStart(8)} ${"a second".padStart(9)}`);
  for (const { name, accounts, p50Us, perSecond } of stores)
    console.log(`${`${name}, ${accounts} account${accounts === 1 ? "" : "s"}`.padEnd(28)} ${p50Us.toFixed(0).padStart(8)} ${perSecond.toFixed(0).padStart(9)}`);
  console.log(
    "\nMedians of rounds in turn; ratios are to the first line, within a round. Time is of one call at a time. The CPU of Redis itself is not counted.",
  );
}

function candidate(name: string, ports?: UsagePorts, more?: string): Candidate {
  const broker = createMemoryBroker(CHAT, { ...(ports === undefined ? {} : { usage: ports }), ...(more === undefined ? {} : { more }) });
  return { name, broker, cpu: [], middle: [], slow: [] };
}

/** Null, and a line on what is missing: there is no redis-server. */
async function startStore() {
  if (!hasRedis()) {
    console.error("bench: without Redis, since redis-server is not installed (Debian: apt-get install redis-server)");
    return null;
  }
  const server = await startRedis();
  const at = readRedisAddress(`redis://127.0.0.1:${server.port}`);
  if (at === null) throw new Error("not the address of a Redis");
  return { open: () => createRedisUsageStore({ address: at }), close: server.close };
}

async function measureStore(name: string, store: UsageStore): Promise<readonly StoreFigures[]> {
  const signal = new AbortController().signal;
  const figures: StoreFigures[] = [];
  let sequence = 0;
  const exchange = (holder: string, accounts: number) =>
    store.exchange(
      {
        realm: "bench/egress",
        holder,
        sequence: ++sequence,
        ttlMs: 30_000,
        changes: Array.from({ length: accounts }, (_, at) => ({
          account: `egress-system/bench/limit-${at} team-${at}`,
          window: { kind: "sliding", ms: 3_600_000 } as const,
          limit: 1e12,
          used: 400,
          keep: 600,
          need: 1_200,
          want: 10_000,
        })),
      },
      signal,
    );
  for (const accounts of [1, 3]) {
    const count = Number(values.exchanges);
    for (let warm = 0; warm < count / 4; warm += 1) await exchange("holder-0", accounts);
    const times: number[] = [];
    for (let at = 0; at < count; at += 1) {
      const began = performance.now();
      await exchange("holder-0", accounts);
      times.push(performance.now() - began);
    }
    const began = performance.now();
    const holders = Array.from({ length: 16 }, async (_, holder) => {
      for (let at = 0; at < count / 16; at += 1) await exchange(`holder-${holder}`, accounts);
    });
    await Promise.all(holders);
    figures.push({ name, accounts, p50Us: 1_000 * median(times), perSecond: (1_000 * count) / (performance.now() - began) });
  }
  await store.close();
  return figures;
}
