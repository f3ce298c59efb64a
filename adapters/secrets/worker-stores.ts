import type { SecretStore } from "../../src/index.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { createAwsSignedFetchStore } from "./aws-signed-fetch.ts";
import { createEnvStore } from "./env.ts";
import { createGoogleSignedFetchStore } from "./google-signed-fetch.ts";
import { createWorkerBindingStore, readBinding, type WorkerBindings } from "./worker-binding.ts";

/**
 * Every store that works in a Worker: bindings, Worker secrets and variables by name, and the two clouds by signed requests, whose
 * credentials are bindings too (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `GOOGLE_SERVICE_ACCOUNT_KEY`): Worker
 * secrets, or of the Secrets Store. Without them a secret there is `denied`.
 */
export function createWorkerSecretStores(bindings: WorkerBindings): readonly SecretStore[] {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(bindings)) if (typeof value === "string") environment[name] = value;
  return [
    createEnvStore({ environment }),
    createWorkerBindingStore(bindings),
    createAwsSignedFetchStore({ setting: (name) => readBinding(bindings, name), endpoint: configuredEndpoint(environment, "secretsmanager") }),
    createGoogleSignedFetchStore({ key: () => readBinding(bindings, "GOOGLE_SERVICE_ACCOUNT_KEY"), endpoint: null }),
  ];
}
