import { AwsError } from "./aws-error.ts";
import type { AwsCredentialSource } from "./credentials.ts";
import { readEnvironmentCredentials } from "./environment-credentials.ts";

type Chain = ReturnType<typeof import("@aws-sdk/credential-provider-node").defaultProvider>;

/**
 * Keys from the environment (Lambda), else by AWS's own chain: web identity (IRSA), profile, container (ECS, Pod Identity), instance. The
 * chain is loaded on first use, keeps what it found until five minutes before its end, and reads `process.env` of its own.
 * Rejects with `AwsError`.
 */
export function createNodeCredentials(environment: Readonly<Record<string, string | undefined>>): AwsCredentialSource {
  let chain: Chain | null = null;
  return async () => {
    const held = readEnvironmentCredentials(environment);
    if (held !== null) return held;
    try {
      if (chain === null) {
        const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
        // Two first askers may both come here: the later one joins the chain of the earlier.
        chain ??= defaultProvider({ timeout: 1_000, maxRetries: 1 });
      }
      const { accessKeyId, secretAccessKey, sessionToken = null } = await chain();
      return { accessKeyId, secretAccessKey, sessionToken };
    } catch {
      // The chain's errors quote files and addresses. A metadata server may be late at an instance's start, so that a later try is worth it.
      throw new AwsError("credentials", "CredentialsUnavailable", { status: null, retryable: true, attempts: 0 });
    }
  };
}
