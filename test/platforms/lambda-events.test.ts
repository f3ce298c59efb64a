import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { compile, writeBundle } from "../../src/compiler.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, startFakeAwsSecretsManager } from "../fakes/aws-secrets-manager.ts";
import { startFakeAwsService } from "../fakes/aws-service.ts";
import { DYNAMODB_TABLE, startFakeDynamodb } from "../fakes/dynamodb.ts";
import { type EventReceiver, startEventReceiver } from "../fakes/event-receiver.ts";
import { type Invoked, type LambdaOptions, type LambdaProcess, startLambda } from "../fakes/lambda-runtime.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { answerWell, fail, type Provider, startProvider } from "../fakes/provider.ts";

const QUEUE = "arn:aws:sqs:eu-central-1:123456789012:calls";
const ACCOUNT = "123456789012";
/** Long enough for a new environment on a machine that is not altogether busy. */
const LEASE_MS = 3_000;
const PRINCIPALS = `principals: [{type: AWSSQS, name: "${QUEUE}*", namespace: team-a, serviceAccount: queue}, {type: AWSEventBridge, name: ${ACCOUNT}/my.app, namespace: team-a, serviceAccount: bus}]`;

let provider: Provider;
let receiver: EventReceiver;
const running: LambdaProcess[] = [];

beforeAll(async () => {
  [provider, receiver] = await Promise.all([startProvider(), startEventReceiver()]);
});
afterAll(async () => {
  await Promise.all([provider?.close(), receiver?.close()]);
});
beforeEach(() => {
  provider.behave(answerWell);
  provider.seen.length = 0;
  receiver.taken.length = 0;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((lambda) => lambda.stop()));
});

const manifests = () =>
  testManifests({ backends: [{ name: "one", port: provider.port, key: "key-one" }] }).replace("identity: {", `identity: {${PRINCIPALS}, `);

async function start(options: Partial<LambdaOptions> = {}): Promise<LambdaProcess> {
  const env = { K_SINK: receiver.url, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...options.env };
  const lambda = await startLambda({ manifests: manifests(), handler: "events", ...options, env });
  running.push(lambda);
  return lambda;
}

const call = (id: string, path = `/things/${id}`) => ({
  specversion: "1.0",
  id,
  source: "/test",
  type: "dev.spillway.egress.request.v1",
  datacontenttype: "application/json",
  data: { path },
});
const record = (messageId: string, body: unknown, queue = QUEUE, attributes: object = {}) => ({
  messageId,
  receiptHandle: "handle",
  body: typeof body === "string" ? body : JSON.stringify(body),
  attributes,
  messageAttributes: {},
  eventSource: "aws:sqs",
  eventSourceARN: queue,
  awsRegion: "eu-central-1",
});
const onBus = (source: string, detail: unknown, type = "call") => ({
  version: "0",
  id: crypto.randomUUID(),
  "detail-type": type,
  source,
  account: ACCOUNT,
  time: "2026-11-23T00:00:00Z",
  region: "eu-central-1",
  resources: [],
  detail,
});
const parsed = ({ body }: Invoked): unknown => JSON.parse(body.toString());
const failures = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });
const answersTaken = () => receiver.taken.filter((event) => event["type"] === "dev.spillway.egress.response.v1");
const pathsSeen = () => provider.seen.map((seen) => seen.url).sort();

describe("messages of SQS", () => {
  it("what is done is acknowledged, what is not is left to the queue, and its answer is published", async () => {
    const lambda = await start();
    provider.behave((seen, response, request) => (seen.url.endsWith("/b") ? fail(503)(seen, response, request) : answerWell(seen, response, request)));
    const batch = [record("1", call("a")), record("2", call("b")), record("3", "no event"), record("4", call("c"), "arn:aws:sqs:eu-central-1:1:others")];
    expect(parsed(await lambda.invoke({ Records: batch }))).toEqual(failures("2", "3", "4"));
    expect(answersTaken()).toHaveLength(1);
    expect(answersTaken()[0]).toMatchObject({ data: { status: 200 } });
    expect(pathsSeen()).toEqual(["/things/a", "/things/b"]);
    expect(provider.seen[0]?.headers.authorization).toBe("Bearer key-one");
    expect(lambda.stdout()).toContain("a message was left to its queue");
    // Delivered again: the one that is done is not called for twice.
    provider.behave(answerWell);
    expect(parsed(await lambda.invoke({ Records: batch.slice(0, 2) }))).toEqual(failures());
    expect(pathsSeen()).toEqual(["/things/a", "/things/b", "/things/b"]);
    expect(answersTaken()).toHaveLength(2);
  });

  it("of a FIFO queue keep their order: what follows a failure in its group waits", async () => {
    const lambda = await start();
    const fifo = `${QUEUE}.fifo`;
    provider.behave((seen, response, request) => (seen.url.endsWith("/a1") ? fail(503)(seen, response, request) : answerWell(seen, response, request)));
    const of = (group: string) => ({ MessageGroupId: group });
    const batch = [
      record("1", call("a1"), fifo, of("a")),
      record("2", call("b1"), fifo, of("b")),
      record("3", call("a2"), fifo, of("a")),
      record("4", call("b2"), fifo, of("b")),
    ];
    expect(parsed(await lambda.invoke({ Records: batch }))).toEqual(failures("1", "3"));
    expect(pathsSeen()).toEqual(["/things/a1", "/things/b1", "/things/b2"]);
  });

  it("are not begun when no time is left for them", async () => {
    const lambda = await start({ timeoutMs: 1_200 });
    expect(parsed(await lambda.invoke({ Records: [record("1", call("late"))] }))).toEqual(failures("1"));
    expect(provider.seen).toEqual([]);
  });
});

describe("events of EventBridge", () => {
  it("are calls where their detail is one; what is not done fails the invocation", async () => {
    const lambda = await start();
    expect(await lambda.invoke(onBus("my.app", call("by-bus")))).toMatchObject({ errorType: null });
    expect([pathsSeen(), answersTaken().length]).toEqual([["/things/by-bus"], 1]);
    expect(await lambda.invoke(onBus("other.app", call("unknown")))).toMatchObject({ errorType: "EventNotTaken" });
    expect(await lambda.invoke({ hello: "world" })).toMatchObject({ errorType: "EventNotTaken" });
    expect(pathsSeen()).toEqual(["/things/by-bus"]);
    expect(lambda.environments()).toBe(1);
  });

  it("of a rotation drop the secret: the next call has the new one", async () => {
    const store = await startFakeAwsSecretsManager("eu-central-1");
    try {
      store.put("provider-key", "old-key");
      const inAws = manifests().replace(/spec: \{file: \{path: [^}]*one\.key\}\}/, "spec: {awsSecretsManager: {secretId: provider-key, region: eu-central-1}}");
      const lambda = await start({ manifests: inAws, env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: store.url } });
      const ask = async () => {
        await lambda.invoke({ Records: [record("1", call(crypto.randomUUID()))] });
        return provider.seen.at(-1)?.headers.authorization;
      };
      expect(await ask()).toBe("Bearer old-key");
      store.put("provider-key", "new-key");
      expect(await ask()).toBe("Bearer old-key");
      const change = { eventName: "PutSecretValue", awsRegion: "eu-central-1", requestParameters: { secretId: "provider-key" } };
      // Only AWS itself may say so.
      expect(await lambda.invoke(onBus("my.app", { ...change }, "AWS API Call via CloudTrail"))).toMatchObject({ errorType: "EventNotTaken" });
      expect(await ask()).toBe("Bearer old-key");
      expect(await lambda.invoke(onBus("aws.secretsmanager", change, "AWS API Call via CloudTrail"))).toMatchObject({ errorType: null });
      expect(await ask()).toBe("Bearer new-key");
    } finally {
      await store.close();
    }
  });
});

describe("an environment that is ended in the middle of a call", () => {
  it("loses no message: nobody else calls while its lease runs, and then it is called once more and answered once", async () => {
    const tables = await startFakeDynamodb();
    try {
      const env = { SPILLWAY_STATE: `dynamodb:${DYNAMODB_TABLE}`, AWS_ENDPOINT_URL_DYNAMODB: tables.url, SPILLWAY_EVENT_LEASE: `${LEASE_MS / 1_000}` };
      const lambda = await start({ env });
      /** One that is killed, and comes again while its lease runs; where the machine was too slow for that, another one. */
      const killed = async (tries = 5): Promise<string> => {
        const id = `killed-${tries}`;
        const batch = { Records: [record("1", call(id))] };
        provider.behave(() => lambda.kill());
        const began = performance.now();
        expect(await lambda.invoke(batch)).toMatchObject({ errorType: "Runtime.ExitError" });
        provider.behave(answerWell);
        const again = parsed(await lambda.invoke(batch));
        if (performance.now() - began >= LEASE_MS && tries > 1) return killed(tries - 1);
        expect(again).toEqual(failures("1"));
        return id;
      };
      const id = await killed();
      const batch = { Records: [record("1", call(id))] };
      const calls = () => pathsSeen().filter((path) => path === `/things/${id}`).length;
      expect(calls()).toBe(1);
      await new Promise((settle) => setTimeout(settle, LEASE_MS + 100));
      const [answered, environments] = [answersTaken().length, lambda.environments()];
      expect(parsed(await lambda.invoke(batch))).toEqual(failures());
      // Another environment answers from the record.
      await lambda.kill();
      expect(parsed(await lambda.invoke(batch))).toEqual(failures());
      expect([calls(), answersTaken().length - answered, lambda.environments() - environments]).toEqual([2, 1, 1]);
    } finally {
      await tables.close();
    }
  });
});

describe("CloudEvents over HTTP", () => {
  it("come by a function URL that streams, and the answer goes back where it is wanted", async () => {
    const lambda = await start({ handler: "handler" });
    const send = (id: string, headers: Record<string, string>) =>
      fetch(`${lambda.url}/-/events`, {
        method: "POST",
        headers: { "content-type": "application/cloudevents+json", ...headers },
        body: JSON.stringify(call(id)),
      });
    const answer = await send("by-http", { authorization: `Bearer ${CALLER_TOKEN}`, prefer: "reply" });
    expect(await answer.json()).toMatchObject({ type: "dev.spillway.egress.response.v1", data: { status: 200 } });
    expect((await send("unproved", {})).status).toBe(401);
    expect(pathsSeen()).toEqual(["/things/by-http"]);
  });
});

describe("a bundle in S3", () => {
  it("is served, and read again when an event tells that it has changed", async () => {
    const s3 = await startFakeAwsService({ region: "eu-central-1", service: "s3" });
    try {
      let bundle = "";
      s3.script = [
        (request, response) => {
          const etag = `"${createHash("md5").update(bundle).digest("hex")}"`;
          if (request.headers["if-none-match"] === etag) response.writeHead(304, { etag }).end();
          else response.writeHead(200, { etag }).end(bundle);
        },
      ];
      const put = (key: string) => {
        const text = testManifests({ backends: [{ name: "one", port: provider.port, key }] }).replace("identity: {", `identity: {${PRINCIPALS}, `);
        bundle = writeBundle(compile([{ path: "m.yaml", text }], PLATFORMS.lambda), PLATFORMS.lambda);
      };
      put("first-key");
      const lambda = await start({ env: { SPILLWAY_BUNDLE: "s3://config/bundle.json", SPILLWAY_MANIFESTS: "", AWS_ENDPOINT_URL_S3: s3.url } });
      const ask = async () => {
        await lambda.invoke({ Records: [record("1", call(crypto.randomUUID()))] });
        return provider.seen.at(-1)?.headers.authorization;
      };
      expect(await ask()).toBe("Bearer first-key");
      put("second-key");
      expect(await ask()).toBe("Bearer first-key");
      const changed = onBus("aws.s3", { bucket: { name: "config" }, object: { key: "bundle.json" } }, "Object Created");
      expect(await lambda.invoke(changed)).toMatchObject({ errorType: null });
      expect(await ask()).toBe("Bearer second-key");
    } finally {
      await s3.close();
    }
  });
});
