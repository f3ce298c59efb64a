import { createWorkerSecretStores } from "../../adapters/secrets/worker-stores.ts";
import type { SecretLocation, SecretStore } from "../../src/index.ts";
import { testSecretStore } from "./secret-store.ts";

const storeFor = (bindings: Readonly<Record<string, unknown>>, provider: "binding" | "env"): SecretStore => {
  const store = createWorkerSecretStores(bindings).find((candidate) => candidate.providers.has(provider));
  if (store === undefined) throw new Error(`no store for ${provider}`);
  return store;
};

testSecretStore("a Worker secret by its binding", async () => {
  const bindings: Record<string, unknown> = {};
  return {
    store: storeFor(bindings, "binding"),
    put: async (name, value): Promise<SecretLocation> => {
      bindings[name] = value;
      return { provider: "binding", name };
    },
    absent: { provider: "binding", name: "constructor" },
    deny: null,
    outage: null,
    versioned: false,
    close: async () => {},
  };
});

testSecretStore("a secret of the Secrets Store", async () => {
  const bindings: Record<string, unknown> = {};
  let down = false;
  return {
    store: storeFor(bindings, "binding"),
    put: async (name, value): Promise<SecretLocation> => {
      bindings[name] = {
        get: async () => {
          if (down) throw new Error(`Secret "${name}" not found: ${value}`);
          return value;
        },
      };
      return { provider: "binding", name };
    },
    absent: { provider: "binding", name: "ABSENT" },
    deny: null,
    outage: async (now) => {
      down = now;
    },
    versioned: false,
    close: async () => {},
  };
});

testSecretStore("a Worker variable by name", async () => {
  // Bindings never change while an isolate lives: a new value is a new deployment.
  let store = storeFor({}, "env");
  const values: Record<string, unknown> = { NOT_TEXT: { get: async () => "x" } };
  return {
    store: { providers: new Set(["env"]), fetch: (location, signal) => store.fetch(location, signal) },
    put: async (name, value): Promise<SecretLocation> => {
      values[name] = value;
      store = storeFor(values, "env");
      return { provider: "env", name };
    },
    absent: { provider: "env", name: "NOT_TEXT" },
    deny: null,
    outage: null,
    versioned: false,
    close: async () => {},
  };
});
