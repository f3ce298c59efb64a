import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, type FakeAwsSecretsManager, startFakeAwsSecretsManager } from "../fakes/aws-secrets-manager.ts";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { answerWell, fail, type Provider, startProvider } from "../fakes/provider.ts";
import { recordFigure } from "../hostile/figure.ts";

const CALLS = 200;
const AT_ONCE = 10;

let provider: Provider;
let folder = "";
let valid: ReadonlySet<string> = new Set();
/** Calls that came with a key that is not valid, and with each valid one. */
let rejected = 0;
let served: string[] = [];
const running: { stop(): Promise<unknown> }[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-rotation-"));
  rejected = 0;
  served = [];
  valid = new Set(["key-one"]);
  provider = await startProvider({
    behaviour: (seen, response, request) => {
      const key = (seen.headers.authorization ?? "").replace("Bearer ", "");
      if (valid.has(key)) {
        served.push(key);
        return answerWell(seen, response, request);
      }
      rejected += 1;
      return fail(401)(seen, response, request);
    },
  });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
  await provider.close();
  await rm(folder, { recursive: true, force: true });
});

/** A broker whose only backend takes its key from `source`, a `spec` of a SecretSource. */
async function start(source: string, env: Record<string, string> = {}): Promise<BrokerProcess> {
  const manifests = testManifests({ backends: [{ name: "one", port: provider.port, key: "unused", api: "OpenAI" }] });
  const pattern = /(metadata: \{name: one-key, namespace: team-a\}\nspec: )\{file: \{path: [^}]+\}\}/;
  expect(manifests).toMatch(pattern);
  const broker = await startBroker({ manifests: manifests.replace(pattern, `$1${source}`), env });
  running.push(broker);
  return broker;
}

async function call(broker: BrokerProcess): Promise<number> {
  const response = await fetch(`${broker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-test", messages: [] }),
  });
  await response.text();
  return response.status;
}

/** Keeps ten calls going until 200 are answered; runs `rotate` in the middle. Gives the answers by status. */
async function underLoad(broker: BrokerProcess, rotate: () => Promise<void>): Promise<Record<number, number>> {
  const answers: Record<number, number> = {};
  let begun = 0;
  let rotation: Promise<void> | null = null;
  const worker = async () => {
    while (begun < CALLS) {
      begun += 1;
      if (begun === CALLS / 4) rotation = rotate();
      const status = await call(broker);
      answers[status] = (answers[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await rotation;
  return answers;
}

const revokeOld = () => {
  valid = new Set(["key-two"]);
};

describe("a key that is exchanged while calls run, and revoked at once", () => {
  it("B18: in a file that is written anew: no call fails", async () => {
    const path = join(folder, "key");
    await writeFile(path, "key-one\n");
    const broker = await start(`{file: {path: ${path}}}`);
    const answers = await underLoad(broker, async () => {
      await writeFile(`${path}.new`, "key-two\n");
      await rename(`${path}.new`, path);
      revokeOld();
    });
    expect(answers).toEqual({ 200: CALLS });
    // The provider did say no, and was asked no more often than calls were under way.
    expect(rejected).toBeGreaterThan(0);
    expect(rejected).toBeLessThanOrEqual(2 * AT_ONCE);
    expect(new Set(served)).toEqual(new Set(["key-one", "key-two"]));
  });

  it("in a mounted Secret, by the kubelet's swap of symlinks: no call fails", async () => {
    const volume = join(folder, "team-a", "provider");
    const version = async (name: string, key: string) => {
      await mkdir(join(volume, name), { recursive: true });
      await writeFile(join(volume, name, "token"), key);
      await symlink(name, join(volume, `..data_${name}`));
      await rename(join(volume, `..data_${name}`), join(volume, "..data"));
    };
    await version("..2026_1", "key-one");
    await symlink("..data/token", join(volume, "token"));
    const broker = await start("{kubernetesSecret: {name: provider, key: token}}", { SPILLWAY_SECRETS_DIR: folder });
    const answers = await underLoad(broker, async () => {
      await version("..2026_2", "key-two");
      revokeOld();
    });
    expect(answers).toEqual({ 200: CALLS });
    expect(rejected).toBeGreaterThan(0);
    expect(served.at(-1)).toBe("key-two");
  });
});

describe("a secret that is not there", () => {
  it("is told in words, in the log and in the status: which, where from and why", async () => {
    const broker = await start("{env: {name: PROVIDER_KEY}}");
    expect(await call(broker)).toBe(503);
    const why = "the environment variable PROVIDER_KEY is not set";
    const told = () =>
      broker
        .stdout()
        .split("\n")
        .find((line) => line.includes("credential.unavailable"));
    await expect.poll(told).toBeDefined();
    expect(JSON.parse(told() ?? "{}")).toMatchObject({
      msg: "event",
      subject: "SecretSource/team-a/one-key",
      data: { provider: "env", reason: "missing", detail: why },
    });
    const status = await fetch(`${broker.url}/-/status`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(await status.json()).toMatchObject({
      secrets: expect.arrayContaining([expect.objectContaining({ id: "SecretSource/team-a/one-key", lastError: "missing", lastErrorDetail: why })]),
    });
  });
});

describe("AWS Secrets Manager, by the real SDK", () => {
  let aws: FakeAwsSecretsManager;
  beforeEach(async () => {
    aws = await startFakeAwsSecretsManager("eu-central-1");
    running.push({ stop: () => aws.close() });
    aws.put("prod/provider", '{"token":"key-one"}');
  });
  const startWithAws = (refresh: string) =>
    start(`{awsSecretsManager: {secretId: prod/provider, region: eu-central-1, jsonKey: token}${refresh}}`, {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
      AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY,
      HOME: folder,
    });

  it("B18: a key that is exchanged and revoked at once costs no call", async () => {
    const broker = await startWithAws("");
    const began = performance.now();
    const answers = await underLoad(broker, async () => {
      aws.put("prod/provider", '{"token":"key-two"}');
      revokeOld();
    });
    recordFigure({ row: "B18", what: `calls failed by a hard rotation, of ${CALLS}`, value: CALLS - (answers[200] ?? 0), unit: "calls", bar: "0" });
    expect(answers).toEqual({ 200: CALLS });
    expect(rejected).toBeGreaterThan(0);
    // One read at the start, one when the provider said no; at most one more a second.
    expect(aws.counts.signed).toBe(aws.counts.requests);
    expect(aws.counts.requests).toBeLessThanOrEqual(3 + Math.ceil((performance.now() - began) / 1_000));
    expect(broker.stdout() + broker.stderr()).not.toMatch(/key-one|key-two/);
  });

  it("a key that is exchanged while both are valid is taken over within its interval, and the provider never says no", async () => {
    const broker = await startWithAws(", refresh: {interval: 500ms, jitterPercent: 0}");
    valid = new Set(["key-one", "key-two"]);
    expect(await call(broker)).toBe(200);
    aws.put("prod/provider", '{"token":"key-two"}');
    const lastKey = () => call(broker).then(() => served.at(-1));
    await expect.poll(lastKey, { interval: 100 }).toBe("key-two");
    expect(rejected).toBe(0);
  });

  it("B18: an outage of the store is no outage of the broker, once the key is known", async () => {
    const broker = await startWithAws(", refresh: {interval: 100ms, jitterPercent: 0}");
    expect(await call(broker)).toBe(200);
    aws.mode = "500";
    const before = aws.counts.requests;
    const answers = await underLoad(broker, async () => {});
    expect(answers).toEqual({ 200: CALLS });
    const questions = () => call(broker).then(() => aws.counts.requests);
    await expect.poll(questions).toBeGreaterThan(before);
    expect(await call(broker)).toBe(200);
  });
});
