import { type UsagePorts, type UsageStore, UsageStoreError, type UsageStorePlan } from "../../src/index.ts";
import { createDurableObjectUsageStore, type UsageNamespace } from "../usage/durable-object-store.ts";
import { createMemoryUsageStore } from "../usage/memory-store.ts";

type Bindings = Readonly<Record<string, unknown>>;

/** The binding that counts where BrokerConfig names no store. */
const BINDING = "SPILLWAY_USAGE";

/**
 * Opens the store of a plan in a Worker. Without a plan it is `SPILLWAY_USAGE`, the binding of Durable Objects of the class `SpillwayUsage`, kept inside
 * `SPILLWAY_STATE_JURISDICTION` where that is set; without the binding the memory of this isolate. Rejects with `UsageStoreError`, which says what is missing.
 */
export function createWorkerUsage(bindings: Bindings, now: () => number): UsagePorts["open"] {
  return async (plan) => {
    if (plan?.kind === "durableObject") return openObjects(bindings, plan.binding, plan.jurisdiction);
    if (plan === null && isSharedOnWorkers(bindings)(null)) return openObjects(bindings, BINDING, jurisdictionOf(bindings));
    if (plan === null || plan.kind === "memory") return createMemoryUsageStore({ now });
    // The compiler refuses it for Workers; a bundle that was made for another platform comes here.
    throw new UsageStoreError(`${plan.kind} is no store of Workers`);
  };
}

/** Whether all isolates see the store of a plan. */
export function isSharedOnWorkers(bindings: Bindings): (plan: UsageStorePlan | null) => boolean {
  return (plan) => (plan === null ? bindings[BINDING] !== undefined && bindings[BINDING] !== "memory:" : plan.kind !== "memory");
}

function openObjects(bindings: Bindings, name: string, jurisdiction: string | null): UsageStore {
  const namespace = bindings[name];
  if (isNamespace(namespace)) return createDurableObjectUsageStore({ namespace, jurisdiction });
  throw new UsageStoreError(`${name} is not bound to a Durable Object namespace (class SpillwayUsage)`);
}

function jurisdictionOf(bindings: Bindings): string | null {
  const jurisdiction = bindings["SPILLWAY_STATE_JURISDICTION"];
  return typeof jurisdiction === "string" && jurisdiction !== "" ? jurisdiction : null;
}

function isNamespace(binding: unknown): binding is UsageNamespace {
  return typeof binding === "object" && binding !== null && "getByName" in binding && typeof binding.getByName === "function";
}
