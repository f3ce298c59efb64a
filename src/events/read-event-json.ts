import { asObject, asString, type JsonObject } from "../lib/json-value.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import { EventFault } from "./event-fault.ts";
import { bytesOfBase64, dataOfBytes, readStructured } from "./read-cloud-event.ts";

/**
 * An event in any JSON form that platforms deliver: a structured CloudEvent, an Amazon EventBridge event (whose `detail` may be a
 * CloudEvent itself), or a Google Pub/Sub push message. Throws `EventFault`.
 */
export function readEventJson(value: unknown): CloudEvent {
  const object = asObject(value);
  if (object === null) throw new EventFault("an event is a JSON object");
  if ("specversion" in object) return readStructured(object);
  if ("detail-type" in object) return readEventBridge(object);
  if ("message" in object && "subscription" in object) return readPubSub(object);
  throw new EventFault("this is neither a CloudEvent (specversion), nor an EventBridge event (detail-type), nor a Pub/Sub message (message, subscription)");
}

/** EventBridge: `source` and `detail-type` are what its rules match on, and become source and type. */
function readEventBridge(object: JsonObject): CloudEvent {
  const detail = asObject(object["detail"]);
  if (detail !== null && "specversion" in detail) return readStructured(detail);
  return readStructured({
    specversion: "1.0",
    id: object["id"],
    // Sources of EventBridge are names such as `aws.secretsmanager`, which are URI references too.
    source: object["source"],
    type: object["detail-type"],
    time: object["time"],
    awsaccount: object["account"],
    awsregion: object["region"],
    data: object["detail"],
  });
}

/** Pub/Sub push (and Eventarc, whose events carry the same message as data). */
function readPubSub(object: JsonObject): CloudEvent {
  const message = asObject(object["message"]);
  const subscription = asString(object["subscription"]);
  const data = message === null ? null : asString(message["data"]);
  const inner = data === null ? null : bytesOfBase64(data);
  if (inner !== null && asObject(message?.["attributes"])?.["content-type"] === "application/cloudevents+json") {
    const whole = dataOfBytes(inner, "application/json");
    if (whole.kind === "json") return readStructured(whole.value);
  }
  return readStructured({
    specversion: "1.0",
    id: message?.["messageId"] ?? message?.["message_id"],
    source: `//pubsub.googleapis.com/${subscription ?? ""}`,
    type: "google.cloud.pubsub.topic.v1.messagePublished",
    time: message?.["publishTime"] ?? message?.["publish_time"],
    data: { message, subscription },
  });
}
