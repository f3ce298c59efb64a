import { asObject, asString } from "../lib/json-value.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import { type RotationNotice, readRotationNotice } from "../model/rotation.ts";

/** What an event says about the broker's surroundings. `irrelevant`: it came from one of them, and nothing follows from it. */
export type Notice = { readonly kind: "rotation"; readonly rotation: RotationNotice } | { readonly kind: "configuration" } | { readonly kind: "irrelevant" };

/** CloudTrail names of the calls after which a version stage points elsewhere, and of a rotation's end. */
const AWS_CHANGES: ReadonlySet<string> = new Set([
  "PutSecretValue",
  "UpdateSecret",
  "UpdateSecretVersionStage",
  "RotationSucceeded",
  "DeleteSecret",
  "RestoreSecret",
]);
/** Secret Manager's `eventType` attribute, where the value that `latest` gives may have changed. */
const GOOGLE_CHANGES: ReadonlySet<string> = new Set([
  "SECRET_VERSION_ADD",
  "SECRET_VERSION_ENABLE",
  "SECRET_VERSION_DISABLE",
  "SECRET_VERSION_DESTROY",
  "SECRET_UPDATE",
  "SECRET_DELETE",
]);
/** Kinds of Kubernetes objects whose change is a change of configuration. */
const CONFIGURATION_GROUPS = /^(?:spillway\.dev|(?:gateway|agentic)\.networking\.(?:x-)?k8s\.io)\//;
const CORE_KINDS: ReadonlySet<string> = new Set(["Namespace", "Service", "ConfigMap"]);

/** Own type, for whoever has no cloud to say it: the manifests or the bundle have changed. */
export const CONFIG_CHANGED_TYPE = "dev.spillway.config.changed.v1";
/** Own type; data is a RotationNotice. */
export const SECRET_ROTATED_TYPE = "dev.spillway.secret.rotated.v1";

/** Reads events of AWS (EventBridge: CloudTrail of Secrets Manager, S3), Google (Secret Manager by Pub/Sub or Eventarc) and Knative (ApiServerSource), and our own. Null: none of these. */
export function readNotice(event: CloudEvent): Notice | null {
  const data = event.data.kind === "json" ? asObject(event.data.value) : null;
  if (event.type === CONFIG_CHANGED_TYPE) return { kind: "configuration" };
  if (event.type === SECRET_ROTATED_TYPE) return rotation(readRotationNotice(data));
  if (event.source === "aws.secretsmanager") return rotation(awsRotation(data, event.extensions["awsregion"] ?? null));
  if (event.source === "aws.s3") return /^Object (?:Created|Restore Completed)$/.test(event.type) ? { kind: "configuration" } : { kind: "irrelevant" };
  if (event.type === "google.cloud.pubsub.topic.v1.messagePublished") return rotation(googleRotation(asObject(asObject(data?.["message"])?.["attributes"])));
  if (event.type.startsWith("dev.knative.apiserver.resource.") || event.type.startsWith("dev.knative.apiserver.ref.")) return kubernetesNotice(data);
  return null;
}

function rotation(found: RotationNotice | null): Notice {
  return found === null ? { kind: "irrelevant" } : { kind: "rotation", rotation: found };
}

type Data = ReturnType<typeof asObject>;

function awsRotation(detail: Data, region: string | null): RotationNotice | null {
  if (!AWS_CHANGES.has(asString(detail?.["eventName"]) ?? "")) return null;
  // API calls name it in their parameters as they were given; events of the service itself carry the ARN beside them.
  const parameters = asObject(detail?.["requestParameters"]);
  const additional = asObject(detail?.["additionalEventData"]);
  const secretId = asString(parameters?.["secretId"]) ?? asString(additional?.["SecretId"]) ?? asString(asObject(detail?.["responseElements"])?.["arn"]);
  return secretId === null ? null : { provider: "awsSecretsManager", secretId, region: asString(detail?.["awsRegion"]) ?? region };
}

function googleRotation(attributes: Data): RotationNotice | null {
  const name = asString(attributes?.["secretId"]);
  return name === null || !GOOGLE_CHANGES.has(asString(attributes?.["eventType"]) ?? "") ? null : { provider: "googleSecretManager", name };
}

/** `resource` mode carries the object, `ref` mode (`mode: Reference`) an ObjectReference. */
function kubernetesNotice(data: Data): Notice {
  const metadata = asObject(data?.["metadata"]);
  const kind = asString(data?.["kind"]) ?? "";
  const apiVersion = asString(data?.["apiVersion"]) ?? "";
  const name = asString(metadata?.["name"]) ?? asString(data?.["name"]);
  const namespace = asString(metadata?.["namespace"]) ?? asString(data?.["namespace"]);
  if (kind === "Secret" && apiVersion === "v1" && name !== null && namespace !== null) return rotation({ provider: "kubernetesSecret", namespace, name });
  return CONFIGURATION_GROUPS.test(apiVersion) || (apiVersion === "v1" && CORE_KINDS.has(kind)) ? { kind: "configuration" } : { kind: "irrelevant" };
}
