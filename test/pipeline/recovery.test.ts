import { describe, expect, it } from "vitest";
import type { AnswerStep } from "../fakes/scripted-transport.ts";
import { chat, type Installation, install, ONE, TWO } from "./installation.ts";

const GOOD: AnswerStep = { status: 200, headers: ["content-type", "application/json"], body: '{"ok":true}' };
const status = (code: number, headers: readonly string[] = []): AnswerStep => ({ status: code, headers, body: `made-up ${code}` });
const HEALTH = "  health: {consecutiveFailures: 3, evictFor: 30s, maxEvictFor: 5m}";
const ALONE = { ...ONE, group: ["only"], groupSpec: HEALTH };
const PAIR = { ...TWO, groupSpec: HEALTH };

const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const count = (one: Installation, name: string) => to(one).filter((sent) => sent === name).length;

describe("a destination that asks to be left alone", () => {
  it.each([
    ["F1", 429, "retry-after", "30"],
    ["F2", 503, "retry-after", "30"],
    ["F2", 529, "Retry-After", "30"],
    ["F2", 503, "retry-after", "Sun, 22 Nov 2026 09:00:30 GMT"],
  ] as const)("%s: gets no call until then, and there is nobody else: %i with %s: %s", async (_row, code, name, value) => {
    const one = install(ALONE);
    // The sender's clock is three hours behind ours, so its date counts from its own.
    one.transport.script("only", status(code, [name, value, "date", "Sun, 22 Nov 2026 09:00:00 GMT"]), GOOD);
    expect((await one.call(chat())).received()?.status).toBe(code);
    for (let second = 0; second < 29; second += 1) {
      const caller = await one.call(chat());
      expect(caller.received()?.status).toBe(code === 429 ? 429 : 503);
      expect(caller.header("x-egress-error")).toEqual(["upstream_unavailable"]);
      expect(caller.header("retry-after")).toEqual([String(30 - second)]);
      await one.clock.advance(1_000);
    }
    expect(count(one, "only")).toBe(1);
    await one.clock.advance(1_000);
    expect((await one.call(chat())).received()?.status).toBe(200);
  });

  it("F1: goes on serving the models that it did not speak of", async () => {
    const one = install(ALONE);
    one.transport.script("only", status(429, ["retry-after", "30"]), GOOD);
    await one.call(chat({ model: "large" }));
    expect((await one.call(chat({ model: "large" }))).received()?.status).toBe(429);
    expect((await one.call(chat({ model: "small" }))).received()?.status).toBe(200);
    expect((await one.call(chat({ model: "large" }))).received()?.status).toBe(429);
    expect(count(one, "only")).toBe(2);
  });

  it.each(["soon", "-1", "1.5", "", "Sun, 22 Nov 2026 08:59:59 GMT"])("F1 F2: and says no time that can be used: %j is none", async (value) => {
    const one = install(ALONE);
    one.transport.script("only", status(429, ["retry-after", value, "date", "Sun, 22 Nov 2026 09:00:00 GMT"]), GOOD);
    await one.call(chat());
    expect((await one.call(chat())).received()?.status).toBe(200);
  });

  it("F1: is not believed for longer than ten minutes", async () => {
    const one = install({ ...ALONE, groupSpec: "  health: {consecutiveFailures: 3, evictFor: 30s, maxEvictFor: 24h}" });
    one.transport.script("only", status(429, ["retry-after", "99999999999999"]), GOOD);
    await one.call(chat());
    await one.clock.advance(599_000);
    expect((await one.call(chat())).received()?.status).toBe(429);
    await one.clock.advance(1_000);
    expect((await one.call(chat())).received()?.status).toBe(200);
  });
});

describe("everything is down", () => {
  const RETRIES = "    retry: {codes: [500, 502, 503, 504], attempts: 3, backoff: 10ms}";
  it.each([
    ["with default settings", undefined],
    ["with retries on", RETRIES],
  ])("F13 B9: 200 calls, 15 ms apart, are 220 requests at most %s", async (_name, rule) => {
    const one = install({ ...ONE, ...(rule === undefined ? {} : { rule }) });
    one.transport.script("only", status(503));
    const calls = [];
    for (let call = 0; call < 200; call += 1) {
      calls.push(one.begin(chat()));
      await one.clock.advance(15);
    }
    await one.clock.advance(10_000);
    await Promise.all(calls.map((call) => call.done));
    expect(new Set(calls.map((call) => call.fake.received()?.status))).toEqual(new Set([503]));
    expect(one.transport.sent.length).toBeGreaterThanOrEqual(200);
    expect(one.transport.sent.length).toBeLessThanOrEqual(220);
  });

  it("F13: what hangs costs three calls their time, and then one at a time; the others know at once when to come back", async () => {
    const one = install(ALONE);
    one.transport.script("only", "hang");
    for (let call = 0; call < 3; call += 1) {
      const { done, fake } = one.begin(chat());
      await one.clock.advance(2_000);
      await done;
      expect(fake.received()?.status).toBe(504);
    }
    const waiting = one.begin(chat());
    for (let call = 0; call < 20; call += 1) {
      const caller = await one.call(chat());
      expect(caller.received()?.status).toBe(504);
      expect(caller.header("retry-after")).toEqual(["5"]);
    }
    expect(count(one, "only")).toBe(4);
    await one.clock.advance(2_000);
    await waiting.done;
    one.transport.script("only", GOOD);
    expect((await one.call(chat())).received()?.status).toBe(200);
    const both = await Promise.all([one.call(chat()), one.call(chat())]);
    expect(both.map((caller) => caller.received()?.status)).toEqual([200, 200]);
  });
});

describe("F14: a destination that was taken out", () => {
  /** The first of two is out, and its time is up. */
  async function due(): Promise<Installation> {
    const one = install(PAIR);
    one.transport.script("first", status(500));
    for (let call = 0; call < 3; call += 1) await one.call(chat());
    expect(count(one, "first")).toBe(3);
    await one.call(chat());
    expect(count(one, "first")).toBe(3);
    await one.clock.advance(30_000);
    return one;
  }

  it("F14: gets one call of many, and all of them when that went well", async () => {
    const one = await due();
    one.transport.script("first", "hang");
    const probe = one.begin(chat());
    for (let call = 0; call < 10; call += 1) expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(count(one, "first")).toBe(4);
    await one.clock.advance(2_000);
    await probe.done;
    one.transport.script("first", GOOD);
    // The probe failed: twice as long.
    await one.clock.advance(57_000);
    await one.call(chat());
    expect(count(one, "first")).toBe(4);
    await one.clock.advance(3_000);
    for (let call = 0; call < 3; call += 1) await one.call(chat());
    expect(count(one, "first")).toBe(7);
  });

  it("F14: is probed by the next call when the first has nothing to show there", async () => {
    const one = await due();
    one.transport.script("first", GOOD);
    one.secret("first.key", "denied");
    await one.clock.advance(600_000);
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(count(one, "first")).toBe(3);
    one.secret("first.key", "first-key-value");
    await one.clock.advance(1_000);
    await one.call(chat());
    expect(count(one, "first")).toBe(4);
  });

  it("F14: is probed by the next call when the caller of the first has left", async () => {
    const one = await due();
    one.transport.script("first", "hang");
    const { done, fake } = one.begin(chat());
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.transport.script("first", GOOD);
    await one.call(chat());
    expect(count(one, "first")).toBe(5);
  });
});
