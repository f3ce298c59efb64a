import { Secret, type SecretStore, SecretStoreError } from "../../src/index.ts";
import { AwsError, createAwsClient } from "../aws/aws-client.ts";
import { awsSecretReason } from "./aws-secret-reasons.ts";
import { bytesOfBase64, textOf } from "./secret-text.ts";

export interface AwsSignedFetchOptions {
  /** Text of a setting; null: there is none. `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, read anew for every secret. */
  readonly setting: (name: string) => Promise<string | null>;
  /** Address in place of AWS's own; null: AWS's own. */
  readonly endpoint: string | null;
  /** Milliseconds for one try; there are two, and the cache gives up after 5 s. */
  readonly requestTimeoutMs?: number;
}

/** A secret has at most 64 KiB; base64 and escapes make it longer. */
const MAX_ANSWER_BYTES = 512 * 1024;

/** Secrets in AWS Secrets Manager without the SDK: one signed request over `fetch`. For Workers, where the SDK would be a quarter of the bundle. */
export function createAwsSignedFetchStore(options: AwsSignedFetchOptions): SecretStore {
  const { setting, endpoint, requestTimeoutMs = 2_000 } = options;
  return {
    providers: new Set(["awsSecretsManager"] as const),
    async fetch(location, signal) {
      if (location.provider !== "awsSecretsManager") throw new SecretStoreError("missing", `AWS Secrets Manager holds no ${location.provider}`);
      if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
      const credentials = await readCredentials(setting);
      try {
        // One a read: what one call of a Worker began must not be waited for by another.
        const client = createAwsClient({
          service: "secretsmanager",
          region: location.region,
          credentials: () => Promise.resolve(credentials),
          endpoint,
          attempts: 2,
          timeoutMs: requestTimeoutMs,
        });
        const body = { SecretId: location.secretId, VersionStage: location.versionStage };
        const contentType = "application/x-amz-json-1.1";
        return readAnswer(await client.call("secretsmanager.GetSecretValue", body, { signal, contentType, maxBytes: MAX_ANSWER_BYTES }));
      } catch (error) {
        throw error instanceof SecretStoreError ? error : storeError(error);
      }
    },
  };
}

async function readCredentials(setting: AwsSignedFetchOptions["setting"]) {
  const [accessKeyId, secretAccessKey, sessionToken] = await Promise.all(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(setting));
  if (accessKeyId == null || secretAccessKey == null)
    throw new SecretStoreError("denied", "AWS Secrets Manager needs the bindings AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken ?? null };
}

function readAnswer(answer: unknown): Secret {
  const { SecretString: text, SecretBinary: binary, VersionId: version } = isRecord(answer) ? answer : {};
  const value = typeof text === "string" ? text : typeof binary === "string" ? textOf(bytesOfBase64(binary)) : null;
  if (value === null) throw new SecretStoreError("malformed", "AWS Secrets Manager answered without a value");
  return new Secret(value, typeof version === "string" ? version : null);
}

/** What came is no answer of the service. */
const MALFORMED: ReadonlySet<string> = new Set(["Malformed", "TooLarge"]);

/** By the error's code only: its message may quote what was sent, and says nothing that the code does not. */
function storeError(error: unknown): SecretStoreError {
  // Else a region or an endpoint that is none: nothing can be there.
  const code = error instanceof AwsError ? error.code : "ValidationException";
  return new SecretStoreError(MALFORMED.has(code) ? "malformed" : awsSecretReason(code), `AWS Secrets Manager: ${code}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
