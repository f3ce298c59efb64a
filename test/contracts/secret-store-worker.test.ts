import { expect, it } from "vitest";
import { createWorkerSecretStores } from "../../adapters/secrets/worker-stores.ts";
import type { SecretLocation, SecretStore } from "../../src/index.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, startFakeAwsSecretsManager } from "../fakes/aws-secrets-manager.ts";
import { testSecretStore } from "./secret-store.ts";

const storeFor = (bindings: Readonly<Record<string, unknown>>, provider: "awsSecretsManager" | "binding" | "env"): SecretStore => {
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

testSecretStore("AWS Secrets Manager, with keys in Worker secrets and in the Secrets Store", async () => {
  const fake = await startFakeAwsSecretsManager("eu-central-1");
  const at = (secretId: string): SecretLocation => ({
    provider: "awsSecretsManager",
    secretId,
    region: "eu-central-1",
    versionStage: "AWSCURRENT",
    jsonKey: null,
  });
  const bindings = {
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: { get: async () => AWS_SECRET_ACCESS_KEY },
    AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.url,
  };
  return {
    store: storeFor(bindings, "awsSecretsManager"),
    put: async (name, value) => {
      fake.put(name, value);
      return at(name);
    },
    absent: at("absent"),
    deny: async () => fake.fail("denied", "AccessDeniedException"),
    outage: async (down) => {
      fake.mode = down ? "500" : "ok";
    },
    versioned: true,
    close: () => fake.close(),
  };
});

it("a Secrets Store that does not give the cloud's keys is an outage, and no denial: a held value serves on", async () => {
  const broken = {
    get: async () => {
      throw new Error("internal error");
    },
  };
  const location: SecretLocation = { provider: "googleSecretManager", name: "projects/p/secrets/s", location: null, jsonKey: null };
  const store = createWorkerSecretStores({ GOOGLE_SERVICE_ACCOUNT_KEY: broken }).find(({ providers }) => providers.has("googleSecretManager"));
  await expect(store?.fetch(location, new AbortController().signal)).rejects.toMatchObject({ name: "SecretStoreError", reason: "unavailable" });
});
