import { Secret, type SecretStore, SecretStoreError } from "../../src/index.ts";

/** The bindings of a Worker, as the platform hands them over. */
export type WorkerBindings = Readonly<Record<string, unknown>>;

/** Secrets in bindings of a Worker: a secret of the Secrets Store (`get()`), or a Worker secret, which is a string. */
export function createWorkerBindingStore(bindings: WorkerBindings): SecretStore {
  return {
    providers: new Set(["binding"] as const),
    async fetch(location, signal) {
      if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
      if (location.provider !== "binding") throw new SecretStoreError("missing", `bindings hold no ${location.provider}`);
      const { name } = location;
      const value = await readBinding(bindings, name);
      if (value === null) throw new SecretStoreError("missing", `the binding ${name} is not there`);
      return new Secret(value, null);
    },
  };
}

/** The text of a binding, from the Secrets Store too; null: there is none, or an empty one. Rejects with `SecretStoreError` (`malformed`, `unavailable`). */
export async function readBinding(bindings: WorkerBindings, name: string): Promise<string | null> {
  // Own members only: a plain object also answers to `constructor`.
  const binding = Object.hasOwn(bindings, name) ? bindings[name] : undefined;
  if (binding === undefined || binding === "") return null;
  const value: unknown = typeof binding === "string" ? binding : await read(name, binding);
  if (typeof value !== "string" || value === "") throw new SecretStoreError("malformed", `the binding ${name} holds no text`);
  return value;
}

async function read(name: string, binding: unknown): Promise<unknown> {
  if (!isSecretsStoreSecret(binding)) throw new SecretStoreError("malformed", `the binding ${name} is no secret`);
  try {
    return await binding.get();
  } catch {
    // The Secrets Store says the same of a secret that is gone and of its own outage: only an outage lets a held value serve on.
    throw new SecretStoreError("unavailable", `the Secrets Store did not give ${name}`);
  }
}

function isSecretsStoreSecret(binding: unknown): binding is { get(): Promise<unknown> } {
  return typeof binding === "object" && binding !== null && "get" in binding && typeof binding.get === "function";
}
