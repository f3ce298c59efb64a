import { describe, expect, it } from "vitest";
import { createMemoryUsageStore } from "../../adapters/usage/memory-store.ts";
import type { UsageStore } from "../../src/index.ts";
import { createFakeClock, type FakeClock } from "../fakes/clock.ts";
import type { Step } from "../fakes/scripted-transport.ts";
import { chat, type Installation, install, ONE, STREAM_HEADERS } from "./installation.ts";

const policy = (limits: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: p, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  limits: [${limits}]`;

interface Counted {
  readonly one: Installation;
  readonly clock: FakeClock;
  readonly store: UsageStore;
}

/** A broker with its own desk, over a store in memory. */
function counted(limits: string): Counted {
  const clock = createFakeClock();
  const store = createMemoryUsageStore({ now: clock.now });
  return { one: install({ ...ONE, more: policy(limits) }, { clock, store }), clock, store };
}

/** A call whose time is moved on until it has ended. */
async function finished({ one, clock }: Counted, options: Parameters<Installation["begin"]>[0]) {
  const { fake, done } = one.begin(options);
  let over = false;
  void done.then(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  return fake;
}

async function usedIn({ store, clock, one }: Counted): Promise<number> {
  await clock.advance(2_000);
  await one.broker.flushUsage(new AbortController().signal);
  const accounts = await store.accounts("egress-system/egress", 10, new AbortController().signal);
  expect(accounts.map(({ held }) => held)).toEqual(accounts.map(() => 0));
  return accounts.reduce((sum, { used }) => sum + used, 0);
}

describe("limits over a store", () => {
  it("a sliding limit refuses until there is room again", async () => {
    const counting = counted("{name: rpm, unit: Requests, limit: 2, window: {duration: 10s}}");
    expect((await finished(counting, chat())).received()?.status).toBe(200);
    expect((await finished(counting, chat())).received()?.status).toBe(200);
    const refused = await finished(counting, chat());
    expect(refused.received()?.status).toBe(429);
    const wait = Number(refused.header("retry-after")[0]);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(11);
    await counting.clock.advance(wait * 1_000);
    expect((await finished(counting, chat())).received()?.status).toBe(200);
    expect(await usedIn(counting)).toBeLessThanOrEqual(3);
  });

  it("50 streams at once at a boundary: exactly as many as there is room for, and what is settled is what the provider reported", async () => {
    const counting = counted("{name: tpm, unit: Tokens, limit: 20000, window: {duration: 1h}, reserve: Fixed, reserveTokens: 1000}");
    let reported = 0;
    const answer = (): Step => {
      const [input, output] = [10 + (reported % 7), 100 + (reported % 13)];
      reported += input + output;
      const usage = `data: {"choices":[],"usage":{"prompt_tokens":${input},"completion_tokens":${output}}}\n\n`;
      return { status: 200, headers: STREAM_HEADERS, body: ['data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n', usage, "data: [DONE]\n\n"] };
    };
    counting.one.transport.script("only", () => answer() as Exclude<Step, (...values: never) => unknown>);
    const calls = Array.from({ length: 50 }, () => counting.one.begin(chat({ stream: true, stream_options: { include_usage: true } })));
    await counting.clock.advance(1_000);
    await Promise.all(calls.map(({ done }) => done));
    const statuses = calls.map(({ fake }) => fake.received()?.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
    expect(counting.one.transport.sent).toHaveLength(20);
    expect(await usedIn(counting)).toBe(reported);
  });

  it("calls at the same time: the place of one that has ended is free at once", async () => {
    const counting = counted("{name: c, unit: Concurrency, limit: 1}");
    counting.one.transport.script("only", "hang");
    const first = counting.one.begin(chat());
    await counting.clock.advance(100);
    expect((await finished(counting, chat())).received()?.status).toBe(429);
    first.fake.leave();
    await first.done;
    counting.one.transport.script("only", { status: 200, body: "free" });
    await counting.clock.advance(300);
    expect((await finished(counting, chat())).received()?.body).toBe("free");
    expect(await usedIn(counting)).toBe(0);
  });
});
