import { getHeapStatistics } from "node:v8";
import type { Clock, Overload, Pressure } from "../../src/index.ts";
import { createOverloadJudge } from "./overload-judge.ts";

/** Milliseconds between two looks at the loop, and between two judgements. */
const LOOK_MS = 25;
const INTERVAL_MS = 250;

export interface NodePressure extends Pressure {
  close(): void;
}

/**
 * Pressure of this process. The loop is measured by how late its own timer comes. `monitorEventLoopDelay` would do it without JavaScript, but forgets with each
 * reset the turn that is under way, which in an overload is the one that counts.
 */
export function createNodePressure(clock: Pick<Clock, "now" | "monotonic">, memory: () => number = usedMemory): NodePressure {
  const judge = createOverloadJudge();
  const watchers: ((overload: Overload, over: boolean) => void)[] = [];
  let current: Overload | null = null;
  let lookedAt = clock.monotonic();
  let judgedAt = lookedAt;
  let lagMs = 0;

  const timer = setInterval(() => {
    const now = clock.monotonic();
    lagMs = Math.max(lagMs, now - lookedAt - LOOK_MS);
    lookedAt = now;
    if (now - judgedAt < INTERVAL_MS) return;
    judgedAt = now;
    const cause = judge.judge({ lagMs, memory: memory() });
    lagMs = 0;
    if ((cause === null) === (current === null)) return;
    const changed = current ?? { cause: cause ?? "event_loop", since: clock.now() };
    current = cause === null ? null : changed;
    for (const watcher of watchers) watcher(changed, cause === null);
  }, LOOK_MS);
  timer.unref();
  return {
    admits: judge.admits,
    overload: () => current,
    watch: (changed) => {
      watchers.push(changed);
    },
    close: () => clearInterval(timer),
  };
}

/**
 * What is used of what may be: of the container's memory where one is set, by all of the process, since that is what the kernel ends it for; and of V8's heap, at whose
 * limit V8 ends it. The machine's own memory is no limit: others live there too.
 */
function usedMemory(): number {
  const constrained = process.constrainedMemory();
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  // No limit is told as 0 or as more bytes than any machine has.
  const isSet = constrained > 0 && constrained < Number.MAX_SAFE_INTEGER;
  return Math.max(used / limit, isSet ? process.memoryUsage.rss() / constrained : 0);
}
