import { describe, expect, it } from "vitest";
import { readEventJson } from "../../../src/events/read-event-json.ts";
import { readNotice } from "../../../src/events/read-notice.ts";

const ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/provider-a1B2c3";

/** An event of Secrets Manager as EventBridge hands over what CloudTrail recorded. */
const cloudTrail = (eventName: string, detail: object, type = "AWS API Call via CloudTrail") => ({
  version: "0",
  id: "7bf73129-1428-4cd3-a780-95db273d1602",
  "detail-type": type,
  source: "aws.secretsmanager",
  account: "123456789012",
  time: "2026-11-23T01:00:00Z",
  region: "eu-central-1",
  resources: [],
  detail: {
    eventVersion: "1.10",
    userIdentity: { type: "AssumedRole", arn: "arn:aws:sts::123456789012:assumed-role/deploy/ci", accountId: "123456789012" },
    eventTime: "2026-11-23T00:59:58Z",
    eventSource: "secretsmanager.amazonaws.com",
    eventName,
    awsRegion: "eu-central-1",
    sourceIPAddress: "203.0.113.7",
    ...detail,
  },
});
const parametersOf = (secretId: string) => ({ requestParameters: { secretId, clientRequestToken: "b1" }, responseElements: { arn: ARN } });
const notice = (event: object) => readNotice(readEventJson(event));

describe("AWS Secrets Manager by EventBridge", () => {
  const rotated = (secretId: string) => ({ kind: "rotation", rotation: { provider: "awsSecretsManager", secretId, region: "eu-central-1" } });

  it.each([
    ["a value that is put, by name", cloudTrail("PutSecretValue", parametersOf("prod/provider")), "prod/provider"],
    ["a value that is put, by ARN", cloudTrail("PutSecretValue", parametersOf(ARN)), ARN],
    [
      "an update, of which the ARN comes back",
      cloudTrail("UpdateSecret", { requestParameters: null, responseElements: { arn: ARN, name: "prod/provider" } }),
      ARN,
    ],
    [
      "a stage that is moved",
      cloudTrail("UpdateSecretVersionStage", {
        requestParameters: { secretId: ARN, versionStage: "AWSCURRENT", moveToVersionId: "new", removeFromVersionId: "old" },
        responseElements: null,
      }),
      ARN,
    ],
    [
      "a rotation that the service has ended",
      cloudTrail(
        "RotationSucceeded",
        {
          userIdentity: { accountId: "123456789012", invokedBy: "secretsmanager.amazonaws.com" },
          additionalEventData: { SecretId: ARN },
          eventType: "AwsServiceEvent",
        },
        "AWS Service Event via CloudTrail",
      ),
      ARN,
    ],
    ["a secret that is restored", cloudTrail("RestoreSecret", parametersOf("prod/provider")), "prod/provider"],
  ])("%s", (_, event, secretId) => {
    expect(notice(event)).toEqual(rotated(secretId));
  });

  it.each([
    ["a value that is read", cloudTrail("GetSecretValue", parametersOf(ARN))],
    ["a rotation that begins", cloudTrail("RotationStarted", { additionalEventData: { SecretId: ARN } }, "AWS Service Event via CloudTrail")],
    ["a rotation that failed", cloudTrail("RotationFailed", { additionalEventData: { SecretId: ARN } }, "AWS Service Event via CloudTrail")],
    ["a change of nobody knows what", cloudTrail("PutSecretValue", { requestParameters: null })],
    ["an event without detail", { ...cloudTrail("PutSecretValue", {}), detail: null }],
  ])("nothing follows from %s", (_, event) => {
    expect(notice(event)).toEqual({ kind: "irrelevant" });
  });

  it("takes the region of the bus where the record says none", () => {
    expect(notice(cloudTrail("PutSecretValue", { awsRegion: undefined, ...parametersOf("x") }))).toMatchObject({ rotation: { region: "eu-central-1" } });
  });

  it("S3 tells that an object is there: the bundle may be it", () => {
    const s3 = (type: string) => ({
      ...cloudTrail("", {}),
      source: "aws.s3",
      "detail-type": type,
      detail: { bucket: { name: "b" }, object: { key: "bundle.json" } },
    });
    expect(notice(s3("Object Created"))).toEqual({ kind: "configuration" });
    expect(notice(s3("Object Deleted"))).toEqual({ kind: "irrelevant" });
  });
});

describe("Google Secret Manager", () => {
  const message = (attributes: object) => ({
    attributes: {
      eventType: "SECRET_VERSION_ADD",
      secretId: "projects/424242/secrets/provider",
      versionId: "projects/424242/secrets/provider/versions/5",
      ...attributes,
    },
    data: Buffer.from('{"name":"projects/424242/secrets/provider/versions/5"}').toString("base64"),
    messageId: "1",
    publishTime: "2026-11-23T01:00:00Z",
  });
  const subscription = "projects/shop/subscriptions/rotations";
  const rotated = { kind: "rotation", rotation: { provider: "googleSecretManager", name: "projects/424242/secrets/provider" } };
  const eventarc = (attributes: object) => ({
    specversion: "1.0",
    id: "1",
    source: "//pubsub.googleapis.com/projects/shop/topics/secrets",
    type: "google.cloud.pubsub.topic.v1.messagePublished",
    datacontenttype: "application/json",
    time: "2026-11-23T01:00:00Z",
    data: { message: message(attributes), subscription },
  });

  it("by Pub/Sub push, and wrapped by Eventarc", () => {
    expect(notice({ message: message({}), subscription })).toEqual(rotated);
    expect(notice(eventarc({}))).toEqual(rotated);
    expect(notice(eventarc({ eventType: "SECRET_VERSION_DISABLE" }))).toEqual(rotated);
  });

  it.each(["TOPIC_CONFIGURED", "SECRET_CREATE", "SECRET_ROTATE", undefined])("nothing follows from %s", (eventType) => {
    expect(notice(eventarc({ eventType }))).toEqual({ kind: "irrelevant" });
  });

  it("nor from any other message", () => {
    expect(notice({ message: { data: "", messageId: "1", publishTime: "2026-11-23T01:00:00Z" }, subscription })).toEqual({ kind: "irrelevant" });
  });
});

describe("Kubernetes by ApiServerSource", () => {
  const event = (mode: "resource" | "ref", change: string, data: object) => ({
    specversion: "1.0",
    id: "1",
    source: "https://10.96.0.1:443",
    type: `dev.knative.apiserver.${mode}.${change}`,
    subject: "/apis/v1/namespaces/team-a/secrets/key",
    data,
  });
  const whole = (apiVersion: string, kind: string) => ({
    apiVersion,
    kind,
    metadata: { namespace: "team-a", name: "key", resourceVersion: "7" },
    data: { token: "c2VjcmV0" },
  });
  const reference = (apiVersion: string, kind: string) => ({ apiVersion, kind, namespace: "team-a", name: "key" });

  it.each(["add", "update", "delete"])("a Secret (%s), whole or by reference", (change) => {
    const rotated = { kind: "rotation", rotation: { provider: "kubernetesSecret", namespace: "team-a", name: "key" } };
    expect(notice(event("resource", change, whole("v1", "Secret")))).toEqual(rotated);
    expect(notice(event("ref", change, reference("v1", "Secret")))).toEqual(rotated);
  });

  it.each([
    ["gateway.networking.k8s.io/v1", "HTTPRoute"],
    ["gateway.networking.x-k8s.io/v1alpha1", "XBackend"],
    ["spillway.dev/v1alpha1", "BackendCredentialPolicy"],
    ["v1", "ConfigMap"],
    ["v1", "Namespace"],
  ])("%s %s is configuration", (apiVersion, kind) => {
    expect(notice(event("resource", "update", whole(apiVersion, kind)))).toEqual({ kind: "configuration" });
    expect(notice(event("ref", "update", reference(apiVersion, kind)))).toEqual({ kind: "configuration" });
  });

  it.each([
    ["v1", "Pod"],
    ["apps/v1", "Deployment"],
    ["spillway.dev.example/v1", "Thing"],
    ["example.com/v1", "Secret"],
  ])("nothing follows from %s %s", (apiVersion, kind) => {
    expect(notice(event("resource", "update", whole(apiVersion, kind)))).toEqual({ kind: "irrelevant" });
  });
});

describe("our own", () => {
  const own = (type: string, data?: unknown) => ({ specversion: "1.0", id: "1", source: "/ci", type, ...(data === undefined ? {} : { data }) });

  it("says which secret was rotated, or that the configuration has changed", () => {
    const rotation = { provider: "awsSecretsManager", secretId: "x", region: null };
    expect(notice(own("dev.spillway.secret.rotated.v1", { ...rotation, value: "never read" }))).toEqual({ kind: "rotation", rotation });
    expect(notice(own("dev.spillway.config.changed.v1"))).toEqual({ kind: "configuration" });
  });

  it("says nothing with data that is no notice", () => {
    for (const data of [null, [], "x", {}, { provider: "vault" }, JSON.parse('{"__proto__":{"provider":"awsSecretsManager","secretId":"x"}}')]) {
      expect(notice(own("dev.spillway.secret.rotated.v1", data))).toEqual({ kind: "irrelevant" });
    }
  });

  it("a call is no notice", () => {
    expect(notice(own("dev.spillway.egress.request.v1", {}))).toBeNull();
  });
});
