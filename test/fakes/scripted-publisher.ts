import { type CloudEvent, type EventPublisher, PublishError } from "../../src/index.ts";

/** What becomes of one publish: taken; refused or not now, whole or in part; it hangs until it is cancelled; it fails as nothing should. */
export type PublishStep =
  | { readonly kind: "take" }
  | { readonly kind: "fail"; readonly retryable: boolean; readonly untaken: readonly number[] | null }
  | { readonly kind: "hang" }
  | { readonly kind: "break" };

/** A publisher that does as it is told: `steps` for the next publishes, one each; then `otherwise`. */
export interface ScriptedPublisher extends EventPublisher {
  /** Every publish, by the ids it was given. */
  readonly publishes: string[][];
  /** Ids that were acknowledged, or left out of a partial failure; with repeats. */
  readonly taken: string[];
  readonly steps: PublishStep[];
  otherwise: PublishStep;
  closed: boolean;
}

export function createScriptedPublisher(maxBatch: number): ScriptedPublisher {
  const publisher: ScriptedPublisher = {
    maxBatch,
    publishes: [],
    taken: [],
    steps: [],
    otherwise: { kind: "take" },
    closed: false,
    async publish(events: readonly CloudEvent[], signal: AbortSignal) {
      const ids = events.map(({ id }) => id);
      publisher.publishes.push(ids);
      if (publisher.closed) throw new PublishError("closed", true);
      const step = publisher.steps.shift() ?? publisher.otherwise;
      if (step.kind === "break") throw new TypeError("sk-broken");
      if (step.kind === "hang") await cancelled(signal);
      if (step.kind !== "fail") {
        publisher.taken.push(...ids);
        return;
      }
      const { retryable } = step;
      // Positions beyond the batch tell of nothing.
      const positions = step.untaken?.filter((position) => position < ids.length) ?? [];
      const untaken = positions.length === 0 ? null : positions;
      if (untaken !== null) publisher.taken.push(...ids.filter((_, position) => !untaken.includes(position)));
      throw new PublishError("told to", retryable, untaken === null ? {} : { untaken });
    },
    async close() {
      publisher.closed = true;
    },
  };
  return publisher;
}

function cancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new PublishError("cancelled", true));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
