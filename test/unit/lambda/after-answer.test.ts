import { describe, expect, it } from "vitest";
import { afterAnswer } from "../../../adapters/lambda/after-answer.ts";
import { createBackgroundWork } from "../../../adapters/lambda/background-work.ts";
import { leastTime } from "../../fakes/least-time.ts";

describe("what follows an answer", () => {
  it("flushes, waits for work and for the work that it asks for, and flushes what came of it", async () => {
    const log: string[] = [];
    const work = createBackgroundWork();
    work.add(
      (async () => {
        await new Promise((settle) => setImmediate(settle));
        log.push("first");
        work.add(
          (async () => {
            await new Promise((settle) => setImmediate(settle));
            log.push("second");
            throw new Error("its own affair");
          })(),
        );
      })(),
    );
    await afterAnswer(5_000, work.open, async () => void log.push("flush"));
    expect(log).toEqual(["flush", "first", "second", "flush"]);
    expect(work.open.size).toBe(0);
  });

  it("leaves 200 ms of the invocation's time, and tells the flush", async () => {
    let aborted = false;
    const flush = (signal: AbortSignal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return new Promise<void>(() => {});
    };
    expect(await leastTime(240, () => afterAnswer(250, new Set(), flush))).toBeLessThan(240);
    expect(aborted).toBe(true);
    let flushed = false;
    await afterAnswer(200, new Set(), async () => {
      flushed = true;
    });
    expect(flushed).toBe(false);
  });

  it("work that never ends takes nothing from the flush", async () => {
    const work = createBackgroundWork();
    work.add(new Promise(() => {}));
    let flushed = false;
    await afterAnswer(250, work.open, async () => {
      flushed = true;
    });
    expect(flushed).toBe(true);
  });

  it("never rejects", async () => {
    await afterAnswer(5_000, new Set(), () => Promise.reject(new Error("the sink is gone")));
  });
});
