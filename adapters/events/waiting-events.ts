import type { CloudEvent, EgressEvent } from "../../src/index.ts";

/** An event that has not left yet. */
export interface WaitingEvent {
  readonly event: EgressEvent;
  /** Counts up with every event emitted. */
  readonly order: number;
  /** Characters in it, about. */
  readonly weight: number;
  /** Made when it is first sent and kept, so that a second send has the same id. */
  made: CloudEvent | null;
}

/** Events in the order in which they were emitted, within a bound of count and size. */
export interface WaitingEvents {
  size(): number;
  /** The `order` of the oldest; infinite when none waits. */
  oldest(): number;
  /** Gives how many events had to go for it; it may be among them. */
  add(event: EgressEvent, order: number): number;
  /** The oldest, `most` of them. */
  take(most: number): WaitingEvent[];
  /** Brings back what was taken, to its old place. Gives how many events had to go. */
  putBack(events: readonly WaitingEvent[]): number;
}

/** What audit and accounting are made from: dropped only when nothing else is left to drop. */
const KEPT: ReadonlySet<EgressEvent["type"]> = new Set(["egress.denied", "egress.completed", "audit"]);

/**
 * A queue that is full drops the oldest of the events that are not for audit or accounting; where none is left, the newest of those that are,
 * so that what is kept has no hole.
 */
export function createWaitingEvents(countBound: number, weightBound: number): WaitingEvents {
  const kept = createLane();
  const others = createLane();
  let weight = 0;

  const laneOf = (event: EgressEvent): Lane => (KEPT.has(event.type) ? kept : others);
  const size = (): number => kept.size() + others.size();

  function trim(): number {
    let gone = 0;
    while (size() > countBound || weight > weightBound) {
      const dropped = others.shift() ?? kept.pop();
      if (dropped === null) break;
      weight -= dropped.weight;
      gone += 1;
    }
    return gone;
  }

  return {
    size,
    oldest: () => Math.min(kept.first(), others.first()),
    add(event, order) {
      const waiting = { event, order, weight: weightOf(event), made: null };
      // Else it would push all others out and then go itself.
      if (waiting.weight > weightBound) return 1;
      laneOf(event).push(waiting);
      weight += waiting.weight;
      return trim();
    },
    take(most) {
      const taken: WaitingEvent[] = [];
      while (taken.length < most) {
        const next = (kept.first() < others.first() ? kept : others).shift();
        if (next === null) break;
        weight -= next.weight;
        taken.push(next);
      }
      return taken;
    },
    putBack(events) {
      for (const lane of [kept, others]) lane.unshift(events.filter(({ event }) => laneOf(event) === lane));
      for (const event of events) weight += event.weight;
      return trim();
    },
  };
}

interface Lane {
  size(): number;
  /** The `order` of its first; infinite when it is empty. */
  first(): number;
  push(event: WaitingEvent): void;
  pop(): WaitingEvent | null;
  shift(): WaitingEvent | null;
  /** Takes back events that were shifted, in any order. */
  unshift(events: readonly WaitingEvent[]): void;
}

/** A queue whose `shift` does not move the rest. */
function createLane(): Lane {
  let items: (WaitingEvent | null)[] = [];
  let head = 0;
  return {
    size: () => items.length - head,
    first: () => items[head]?.order ?? Number.POSITIVE_INFINITY,
    push: (event) => {
      items.push(event);
    },
    pop: () => (items.length > head ? (items.pop() ?? null) : null),
    shift() {
      const first = items[head] ?? null;
      if (first === null) return null;
      items[head] = null;
      head += 1;
      if (head === items.length || head > 1_024) {
        items = items.slice(head);
        head = 0;
      }
      return first;
    },
    unshift(events) {
      if (events.length === 0) return;
      items = [...events, ...items.slice(head)].sort((one, other) => (one?.order ?? 0) - (other?.order ?? 0));
      head = 0;
    },
  };
}

/** What each event weighs beside its own texts: names, id, time. */
const BASE_WEIGHT = 300;

function weightOf(event: EgressEvent): number {
  let weight = BASE_WEIGHT + event.subject.length;
  for (const name in event.data) weight += name.length + 8 + weightOfValue(event.data[name]);
  return weight;
}

function weightOfValue(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let weight = 0;
  for (const [name, inner] of Object.entries(value)) weight += name.length + 8 + weightOfValue(inner);
  return weight;
}
