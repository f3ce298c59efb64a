import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createEnvironmentCredentials } from "../../../adapters/aws/environment-credentials.ts";
import { createNodeCredentials } from "../../../adapters/aws/node-credentials.ts";

const keys = { AWS_ACCESS_KEY_ID: "AKID", AWS_SECRET_ACCESS_KEY: "the-secret-key" };

describe("AWS credentials from the environment", () => {
  it("are read anew each time", async () => {
    const environment: Record<string, string> = { ...keys };
    const source = createEnvironmentCredentials(environment);
    expect(await source()).toEqual({ accessKeyId: "AKID", secretAccessKey: "the-secret-key", sessionToken: null });
    environment["AWS_SESSION_TOKEN"] = "token";
    expect(await source()).toMatchObject({ sessionToken: "token" });
    delete environment["AWS_ACCESS_KEY_ID"];
    const error = await source().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "AwsError", code: "CredentialsUnavailable", retryable: false });
    expect(inspect(error)).not.toContain("the-secret-key");
  });
});

describe("AWS credentials on Node", () => {
  afterEach(() => void vi.unstubAllEnvs());

  it("come from the environment first", async () => {
    expect(await createNodeCredentials(keys)()).toMatchObject({ accessKeyId: "AKID", sessionToken: null });
  });

  it("else from the container, once until they end", async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      asked += 1;
      expect(request.headers.authorization).toBe("container-token");
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      response.end(JSON.stringify({ AccessKeyId: "ASIA", SecretAccessKey: "temporary", Token: "session", Expiration }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A TCP server's address is an AddressInfo once it listens.
    const { port } = server.address() as AddressInfo;
    noKeysElsewhere();
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `http://127.0.0.1:${port}/`);
    vi.stubEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token");
    const source = createNodeCredentials({});
    const all = await Promise.all([source(), source(), source()]);
    expect([...all, await source()]).toEqual(Array(4).fill({ accessKeyId: "ASIA", secretAccessKey: "temporary", sessionToken: "session" }));
    expect(asked).toBe(1);
    server.close();
    server.closeAllConnections();
  });

  it("that are nowhere are an outage, without telling where was looked", async () => {
    noKeysElsewhere();
    const error = await createNodeCredentials({})().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "AwsError", code: "CredentialsUnavailable", retryable: true });
    expect(inspect(error)).not.toContain("/no/such");
  });
});

/** The SDK's chain reads the process's environment and files. */
function noKeysElsewhere(): void {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/no/such/credentials");
  vi.stubEnv("AWS_CONFIG_FILE", "/no/such/config");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
}
