import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startBroker } from "../test/fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../test/fakes/manifests.ts";
import { recordFigure } from "../test/hostile/figure.ts";
import { THREE_LIMITS } from "./broker-manifests.ts";
import { openLong, type Pressed, press, probe } from "./overload/press.ts";
import { LONG_MODEL, startPlainUpstream } from "./overload/upstream.ts";
import { answers, cpuNanoseconds, freePort, PINNED, startOn, stop } from "./processes.ts";

// node bench/overload.ts: what an instance still serves at twice of what it can, with shedding and without, and what bare Hono serves. What is measured has core 0 for
// itself; the generator and the destination share core 1 and are raw sockets with bytes made once. Needs a machine that does nothing else, and `npm run build`.

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    step: { type: "string", default: "3" },
    times: { type: "string", default: "2" },
    only: { type: "string", multiple: true },
    profile: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const SECONDS = Number(values.seconds);
const STEP_SECONDS = Number(values.step);
const PATIENCE_MS = 1_000;
const LONG_STREAMS = 20;

/** Bodies of 8 KiB: a chat call, a stream that passes, and a stream of Anthropic's API that the destination does not speak. */
const messages = [{ role: "user", content: "word ".repeat(1_630) }];
const CHAT = requestOf("/v1/chat/completions", { model: "gpt-test", max_tokens: 500, messages });
const STREAM = requestOf("/v1/chat/completions", { model: "gpt-test", max_tokens: 500, stream: true, messages });
const TRANSLATED = requestOf("/v1/messages", { model: "gpt-test", max_tokens: 500, stream: true, messages });
const LONG = requestOf("/v1/chat/completions", { model: LONG_MODEL, max_tokens: 500, stream: true, messages });
const MIX = [CHAT, STREAM, CHAT, TRANSLATED];

function requestOf(path: string, body: object): Buffer {
  const json = JSON.stringify(body);
  const headers = [
    `POST ${path} HTTP/1.1`,
    "host: localhost",
    `authorization: Bearer ${CALLER_TOKEN}`,
    "content-type: application/json",
    "user-agent: OpenAI/JS 7.57",
  ];
  return Buffer.from(`${headers.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`);
}

interface Proxy {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Shown {
  readonly name: string;
  /** Good answers a second at the best of the rates of the ramp. */
  readonly peak: number;
  readonly pressed: Pressed;
  /** Microseconds of CPU of a call, good ones at a rate that it can serve; and at the pressure, of all. */
  readonly servedUs: number;
  readonly pressedUs: number;
  readonly longAlive: number;
  readonly longWhole: number;
  readonly health: { readonly times: readonly number[]; readonly wrong: number };
}

spawnSync("taskset", ["-a", "-cp", "1", String(process.pid)]);
const upstream = await startPlainUpstream();

async function startSpillway(overload: "on" | "off"): Promise<Proxy> {
  const manifests = testManifests({ backends: [{ name: "only", port: upstream.port, api: "OpenAI", models: "[{name: gpt-*}]" }], more: THREE_LIMITS });
  const profile = values.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${values.profile} --cpu-prof-name=${overload}.cpuprofile` };
  const broker = await startBroker({ manifests, args: ["--quiet"], env: { SPILLWAY_OVERLOAD: overload, ...profile } });
  spawnSync("taskset", ["-a", "-cp", "0", String(broker.pid)]);
  return { port: Number(new URL(broker.url).port), pid: broker.pid, stop: async () => void (await broker.stop()) };
}

async function startHono(): Promise<Proxy> {
  const port = await freePort();
  const child = startOn(0, process.execPath, [fileURLToPath(new URL("streams/hono.ts", import.meta.url)), String(upstream.port), String(port)], {
    stdio: "inherit",
  });
  await answers(`http://127.0.0.1:${port}/-/healthz`);
  return { port, pid: child.pid ?? 0, stop: () => stop(child) };
}

/** The most good answers a second, by rates that grow until more calls do not mean more answers; the first seconds warm it up. */
async function findPeak(port: number): Promise<number> {
  let best = 0;
  await press({ port, requests: MIX, rate: 100, seconds: STEP_SECONDS * 4, patienceMs: PATIENCE_MS });
  for (let rate = 50, worse = 0; worse < 2; rate *= 1.2) {
    const { good } = await press({ port, requests: MIX, rate, seconds: STEP_SECONDS, patienceMs: PATIENCE_MS });
    const found = good / STEP_SECONDS;
    if (!values.json) console.log(`  ${Math.round(rate)} a second: ${Math.round(found)} good`);
    worse = found > best * 1.02 ? 0 : worse + 1;
    best = Math.max(best, found);
  }
  if (best < 40) throw new Error(`only ${best} good answers a second: the machine is too busy to measure anything`);
  return best;
}

async function show(name: string, start: () => Promise<Proxy>, known: number | null): Promise<Shown> {
  if (!values.json) console.log(name);
  const proxy = await start();
  try {
    const peak = known ?? (await findPeak(proxy.port));
    if (known !== null) await press({ port: proxy.port, requests: MIX, rate: known * 0.6, seconds: STEP_SECONDS * 4, patienceMs: PATIENCE_MS });
    const cpuOf = async (rate: number, seconds: number): Promise<readonly [Pressed, number]> => {
      const before = cpuNanoseconds(proxy.pid);
      const pressed = await press({ port: proxy.port, requests: MIX, rate, seconds, patienceMs: PATIENCE_MS });
      return [pressed, (cpuNanoseconds(proxy.pid) - before) / 1_000 / pressed.due];
    };
    const [, servedUs] = await cpuOf(peak * 0.5, STEP_SECONDS);
    const long = await openLong(proxy.port, LONG, LONG_STREAMS);
    const health = probe(proxy.port, "/-/healthz", "200", 250);
    const [pressed, pressedUs] = await cpuOf(peak * Number(values.times), SECONDS);
    const longAlive = long.alive(2_000);
    const asked = health.stop();
    upstream.endLong();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const longWhole = long.whole();
    long.close();
    return { name, peak, pressed, servedUs, pressedUs, longAlive, longWhole, health: asked };
  } finally {
    await proxy.stop();
  }
}

const wanted = (name: string): boolean => values.only === undefined || values.only.includes(name);
const runs: Shown[] = [];
const taking = await show("taking every call", () => startSpillway("off"), null);
runs.push(taking);
if (wanted("on")) runs.push(await show("shedding", () => startSpillway("on"), taking.peak));
if (wanted("hono")) runs.push(await show("bare Hono", startHono, null));
upstream.close();

function percentile(times: readonly number[], part: number): number {
  return Math.round(times.toSorted((one, other) => one - other)[Math.floor(times.length * part)] ?? 0);
}

const facts = runs.map(({ name, peak, pressed, servedUs, pressedUs, longAlive, longWhole, health }) => ({
  name,
  peak: Math.round(peak),
  share: Math.round((pressed.good / SECONDS / peak) * 100),
  good: Math.round(pressed.good / SECONDS),
  refused: Math.round(pressed.refused / SECONDS),
  late: Math.round(pressed.late / SECONDS),
  other: pressed.other,
  servedUs: Math.round(servedUs),
  pressedUs: Math.round(pressedUs),
  p50: percentile(pressed.times, 0.5),
  p99: percentile(pressed.times, 0.99),
  refusedP99: percentile(pressed.refusals, 0.99),
  long: `${longAlive} alive, ${longWhole} whole of ${LONG_STREAMS}`,
  healthP99: percentile(health.times, 0.99),
  healthWrong: health.wrong,
}));
console.log(values.json ? JSON.stringify(facts, null, 2) : PINNED);
if (!values.json) console.table(facts);
for (const { name, share, p99, healthP99 } of facts) {
  const what = "good answers at twice the capacity, of the peak";
  if (name === "shedding") {
    recordFigure({ row: "F17", what, value: share, unit: "%", bar: ">= 80 %" });
    recordFigure({ row: "F17", what: "the good ones' time at twice the capacity, p99", value: p99, unit: "ms", bar: "<= 1,000 ms" });
    recordFigure({ row: "F17", what: "/-/healthz at twice the capacity, p99", value: healthP99, unit: "ms", bar: "all 200" });
  } else recordFigure({ row: "F17", what: `${what} (${name === "bare Hono" ? name : "shedding off"})`, value: share, unit: "%", bar: "for comparison" });
}
process.exit(0);
