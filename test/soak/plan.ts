import type { Fault } from "./faults.ts";

/** A fault that is or was on. */
export interface FaultWindow {
  readonly fault: Fault;
  /** Milliseconds of our monotonic clock. */
  readonly from: number;
  /** Null: it is on. */
  until: number | null;
}

/** Which faults share a phase: all come in turn, in an order of the seed, alone or with one of another group beside it. */
export function* phases(faults: readonly Fault[], random: () => number): Generator<readonly Fault[]> {
  for (;;) {
    const queue = shuffled(faults, random);
    for (let first = queue.shift(); first !== undefined; first = queue.shift()) {
      // A process that begins again needs its stores, its issuer and a configuration that is good.
      const mayJoin = queue.findIndex(({ group }) => first.group !== "process" && group !== "process" && group !== first.group);
      const second = random() < 0.5 && mayJoin !== -1 ? queue.splice(mayJoin, 1) : [];
      yield [first, ...second];
    }
  }
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [result[index], result[other]] = [result[other] as Item, result[index] as Item]; // both indexes lie inside
  }
  return result;
}
