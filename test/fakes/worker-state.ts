import type { StateNamespace, StateShard } from "../../adapters/state/durable-object-store.ts";
import { type DurableObjects, noJurisdiction, startDurableObjects } from "./durable-objects.ts";

/** The Worker's objects of state, in workerd. */
export interface WorkerState extends DurableObjects {
  readonly namespace: StateNamespace;
  /** Lets an object sweep, as its alarm does. Gives the number of entries that were taken out. */
  sweep(name: string): Promise<unknown>;
}

export async function startWorkerState(): Promise<WorkerState> {
  const objects = await startDurableObjects("SpillwayState", "adapters/cloudflare/spillway-state.ts");
  const shard = (name: string): StateShard => ({
    // The object's own types, over JSON.
    read: (...args) => objects.ask(name, "read", args) as ReturnType<StateShard["read"]>,
    write: (...args) => objects.ask(name, "write", args) as ReturnType<StateShard["write"]>,
    erase: (...args) => objects.ask(name, "erase", args) as ReturnType<StateShard["erase"]>,
  });
  const namespace: StateNamespace = { getByName: shard, jurisdiction: noJurisdiction };
  return Object.assign(objects, { namespace, sweep: (name: string) => objects.ask(name, "sweep", []) });
}
