import { describe, expect, it } from "vitest";
import { createRotationWatch, ROTATION_BOUND_MS } from "../../../src/credentials/rotation-watch.ts";
import type { RotationNotice } from "../../../src/model/rotation.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { createFakeState } from "../../fakes/state-store.ts";

const { signal } = new AbortController();
const notice = (secretId: string): RotationNotice => ({ provider: "awsSecretsManager", secretId, region: null });

/** Instances over one store; each notes down what it drops, `all` for everything. */
function instances() {
  const clock = createFakeClock();
  const state = createFakeState(clock);
  const start = (before?: Parameters<typeof state.client>[0]) => {
    const dropped: string[] = [];
    const drop = (one: RotationNotice | null) => void dropped.push(one === null ? "all" : "secretId" in one ? one.secretId : one.name);
    return { dropped, watch: createRotationWatch({ store: state.client(before), clock, drop }) };
  };
  return { clock, state, start };
}

describe("rotations that instances tell each other", () => {
  it("the first look drops all that is held, and later ones exactly what is new", async () => {
    const { start } = instances();
    const [one, other] = [start(), start()];
    await one.watch.look(signal);
    expect(one.dropped).toEqual(["all"]);
    await other.watch.mark(notice("a"), signal);
    await other.watch.mark(notice("b"), signal);
    await one.watch.look(signal);
    await one.watch.look(signal);
    expect(one.dropped).toEqual(["all", "a", "b"]);
  });

  it("who marked it does not drop it a second time, but does see what others marked", async () => {
    const { start } = instances();
    const [one, other] = [start(), start()];
    await one.watch.look(signal);
    await other.watch.look(signal);
    await one.watch.mark(notice("a"), signal);
    await one.watch.look(signal);
    expect(one.dropped).toEqual(["all"]);
    await other.watch.mark(notice("b"), signal);
    await one.watch.mark(notice("c"), signal);
    await one.watch.look(signal);
    expect(one.dropped).toEqual(["all", "b", "c"]);
    await other.watch.look(signal);
    expect(other.dropped).toEqual(["all", "a", "b", "c"]);
  });

  it("a look is due, to one caller, from half the bound on, and overdue to all after it", async () => {
    const { clock, start } = instances();
    const { watch } = start();
    expect(watch.state(clock.monotonic())).toBe("overdue");
    await watch.look(signal);
    await clock.advance(ROTATION_BOUND_MS / 2 - 1);
    expect(watch.state(clock.monotonic())).toBe("fresh");
    await clock.advance(1);
    expect([watch.state(clock.monotonic()), watch.state(clock.monotonic())]).toEqual(["due", "fresh"]);
    await clock.advance(ROTATION_BOUND_MS / 2);
    expect([watch.state(clock.monotonic()), watch.state(clock.monotonic())]).toEqual(["overdue", "overdue"]);
  });

  it("more rotations than the record holds between two looks drop everything", async () => {
    const { start } = instances();
    const [one, other] = [start(), start()];
    await one.watch.look(signal);
    for (let count = 0; count < 70; count += 1) await other.watch.mark(notice(`${count}`), signal);
    await one.watch.look(signal);
    expect(one.dropped).toEqual(["all", "all"]);
  });

  it("a store that has lost its memory drops everything", async () => {
    const { clock, start } = instances();
    const [one, other] = [start(), start()];
    await other.watch.mark(notice("a"), signal);
    await one.watch.look(signal);
    await clock.advance(25 * 3_600_000);
    await one.watch.look(signal);
    expect(one.dropped).toEqual(["all", "all"]);
  });

  it("a store that is away is not asked again before the bound", async () => {
    const { clock, state, start } = instances();
    const { watch, dropped } = start();
    state.down = true;
    await watch.look(signal);
    expect([dropped, watch.state(clock.monotonic())]).toEqual([[], "fresh"]);
    state.down = false;
    await clock.advance(ROTATION_BOUND_MS);
    expect(watch.state(clock.monotonic())).toBe("overdue");
    await watch.look(signal);
    expect(dropped).toEqual(["all"]);
  });

  it("of two looks at once, one that began earlier and ends later changes nothing", async () => {
    const { clock, state, start } = instances();
    const other = start();
    const dropped: string[] = [];
    const client = state.client();
    const answers: (() => void)[] = [];
    // A store whose answer is old by the time it arrives.
    const slow = {
      ...client,
      get: async (key: string) => client.get(key, signal).then((entry) => new Promise<typeof entry>((resolve) => answers.push(() => resolve(entry)))),
    };
    const watch = createRotationWatch({ store: slow, clock, drop: (one) => void dropped.push(one === null ? "all" : "one") });
    const first = watch.look(signal);
    await clock.advance(1);
    answers.shift()?.();
    await first;
    const early = watch.look(signal);
    await clock.advance(10);
    await other.watch.mark(notice("a"), signal);
    const late = watch.look(signal);
    await clock.advance(10);
    answers.pop()?.();
    await late;
    answers.pop()?.();
    await early;
    expect(dropped).toEqual(["all", "one"]);
  });

  it("marks of many at once are all kept", async () => {
    const { start } = instances();
    const reader = start();
    await reader.watch.look(signal);
    await Promise.all(Array.from({ length: 5 }, (_, at) => start().watch.mark(notice(`${at}`), signal)));
    await reader.watch.look(signal);
    expect(reader.dropped.slice(1).sort()).toEqual(["0", "1", "2", "3", "4"]);
  });
});
