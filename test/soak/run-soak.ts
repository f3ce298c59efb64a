import { setTimeout as sleep } from "node:timers/promises";
import { seeded } from "../laws/hostile-requests.ts";
import { createBooks } from "./books.ts";
import { isWhole, makeCall, pickKind, wrongIn } from "./calls.ts";
import { type Client, createClient } from "./client.ts";
import { type Complaint, soakFaults } from "./faults.ts";
import type { Told } from "./inside.ts";
import type { Instance } from "./instance.ts";
import { type FaultWindow, phases } from "./plan.ts";
import { type Slope, slopeOf } from "./slope.ts";
import { TENANTS } from "./tenants.ts";
import { type SoakWorld, startSoakWorld } from "./world.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Calls begun each second. */
  readonly rate: number;
  /** Milliseconds of a phase: faults are on for a half of it. */
  readonly phaseMs: number;
  readonly print: (line: string) => void;
}

export interface SoakReport {
  readonly calls: number;
  readonly whole: number;
  /** Calls that failed, with a fault that accounts for it. */
  readonly explained: number;
  /** Calls that were turned away for load, by a machine that had other things to do. */
  readonly shed: number;
  readonly left: number;
  readonly faultsPlayed: ReadonlyMap<string, number>;
  /** Everything that must not be, in sentences. */
  readonly wrong: readonly string[];
  readonly tokens: number;
  readonly lostByKill: number;
  readonly mayBeLost: number;
  readonly rss: Slope;
  readonly heap: Slope;
  readonly slowestMs: number;
  /** How often the soak's own process stood still for longer than 300 ms: such a machine says nothing about times. */
  readonly standstills: number;
}

/** Calls under way at most: a machine that cannot keep up gets fewer calls, not more at once. */
const MOST_AT_ONCE = 120;
/** So many names of models: the ledger keeps a few hundred apart. */
const EPOCHS = 40;
const IDLE_MS = 7_000;
/** What a broker says on a machine that has no time for it, or for its store of limits; while we ourselves stood still, what it says of late destinations too. */
const FOR_LOAD: ReadonlySet<string> = new Set(["overloaded", "limits_unavailable"]);
const WHILE_STANDING_STILL: ReadonlySet<string> = new Set(["upstream_timeout", "upstream_unavailable"]);
/** More of it, as a share of all calls, is not the machine's doing, as long as it lets us run. A few calls say nothing either way. */
const MOST_SHED = 0.05;
const LEAST_SHED = 50;

/** Plays faults against two brokers under load, and says what was wrong. Rejects only where the world cannot be set up. */
export async function runSoak({ minutes, seed, rate, phaseMs, print }: SoakOptions): Promise<SoakReport> {
  const random = seeded(seed);
  const world = await startSoakWorld(seeded(seed + 1));
  const wrong: string[] = [];
  const windows: FaultWindow[] = [];
  const books = createBooks();
  const played = new Map<string, number>();
  const counts = { calls: 0, whole: 0, explained: 0, shed: 0, left: 0, underWay: 0, slowestMs: 0 };
  const samples: { readonly ms: number; readonly told: Told }[] = [];
  const began = performance.now();
  const still = watchStandstill();
  const endAt = () => began + minutes * 60_000;
  const client = createClient();
  let epoch = 0;
  let stopped = false;
  if (world.redis === null) print("soak: MISSING redis-server: limits and the ledger are each instance's own, and the ledger is not compared");

  async function oneCall(): Promise<void> {
    const up = world.instances.filter((instance) => instance.up);
    const instance = up[Math.floor(random() * up.length)];
    const tenant = TENANTS[Math.floor(random() * TENANTS.length)];
    if (instance === undefined || tenant === undefined) return;
    counts.calls += 1;
    counts.underWay += 1;
    const call = makeCall(counts.calls, pickKind(random), tenant, world.credentialOf(tenant), epoch % EPOCHS, random);
    const at = performance.now();
    const reply = await client.ask({ ...call.question, port: instance.port });
    counts.underWay -= 1;
    counts.slowestMs = Math.max(counts.slowestMs, performance.now() - at);
    books.add(call, instance, reply);
    const fault = wrongIn(call, reply);
    if (reply.end === "late" && stoodStill(at)) counts.shed += 1;
    else if (fault !== null) wrong.push(sentence({ call, reply, instance, began: at }, fault));
    else if (isWhole(call, reply)) counts.whole += 1;
    else if (reply.end === "left") counts.left += 1;
    else if (isExplained({ call, reply, instance, began: at })) counts.explained += 1;
    else if (reply.code !== null && (FOR_LOAD.has(reply.code) || (stoodStill(at) && WHILE_STANDING_STILL.has(reply.code)))) counts.shed += 1;
    else if (reply.end === "cut" && stoodStill(at)) counts.shed += 1;
    else wrong.push(sentence({ call, reply, instance, began: at }, "fails without a fault that accounts for it"));
  }

  /** Whether our own event loop, which the destinations run in too, stood still since then or shortly before. */
  const stoodStill = (since: number) => still.last > since - 5_000;

  function isExplained(complaint: Complaint): boolean {
    return windows.some(
      ({ fault, from, until }) => from <= performance.now() && (until === null || until + fault.graceMs >= complaint.began) && fault.explains(complaint),
    );
  }

  function sentence({ call, reply, instance, began: at }: Complaint, what: string): string {
    const on = windows.filter(({ until }) => until === null || until > at - 5_000).map(({ fault }) => fault.name);
    const seconds = ((at - began) / 1_000).toFixed(1);
    return `${call.requestId} (${call.kind}, ${call.tenant.name}, ${instance.name}, at ${seconds} s): ${what}: status ${reply.status}, code ${reply.code}, ${reply.end}, ${reply.error ?? ""} ${JSON.stringify(reply.text.slice(-160))}; on: ${on.join(", ") || "nothing"}`;
  }

  async function play(): Promise<void> {
    for (const faults of phases(soakFaults(world), random)) {
      if (stopped || performance.now() > endAt() - phaseMs) return;
      epoch += 1;
      const opened: FaultWindow[] = [];
      for (const fault of faults) {
        const window: FaultWindow = { fault, from: performance.now(), until: null };
        windows.push(window);
        opened.push(window);
        played.set(fault.name, (played.get(fault.name) ?? 0) + 1);
        if (fault.name === "SIGKILL") books.killed(world.instances[1] as Instance, performance.now()); // the world has two
        await fault.begin();
      }
      await sleep(phaseMs * (0.4 + 0.2 * random()));
      for (const window of opened) {
        await window.fault.end();
        window.until = performance.now();
      }
      await sleep(phaseMs * 0.4);
      // Windows that can explain nothing any more are let go.
      while (windows[0]?.until !== null && (windows[0]?.until ?? Number.POSITIVE_INFINITY) < performance.now() - 60_000) windows.shift();
    }
  }

  async function load(): Promise<void> {
    let due = performance.now();
    while (performance.now() < endAt()) {
      due += (-Math.log(1 - random()) * 1_000) / rate;
      const now = performance.now();
      if (due > now) await sleep(due - now);
      else if (due < now - 1_000) due = now;
      if (counts.underWay < MOST_AT_ONCE) void oneCall().catch((error: unknown) => wrong.push(`the soak itself: ${String(error)}`));
    }
  }

  /** What lives through all of it is weighed: garbage is collected first. */
  async function weigh(): Promise<void> {
    const everyMs = Math.min(30_000, Math.max(4_000, (minutes * 60_000) / 60));
    for (;;) {
      await sleep(everyMs);
      if (stopped) return;
      // A question sets the clock too: not while a fault has shifted it.
      if (windows.some(({ fault, until }) => fault.group === "clock" && until === null)) continue;
      const told = await world.instances[0]?.ask(0);
      if (told !== null && told !== undefined) samples.push({ ms: performance.now(), told });
    }
  }

  const progress = setInterval(() => {
    const on = windows.filter(({ until }) => until === null).map(({ fault }) => fault.name);
    const told = samples.at(-1)?.told;
    print(
      `${((performance.now() - began) / 1_000).toFixed(0).padStart(5)} s  ${counts.calls} calls, ${counts.whole} whole, ${counts.explained} explained, ${counts.left} left, ${wrong.length} wrong, ${counts.underWay} under way` +
        `${told === undefined ? "" : `, rss ${told.rssMiB.toFixed(1)} heap ${told.heapMiB.toFixed(1)} MiB`}${on.length === 0 ? "" : `  [${on.join(", ")}]`}`,
    );
  }, 10_000);
  try {
    const before = await warmUp(world, random);
    const playing = play();
    const weighing = weigh();
    await load();
    await playing;
    stopped = true;
    for (let waited = 0; counts.underWay > 0 && waited < 25_000; waited += 100) await sleep(100);
    if (counts.underWay > 0) wrong.push(`${counts.underWay} calls never ended`);
    await weighing;
    client.close();
    wrong.push(...(await leaks(world, before)));
    const settled = world.redis === null ? null : await books.close(world.instances[0] as Instance); // the world has two
    wrong.push(...(settled?.faults ?? []).map((fault) => `settlement: ${fault}`));
    wrong.push(...world.upstreams.crossed.map((fault) => `crossed: ${fault}`));
    for (const instance of world.instances) {
      const code = await instance.terminate();
      if (code !== 0) wrong.push(`${instance.name} ended with ${code}`);
      wrong.push(...instance.troubles);
    }
    if (counts.shed > Math.max(LEAST_SHED, counts.calls * MOST_SHED) && still.times === 0)
      wrong.push(`${counts.shed} of ${counts.calls} calls were turned away for load`);
    // A heap finds its size first.
    const steady = samples.slice(Math.floor(samples.length / 4));
    const slope = (value: (told: Told) => number) => slopeOf(steady.map(({ ms, told }) => ({ ms, value: value(told) })));
    return {
      ...counts,
      standstills: still.times,
      faultsPlayed: played,
      wrong,
      tokens: settled?.tokens ?? 0,
      lostByKill: settled?.lostByKill ?? 0,
      mayBeLost: settled?.mayBeLost ?? 0,
      rss: slope(({ rssMiB }) => rssMiB),
      heap: slope(({ heapMiB }) => heapMiB),
    };
  } finally {
    stopped = true;
    clearInterval(progress);
    still.stop();
    client.close();
    await world.close();
  }
}

const STANDSTILL_MS = 300;

/** Notices when this process gets no time. */
function watchStandstill() {
  const watch = { last: Number.NEGATIVE_INFINITY, times: 0, stop: () => clearInterval(timer) };
  let seen = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - seen > STANDSTILL_MS) {
      watch.last = now;
      watch.times += 1;
    }
    seen = now;
  }, 50);
  return watch;
}

interface Held {
  readonly told: Told;
  readonly files: number;
}

/** Makes calls of every kind, then none: what an idle broker holds. */
async function warmUp(world: SoakWorld, random: () => number): Promise<ReadonlyMap<Instance, Held>> {
  const client: Client = createClient();
  const some = TENANTS.flatMap((tenant) => Array.from({ length: 15 }, () => tenant));
  await Promise.all(
    world.instances.flatMap((instance) =>
      some.map((tenant, index) => {
        const { question } = makeCall(-1 - index, pickKind(random), tenant, world.credentialOf(tenant), 0, random);
        return client.ask({ ...question, headers: { ...question.headers, "x-request-id": `warm-${instance.name}-${index}` }, port: instance.port });
      }),
    ),
  );
  client.close();
  return held(world);
}

async function held(world: SoakWorld): Promise<ReadonlyMap<Instance, Held>> {
  await sleep(IDLE_MS);
  const all = new Map<Instance, Held>();
  for (const instance of world.instances) {
    const told = await instance.ask(0);
    if (told !== null) all.set(instance, { told, files: instance.files() });
  }
  return all;
}

/** Connections to collectors and stores come and go by themselves. */
const SLACK = 4;

/** What is still there once nobody calls any more, in sentences. */
async function leaks(world: SoakWorld, before: ReadonlyMap<Instance, Held>): Promise<readonly string[]> {
  const after = await held(world);
  const found: string[] = [];
  if (world.upstreams.open() > 0) found.push(`leak: ${world.upstreams.open()} answers of destinations are still open`);
  if (world.upstreams.connections() > 0) found.push(`leak: ${world.upstreams.connections()} connections to destinations are still open`);
  for (const [instance, { told, files }] of after) {
    const was = before.get(instance);
    if (was === undefined) continue;
    if (files > was.files + SLACK) found.push(`leak: ${instance.name} has ${files} files open, at first ${was.files}`);
    for (const [name, count] of Object.entries(told.resources)) {
      const first = was.told.resources[name] ?? 0;
      if (count > first + SLACK) found.push(`leak: ${instance.name} holds ${count} of ${name}, at first ${first}`);
    }
  }
  if (after.size < world.instances.length) found.push("leak: an instance does not tell what it holds");
  return found;
}
