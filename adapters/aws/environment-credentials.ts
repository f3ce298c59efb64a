import { AwsError } from "./aws-error.ts";
import type { AwsCredentialSource, AwsCredentials } from "./credentials.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The keys in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; null: one of the first two is not there. */
export function readEnvironmentCredentials(environment: Environment): AwsCredentials | null {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = environment;
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken || null };
}

/** Keys from the environment, read anew for each call. Rejects with `AwsError` where there are none. */
export function createEnvironmentCredentials(environment: Environment): AwsCredentialSource {
  return async () => {
    const credentials = readEnvironmentCredentials(environment);
    if (credentials !== null) return credentials;
    throw new AwsError("credentials", "CredentialsUnavailable", { status: null, retryable: false, attempts: 0 });
  };
}
