import type { UsageNamespace } from "../../adapters/usage/durable-object-store.ts";
import type { UsageObject } from "../../adapters/usage/usage-object.ts";
import { type DurableObjects, noJurisdiction, startDurableObjects } from "./durable-objects.ts";

/** The Worker's objects of limits and usage, in workerd. */
export interface WorkerUsage extends DurableObjects {
  readonly namespace: UsageNamespace;
}

export async function startWorkerUsage(): Promise<WorkerUsage> {
  const objects = await startDurableObjects("SpillwayUsage", "adapters/cloudflare/spillway-usage.ts");
  const object = (name: string): UsageObject => ({
    // The object's own types, over JSON.
    exchange: (...args) => objects.ask(name, "exchange", args) as ReturnType<UsageObject["exchange"]>,
    accounts: (...args) => objects.ask(name, "accounts", args) as ReturnType<UsageObject["accounts"]>,
    record: (...args) => objects.ask(name, "record", args) as ReturnType<UsageObject["record"]>,
    usage: (...args) => objects.ask(name, "usage", args) as ReturnType<UsageObject["usage"]>,
    incidents: (...args) => objects.ask(name, "incidents", args) as ReturnType<UsageObject["incidents"]>,
  });
  return Object.assign(objects, { namespace: { getByName: object, jurisdiction: noJurisdiction } });
}
