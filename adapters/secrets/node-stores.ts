import type { SecretStore } from "../../src/index.ts";
import { createAwsSecretsManagerStore } from "./aws-secrets-manager.ts";
import { createEnvStore } from "./env.ts";
import { createFileStore } from "./file.ts";
import { createGoogleSecretManagerStore } from "./google-secret-manager.ts";
import { createKubernetesMountedStore } from "./kubernetes-mounted.ts";

export interface NodeSecretStoreOptions {
  /**
   * `SPILLWAY_SECRETS_DIR`: folder of mounted Secrets. `SPILLWAY_SECRETS_NAMESPACE` or `POD_NAMESPACE`: the namespace whose
   * Secrets may be mounted there without a folder for it.
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Every store that works on Node and on Lambda. Costs nothing before the first secret: the cloud SDKs load on first use. */
export function createNodeSecretStores(options: NodeSecretStoreOptions): readonly SecretStore[] {
  const { environment } = options;
  return [
    createEnvStore({ environment }),
    createFileStore(),
    createKubernetesMountedStore({
      root: environment["SPILLWAY_SECRETS_DIR"] || null,
      namespace: environment["SPILLWAY_SECRETS_NAMESPACE"] || environment["POD_NAMESPACE"] || null,
    }),
    createAwsSecretsManagerStore(),
    createGoogleSecretManagerStore(),
  ];
}
