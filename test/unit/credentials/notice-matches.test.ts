import { describe, expect, it } from "vitest";
import { nameOfNotice, noticeMatches } from "../../../src/credentials/notice-matches.ts";
import type { RotationNotice } from "../../../src/model/rotation.ts";
import type { SecretLocation } from "../../../src/model/secret.ts";

const REGION = "eu-central-1";
const arn = (name: string, region = REGION, account = "123456789012", partition = "aws") =>
  `arn:${partition}:secretsmanager:${region}:${account}:secret:${name}`;
const aws = (secretId: string, region = REGION): SecretLocation => ({
  provider: "awsSecretsManager",
  secretId,
  region,
  versionStage: "AWSCURRENT",
  jsonKey: null,
});
const awsNotice = (secretId: string, region: string | null = REGION): RotationNotice => ({ provider: "awsSecretsManager", secretId, region });

describe("a notice of AWS Secrets Manager", () => {
  it.each([
    ["a name and the same name", "prod/db", "prod/db"],
    ["a full ARN and a name", arn("prod/db-AbC12d"), "prod/db"],
    ["a name and a full ARN", "prod/db", arn("prod/db-AbC12d")],
    ["an ARN without its end and a name", arn("prod/db"), "prod/db"],
    ["a full ARN and one without its end", arn("prod/db-AbC12d"), arn("prod/db")],
    ["an ARN without its end and a full one", arn("prod/db"), arn("prod/db-AbC12d")],
    ["two full ARNs", arn("prod/db-AbC12d"), arn("prod/db-AbC12d")],
    ["a name that looks as if it had an end", arn("prod/db-master-AbC12d"), "prod/db-master"],
    ["other partitions", arn("db-AbC12d", "cn-north-1", "123456789012", "aws-cn"), arn("db-AbC12d", "cn-north-1", "123456789012", "aws-cn"), "cn-north-1"],
  ])("matches: %s", (_, said, known, region = REGION) => {
    expect(noticeMatches(awsNotice(said, region), aws(known, region))).toBe(true);
    expect(noticeMatches(awsNotice(said, null), aws(known, region))).toBe(true);
  });

  it.each([
    ["another name", arn("prod/db2-AbC12d"), "prod/db"],
    ["a name that goes on", arn("prod/db-master-AbC12d"), "prod/db"],
    ["a name that is the beginning of it", "prod", "prod/db"],
    ["another account", arn("db-AbC12d"), arn("db-AbC12d", REGION, "210987654321")],
    ["another region", arn("db-AbC12d", "us-east-1"), "db"],
    ["another secret of the same name, made anew", arn("db-AbC12d"), arn("db-ZzZ99z")],
    ["another case", "prod/DB", "prod/db"],
    ["nothing", "", "prod/db"],
  ])("does not match: %s", (_, said, known) => {
    expect(noticeMatches(awsNotice(said, null), aws(known))).toBe(false);
  });

  it("does not match by a name in another region", () => {
    expect(noticeMatches(awsNotice("db", "us-east-1"), aws("db"))).toBe(false);
    expect(noticeMatches(awsNotice("db", "us-east-1"), aws("db", "us-east-1"))).toBe(true);
  });
});

describe("a notice of Google Secret Manager", () => {
  const at = (name: string, location: string | null = null): SecretLocation => ({ provider: "googleSecretManager", name, location, jsonKey: null });
  it.each([
    ["the same id", "projects/shop/secrets/key", at("projects/shop/secrets/key")],
    ["a number and an id, which cannot be compared", "projects/4242/secrets/key", at("projects/shop/secrets/key")],
    ["a project of a domain", "projects/example.com:shop/secrets/key", at("projects/example.com:shop/secrets/key")],
    ["a version that is asked for", "projects/shop/secrets/key", at("projects/shop/secrets/key/versions/7")],
    ["a regional secret", "projects/4242/locations/europe-west4/secrets/key", at("projects/shop/locations/europe-west4/secrets/key")],
    [
      "a regional secret whose region stands beside its name",
      "projects/4242/locations/europe-west4/secrets/key",
      at("projects/shop/secrets/key", "europe-west4"),
    ],
  ])("matches: %s", (_, name, location) => {
    expect(noticeMatches({ provider: "googleSecretManager", name }, location)).toBe(true);
  });

  it.each([
    ["another secret", "projects/shop/secrets/key2", at("projects/shop/secrets/key")],
    ["another project's id", "projects/other/secrets/key", at("projects/shop/secrets/key")],
    ["another project's number", "projects/1/secrets/key", at("projects/2/secrets/key")],
    ["the global one of the same name", "projects/shop/secrets/key", at("projects/shop/secrets/key", "europe-west4")],
    ["a regional one of the same name", "projects/shop/locations/europe-west4/secrets/key", at("projects/shop/secrets/key")],
    ["another region", "projects/shop/locations/us-east1/secrets/key", at("projects/shop/locations/europe-west4/secrets/key")],
    ["no name at all", "key", at("projects/shop/secrets/key")],
  ])("does not match: %s", (_, name, location) => {
    expect(noticeMatches({ provider: "googleSecretManager", name }, location)).toBe(false);
  });
});

describe("a notice of a Kubernetes Secret", () => {
  const at: SecretLocation = { provider: "kubernetesSecret", namespace: "team-a", name: "key", key: "token", inline: null };
  it("matches by namespace and name, whatever the key", () => {
    expect(noticeMatches({ provider: "kubernetesSecret", namespace: "team-a", name: "key" }, at)).toBe(true);
    expect(noticeMatches({ provider: "kubernetesSecret", namespace: "team-b", name: "key" }, at)).toBe(false);
    expect(noticeMatches({ provider: "kubernetesSecret", namespace: "team-a", name: "key2" }, at)).toBe(false);
  });

  it("and no notice matches a secret of another kind of store", () => {
    const others: SecretLocation[] = [at, { provider: "file", path: "/x", jsonKey: null }, { provider: "env", name: "X" }, { provider: "binding", name: "X" }];
    for (const location of others) expect(noticeMatches(awsNotice("key"), location)).toBe(false);
  });
});

it("names a secret for the log without any value", () => {
  expect(nameOfNotice(awsNotice("prod/db"))).toBe("prod/db");
  expect(nameOfNotice({ provider: "googleSecretManager", name: "projects/p/secrets/s" })).toBe("projects/p/secrets/s");
  expect(nameOfNotice({ provider: "kubernetesSecret", namespace: "a", name: "b" })).toBe("a/b");
});

describe("a token", () => {
  it("is about every secret that it is made of, however deep", () => {
    const reference = (location: SecretLocation) => ({ id: "x", location, refresh: { intervalMs: 1, jitterPercent: 0, staleForMs: 0 } });
    // As: the rest of a plan is not looked at.
    const inner = { provider: "token", plan: { flow: "googleKey", key: reference(aws("prod/db")) }, subject: null } as unknown as SecretLocation;
    const outer = { provider: "token", plan: { flow: "googleImpersonation", source: reference(inner) }, subject: null } as unknown as SecretLocation;
    expect(noticeMatches(awsNotice("prod/db"), outer)).toBe(true);
    expect(noticeMatches(awsNotice("prod/other"), outer)).toBe(false);
  });
});
