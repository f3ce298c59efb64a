import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { beforeAll, describe, expect, it } from "vitest";
import { createAwsSecretsManagerStore } from "../../adapters/secrets/aws-secrets-manager.ts";
import type { SecretLocation } from "../../src/index.ts";

const url = process.env["SPILLWAY_MOTO_URL"];
const missing = url === undefined || url === "";
if (missing) process.stderr.write("MISSING: moto. Start `moto_server -H 127.0.0.1 -p PORT` and set SPILLWAY_MOTO_URL=http://127.0.0.1:PORT\n");

describe.skipIf(missing)(`AWS Secrets Manager by moto${missing ? " (MISSING: SPILLWAY_MOTO_URL is not set)" : ""}`, () => {
  const endpoint = url ?? "";
  const region = "eu-central-1";
  const signal = new AbortController().signal;
  let admin: SecretsManagerClient;
  const run = `${Date.now()}`;
  const at = (name: string, versionStage = "AWSCURRENT"): SecretLocation => ({
    provider: "awsSecretsManager",
    secretId: `${run}/${name}`,
    region,
    versionStage,
    jsonKey: null,
  });
  const store = createAwsSecretsManagerStore({ endpoint });

  beforeAll(() => {
    process.env["AWS_ACCESS_KEY_ID"] = "testing";
    process.env["AWS_SECRET_ACCESS_KEY"] = "testing";
    admin = new SecretsManagerClient({ region, endpoint });
  });

  it("reads what was written, follows a rotation, and still finds the version before", async () => {
    const SecretId = `${run}/openai`;
    const created = await admin.send(new CreateSecretCommand({ Name: SecretId, SecretString: '{"apiKey":"sk-one"}' }));
    const first = await store.fetch(at("openai"), signal);
    expect(first.reveal()).toBe('{"apiKey":"sk-one"}');
    expect(first.version).toBe(created.VersionId);
    await admin.send(new PutSecretValueCommand({ SecretId, SecretString: '{"apiKey":"sk-two"}' }));
    expect((await store.fetch(at("openai"), signal)).reveal()).toBe('{"apiKey":"sk-two"}');
    expect((await store.fetch(at("openai", "AWSPREVIOUS"), signal)).reveal()).toBe('{"apiKey":"sk-one"}');
  });

  it("reads binary secrets", async () => {
    await admin.send(new CreateSecretCommand({ Name: `${run}/binary`, SecretBinary: new TextEncoder().encode("sk-binary") }));
    expect((await store.fetch(at("binary"), signal)).reveal()).toBe("sk-binary");
  });

  it("says `missing` of what is not there, of a stage that is not, and of what is marked for deletion", async () => {
    await expect(store.fetch(at("absent"), signal)).rejects.toMatchObject({ reason: "missing" });
    await admin.send(new CreateSecretCommand({ Name: `${run}/deleted`, SecretString: "sk" }));
    await expect(store.fetch(at("deleted", "AWSPENDING"), signal)).rejects.toMatchObject({ reason: "missing" });
    await admin.send(new DeleteSecretCommand({ SecretId: `${run}/deleted`, RecoveryWindowInDays: 7 }));
    await expect(store.fetch(at("deleted"), signal)).rejects.toMatchObject({ reason: "missing" });
  });
});
