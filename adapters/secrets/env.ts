import { Secret, type SecretStore, SecretStoreError } from "../../src/index.ts";

export interface EnvStoreOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Secrets in environment variables: for Lambda, Knative and laptops. An empty variable is a missing one. */
export function createEnvStore(options: EnvStoreOptions): SecretStore {
  const { environment } = options;
  return {
    providers: new Set(["env"] as const),
    async fetch(location, signal) {
      if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
      if (location.provider !== "env") throw new SecretStoreError("missing", `the environment holds no ${location.provider}`);
      // Own members only: a plain object also answers to `constructor`.
      const value = Object.hasOwn(environment, location.name) ? environment[location.name] : undefined;
      if (value === undefined || value === "") throw new SecretStoreError("missing", `the environment variable ${location.name} is not set`);
      return new Secret(value, null);
    },
  };
}
