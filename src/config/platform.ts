import type { TransportFeature } from "../model/ports.ts";
import type { SecretProvider } from "../model/secret.ts";

/** Where the snapshot will run, and what it can do there. */
export interface Platform {
  readonly name: "knative" | "workers" | "lambda";
  readonly features: ReadonlySet<TransportFeature>;
  /** Appended to `name.namespace.svc`, such as `cluster.local`; left out: the resolver's search path is used. */
  readonly serviceDomain?: string;
  /** False: this instance has no port for TLS, so that HTTPS listeners cannot be served. Left out: it has, or its platform terminates TLS for it. */
  readonly terminatesTls?: false;
  /** False: this instance knows no cluster that could be asked about a caller's token. Left out: on Node it does, elsewhere there is none. */
  readonly reviewsTokens?: false;
  /** True: every Secret that there is, is among the manifests (a cluster); none is mounted beside them. */
  readonly holdsAllSecrets?: true;
}

const WITHOUT_FILES: ReadonlySet<SecretProvider> = new Set(["awsSecretsManager", "googleSecretManager", "env", "binding"]);
const WITHOUT_BINDINGS: ReadonlySet<SecretProvider> = new Set(["awsSecretsManager", "googleSecretManager", "kubernetesSecret", "env", "file"]);

/** Whether a secret can be read in that way there: Workers have no files and no mounted Secrets, the others no bindings. */
export function canRead(platform: Platform, provider: SecretProvider): boolean {
  return (platform.name === "workers" ? WITHOUT_FILES : WITHOUT_BINDINGS).has(provider);
}
