import type { Overload, Pressure } from "../../src/index.ts";

export interface ScriptedPressure extends Pressure {
  /** Begins an overload at this time, or ends it. */
  begin(overload: Overload): void;
  end(): void;
}

/** Pressure as a test says it is; an overload admits no call at all. */
export function createScriptedPressure(): ScriptedPressure {
  const watchers: ((overload: Overload, over: boolean) => void)[] = [];
  let current: Overload | null = null;
  const tell = (overload: Overload, over: boolean) => {
    for (const watcher of watchers) watcher(overload, over);
  };
  return {
    admits: () => current === null,
    overload: () => current,
    watch: (changed) => void watchers.push(changed),
    begin(overload) {
      current = overload;
      tell(overload, false);
    },
    end() {
      const was = current;
      current = null;
      if (was !== null) tell(was, true);
    },
  };
}
