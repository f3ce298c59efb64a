import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isSigned } from "./aws-signature.ts";

export { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "./aws-signature.ts";

/** AWS Secrets Manager on loopback: JSON 1.1, and every signature is computed again and compared. */
export interface FakeAwsSecretsManager {
  readonly url: string;
  /** Requests that came, and those whose signature was right. */
  readonly counts: { requests: number; signed: number };
  /** Secrets that were asked for, in order. */
  readonly asked: string[];
  put(secretId: string, value: string | Uint8Array): void;
  /** How the next answers are: `ok`, an error type such as `ThrottlingException`, `500`, `garbage`, or `hang`. */
  mode: string;
  /** Error type for this secret from now on. */
  fail(secretId: string, type: string): void;
  close(): Promise<void>;
}

export async function startFakeAwsSecretsManager(region: string): Promise<FakeAwsSecretsManager> {
  const values = new Map<string, { readonly value: string | Uint8Array; readonly version: string }>();
  const failures = new Map<string, string>();
  const counts = { requests: 0, signed: 0 };
  const asked: string[] = [];
  const fake = { mode: "ok" };
  let versions = 0;
  const server = createServer(async (request, response) => {
    counts.requests += 1;
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const answer = (status: number, document: unknown) =>
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(document));
    const error = (type: string, status = 400) => answer(status, { __type: type, message: "told by the fake" });
    if (fake.mode === "hang") return;
    if (!(await isSigned(request, body, { region, service: "secretsmanager" }))) return error("InvalidSignatureException");
    counts.signed += 1;
    if (request.headers["x-amz-target"] !== "secretsmanager.GetSecretValue") return error("UnknownOperationException");
    if (fake.mode === "garbage") return response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end("<html>sk-contract</html>");
    if (fake.mode === "500") return error("InternalServiceError", 500);
    if (fake.mode !== "ok") return error(fake.mode);
    // The signed request of a real client.
    const { SecretId, VersionStage } = JSON.parse(body) as { SecretId: string; VersionStage: string };
    asked.push(SecretId);
    const failure = failures.get(SecretId);
    if (failure !== undefined) return error(failure);
    const held = VersionStage === "AWSCURRENT" ? values.get(SecretId) : undefined;
    if (held === undefined) return error("ResourceNotFoundException");
    const value = typeof held.value === "string" ? { SecretString: held.value } : { SecretBinary: Buffer.from(held.value).toString("base64") };
    return answer(200, { Name: SecretId, VersionId: held.version, VersionStages: ["AWSCURRENT"], ...value });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo once it listens.
  const { port } = server.address() as AddressInfo;
  return Object.assign(fake, {
    url: `http://127.0.0.1:${port}`,
    counts,
    asked,
    put(secretId: string, value: string | Uint8Array) {
      versions += 1;
      values.set(secretId, { value, version: `version-${versions}` });
    },
    fail(secretId: string, type: string) {
      failures.set(secretId, type);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
