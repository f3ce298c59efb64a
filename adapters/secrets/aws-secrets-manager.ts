import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Secret, type SecretLocation, type SecretStore, SecretStoreError } from "../../src/index.ts";
import { awsSecretReason } from "./aws-secret-reasons.ts";
import { textOf } from "./secret-text.ts";

export interface AwsSecretsManagerOptions {
  /** Address in place of AWS's own, such as a VPC endpoint; without it the SDK decides (`AWS_ENDPOINT_URL_SECRETS_MANAGER`). */
  readonly endpoint?: string;
  /** Milliseconds for one try; there are two, and the cache gives up after 5 s. */
  readonly requestTimeoutMs?: number;
}

type Sdk = typeof import("@aws-sdk/client-secrets-manager");

/** One client a region; regions stand in manifests, so that more than this is a mistake. */
const MAX_CLIENTS = 32;

/** Secrets in AWS Secrets Manager, by the default credential chain. The SDK, 100 ms of CPU, is loaded with the first secret. */
export function createAwsSecretsManagerStore(options: AwsSecretsManagerOptions = {}): SecretStore {
  const { endpoint, requestTimeoutMs = 2_000 } = options;
  const clients = new Map<string, SecretsManagerClient>();

  function clientFor(sdk: Sdk, region: string): SecretsManagerClient {
    const known = clients.get(region);
    if (known !== undefined) return known;
    const [oldest] = clients.size < MAX_CLIENTS ? [] : clients;
    if (oldest !== undefined) {
      clients.delete(oldest[0]);
      oldest[1].destroy();
    }
    const client = new sdk.SecretsManagerClient({
      region,
      maxAttempts: 2,
      // Without `throwOnRequestTimeout` the SDK only warns.
      requestHandler: { connectionTimeout: 1_000, requestTimeout: requestTimeoutMs, throwOnRequestTimeout: true },
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    clients.set(region, client);
    return client;
  }

  return {
    providers: new Set(["awsSecretsManager"] as const),
    async fetch(location, signal) {
      if (location.provider !== "awsSecretsManager") throw new SecretStoreError("missing", `AWS Secrets Manager holds no ${location.provider}`);
      if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
      try {
        const sdk = await import("@aws-sdk/client-secrets-manager");
        return await read(sdk, clientFor(sdk, location.region), location, signal);
      } catch (error) {
        throw error instanceof SecretStoreError ? error : storeError(error);
      }
    },
  };
}

async function read(sdk: Sdk, client: SecretsManagerClient, location: Extract<SecretLocation, { provider: "awsSecretsManager" }>, signal: AbortSignal) {
  const command = new sdk.GetSecretValueCommand({ SecretId: location.secretId, VersionStage: location.versionStage });
  const answer = await client.send(command, { abortSignal: signal });
  const value = answer.SecretString ?? (answer.SecretBinary === undefined ? null : textOf(answer.SecretBinary));
  if (value === null || typeof value !== "string") throw new SecretStoreError("malformed", "AWS Secrets Manager answered without a value");
  return new Secret(value, answer.VersionId ?? null);
}

/** By the error's name only: its message may quote what was sent, and says nothing that the name does not. */
function storeError(error: unknown): SecretStoreError {
  const name = error instanceof Error && /^\w{1,64}$/.test(error.name) ? error.name : "unknown";
  const reason = error instanceof SyntaxError ? "malformed" : awsSecretReason(name);
  return new SecretStoreError(reason, `AWS Secrets Manager: ${name}`);
}
