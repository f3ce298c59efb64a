import type { SecretStore } from "../../src/index.ts";
import { createEnvStore } from "./env.ts";
import { createWorkerBindingStore, type WorkerBindings } from "./worker-binding.ts";

/** Every store that works in a Worker: bindings, and Worker secrets and variables by name. */
export function createWorkerSecretStores(bindings: WorkerBindings): readonly SecretStore[] {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(bindings)) if (typeof value === "string") environment[name] = value;
  return [createEnvStore({ environment }), createWorkerBindingStore(bindings)];
}
