import type { StateStore } from "../../src/index.ts";
import { createDurableObjectStore, type StateNamespace } from "../state/durable-object-store.ts";
import { createMemoryStore } from "../state/memory-store.ts";

/**
 * The shared state of a Worker: `SPILLWAY_STATE`, the binding of Durable Objects of the class `SpillwayState`, kept inside
 * `SPILLWAY_STATE_JURISDICTION` (`eu`) where that is set. Without the binding each isolate has a memory of its own, and an event that is delivered
 * twice to two of them is called for twice. Throws on a binding of another kind.
 */
export function createWorkerState(bindings: Readonly<Record<string, unknown>>, now: () => number): StateStore {
  const { SPILLWAY_STATE: binding, SPILLWAY_STATE_JURISDICTION: jurisdiction } = bindings;
  if (binding === undefined || binding === "memory:") return createMemoryStore({ now });
  if (!isNamespace(binding)) throw new Error("SPILLWAY_STATE must be the binding of a Durable Object namespace (class SpillwayState), or memory:");
  return createDurableObjectStore({ namespace: binding, jurisdiction: typeof jurisdiction === "string" && jurisdiction !== "" ? jurisdiction : null });
}

function isNamespace(binding: unknown): binding is StateNamespace {
  return typeof binding === "object" && binding !== null && "getByName" in binding && typeof binding.getByName === "function";
}
