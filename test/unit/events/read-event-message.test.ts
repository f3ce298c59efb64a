import { describe, expect, it } from "vitest";
import { EventFault } from "../../../src/events/event-fault.ts";
import { readEventMessage } from "../../../src/events/read-event-message.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const json = (value: unknown) => bytes(JSON.stringify(value));
const CORE = ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/jobs", "ce-type", "com.example.t"] as const;
const STRUCTURED = { specversion: "1.0", id: "1", source: "/jobs", type: "com.example.t" } as const;
const binary = (headers: readonly string[], body: Uint8Array = new Uint8Array()) => {
  const [event] = readEventMessage([...CORE, ...headers], body).events;
  if (event === undefined) throw new Error("no event");
  return event;
};
const structured = (value: unknown) => {
  const [event] = readEventMessage(["Content-Type", "application/cloudevents+json; charset=UTF-8"], json(value)).events;
  if (event === undefined) throw new Error("no event");
  return event;
};

/** The status with which it is refused, and why. */
function fault(read: () => unknown): readonly [number, string] {
  try {
    read();
  } catch (error) {
    if (error instanceof EventFault) return [error.status, error.message];
    throw error;
  }
  throw new Error("it was taken");
}

describe("binary mode", () => {
  it("attributes stand in headers, whatever their case; the rest are extensions; the body is the data", () => {
    const event = binary(
      ["Ce-Subject", "a", "CE-Time", "2026-11-23T01:00:00Z", "ce-dataschema", "/s", "ce-traceparent", "00-1", "Content-Type", "application/json"],
      json({ a: 1 }),
    );
    expect(event).toEqual({
      id: "1",
      source: "/jobs",
      type: "com.example.t",
      subject: "a",
      time: "2026-11-23T01:00:00Z",
      dataSchema: "/s",
      dataContentType: "application/json",
      extensions: { traceparent: "00-1" },
      data: { kind: "json", value: { a: 1 } },
    });
  });

  it.each([
    ["percent-encoded UTF-8", "Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"],
    ["a bare percent sign", "100%", "100%"],
    ["what is no UTF-8", "%ff%fe", "%ff%fe"],
    ["quotes around it", '"a b"', "a b"],
    ["escapes in the quotes", '"say \\"hi\\""', 'say "hi"'],
    ["one quote alone", '"', '"'],
  ])("a value with %s", (_, value, read) => {
    expect(binary(["ce-subject", value]).subject).toBe(read);
  });

  it.each([
    ["text/plain; charset=utf-8", "hällo", { kind: "text", text: "hällo" }],
    ["application/vnd.example+json", "[1]", { kind: "json", value: [1] }],
    ["application/xml", "<a/>", { kind: "text", text: "<a/>" }],
    ["image/png", "\u0001", { kind: "bytes", bytes: bytes("\u0001") }],
    [null, "{}", { kind: "json", value: {} }],
    ["application/json", "", { kind: "none" }],
  ])("data of %s", (type, body, data) => {
    expect(binary(type === null ? [] : ["content-type", type], bytes(body)).data).toEqual(data);
  });

  it.each([
    ["an attribute that stands twice", [...CORE, "CE-Id", "2"], /ce-id stands twice/],
    ["no id", ["ce-specversion", "1.0", "ce-source", "/j", "ce-type", "t"], /attribute id/],
    ["no source", ["ce-specversion", "1.0", "ce-id", "1", "ce-type", "t"], /attribute source/],
    ["no type", ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/j"], /attribute type/],
    ["another version", ["ce-specversion", "0.3", "ce-id", "1", "ce-source", "/j", "ce-type", "t"], /specversion/],
    ["an empty subject", [...CORE, "ce-subject", ""], /subject/],
    ["a line break, percent-encoded", [...CORE, "ce-subject", "a%0d%0aX: y"], /subject/],
    ["a source that is no URI reference", ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "a%20b", "ce-type", "t"], /source/],
    ["an extension with a dash", [...CORE, "ce-my-name", "x"], /extension/],
    ["a name of the language", [...CORE, "ce-__proto__", "x"], /extension/],
    ["a huge value", [...CORE, "ce-big", "x".repeat(2_049)], /big/],
    ["too many extensions", [...CORE, ...Array.from({ length: 65 }, (_, at) => [`ce-x${at}`, "1"]).flat()], /too many/],
  ])("refuses %s", (_, headers, message) => {
    const [status, why] = fault(() => readEventMessage(headers, new Uint8Array()));
    expect([status, why]).toEqual([400, expect.stringMatching(message)]);
  });

  it.each([
    ["JSON that is none", "application/json", bytes("{")],
    ["JSON that is no UTF-8", "application/json", new Uint8Array([0x22, 0xff, 0x22])],
    ["text that is no UTF-8", "text/plain", new Uint8Array([0xc3, 0x28])],
  ])("refuses %s", (_, type, body) => {
    expect(fault(() => readEventMessage([...CORE, "content-type", type], body))[0]).toBe(400);
  });
});

describe("structured mode", () => {
  it("is one JSON object", () => {
    const event = structured({ ...STRUCTURED, subject: "s", sequence: 7, sampled: true, datacontenttype: "application/json", data: { a: null } });
    expect(event).toMatchObject({ subject: "s", extensions: { sequence: "7", sampled: "true" }, data: { kind: "json", value: { a: null } } });
  });

  it.each([
    ["no data", {}, { kind: "none" }],
    ["null", { data: null }, { kind: "json", value: null }],
    ["text", { datacontenttype: "text/plain", data: "x" }, { kind: "text", text: "x" }],
    ["base64", { datacontenttype: "image/png", data_base64: "AAE=" }, { kind: "bytes", bytes: new Uint8Array([0, 1]) }],
    ["base64 that is JSON", { datacontenttype: "application/json", data_base64: btoa('{"a":1}') }, { kind: "json", value: { a: 1 } }],
    ["a string that is JSON itself", { data: "x" }, { kind: "json", value: "x" }],
  ])("data: %s", (_, more, data) => {
    expect(structured({ ...STRUCTURED, ...more }).data).toEqual(data);
  });

  it.each([
    ["data twice", { data: 1, data_base64: "AA==" }, /together/],
    ["what is no base64", { data_base64: "***" }, /base64/],
    ["an id that is no text", { id: 5 }, /id/],
    ["an extension that is an object", { nested: {} }, /nested/],
    ["a lone surrogate", { subject: "\ud800" }, /subject/],
    ["a lone surrogate in an extension", { odd: "a\udfff" }, /odd/],
    ["a huge id", { id: "x".repeat(3_000) }, /id/],
    ["data that is nested too deep", { data: nested(300) }, /levels/],
  ])("refuses %s", (_, more, message) => {
    expect(fault(() => structured({ ...STRUCTURED, ...more }))).toEqual([400, expect.stringMatching(message)]);
  });

  it("refuses a member __proto__, and takes nothing from it", () => {
    const text = '{"specversion":"1.0","source":"/j","type":"t","__proto__":{"id":"1"}}';
    expect(fault(() => readEventMessage(["content-type", "application/cloudevents+json"], bytes(text)))[0]).toBe(400);
    const inside = '{"specversion":"1.0","id":"1","source":"/j","type":"t","data":{"__proto__":{"polluted":true}}}';
    readEventMessage(["content-type", "application/cloudevents+json"], bytes(inside));
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  it.each(["[]", "null", '"x"', "5", "{}", "", "{", "[[["])("refuses %s", (text) => {
    expect(fault(() => readEventMessage(["content-type", "application/cloudevents+json"], bytes(text)))[0]).toBe(400);
  });

  it("refuses what stands beyond any stack", () => {
    const text = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(fault(() => readEventMessage(["content-type", "application/cloudevents+json"], bytes(text)))[0]).toBe(400);
  });
});

describe("batched mode", () => {
  const batch = (list: unknown) => readEventMessage(["content-type", "application/cloudevents-batch+json"], json(list));

  it("is a JSON array, and says that it was one even of a single event", () => {
    expect(batch([STRUCTURED, { ...STRUCTURED, id: "2" }]).events.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(batch([STRUCTURED]).batched).toBe(true);
    expect(batch([]).events).toEqual([]);
  });

  it("is refused as a whole when one of it cannot be read, when it is too long, or no array", () => {
    expect(fault(() => batch([STRUCTURED, {}]))[0]).toBe(400);
    expect(fault(() => batch(Array.from({ length: 101 }, () => STRUCTURED)))[0]).toBe(413);
    expect(fault(() => batch(STRUCTURED))[0]).toBe(400);
  });
});

describe("other forms", () => {
  const PLAIN = ["content-type", "application/json"] as const;
  const bus = { version: "0", id: "e1", "detail-type": "Order", source: "shop", account: "123456789012", region: "eu-central-1", time: "2026-11-23T01:00:00Z" };

  it("an event of EventBridge", () => {
    expect(readEventMessage(PLAIN, json({ ...bus, detail: { a: 1 } })).events[0]).toMatchObject({
      id: "e1",
      source: "shop",
      type: "Order",
      extensions: { awsaccount: "123456789012", awsregion: "eu-central-1" },
      data: { kind: "json", value: { a: 1 } },
    });
  });

  it("an event of EventBridge whose detail is a CloudEvent itself", () => {
    expect(readEventMessage(PLAIN, json({ ...bus, detail: { ...STRUCTURED, data: 5 } })).events[0]).toMatchObject({
      id: "1",
      source: "/jobs",
      data: { value: 5 },
    });
  });

  it("a push of Pub/Sub, and one that holds a CloudEvent", () => {
    const push = (message: object) => readEventMessage(PLAIN, json({ message, subscription: "projects/p/subscriptions/s" })).events[0];
    expect(push({ data: "eA==", messageId: "7", publishTime: "2026-11-23T01:00:00Z", attributes: { a: "b" } })).toMatchObject({
      id: "7",
      source: "//pubsub.googleapis.com/projects/p/subscriptions/s",
      type: "google.cloud.pubsub.topic.v1.messagePublished",
    });
    const inner = { data: btoa(JSON.stringify(STRUCTURED)), messageId: "7", attributes: { "content-type": "application/cloudevents+json" } };
    expect(push(inner)).toMatchObject({ id: "1", source: "/jobs" });
  });

  it.each([
    ["XML", ["content-type", "application/cloudevents+xml"]],
    ["Avro", ["content-type", "application/cloudevents+avro"]],
    ["a form", ["content-type", "application/x-www-form-urlencoded"]],
    ["nothing said", []],
  ])("415 for %s", (_, headers) => {
    expect(fault(() => readEventMessage(headers, bytes("{}")))[0]).toBe(415);
  });

  it("400 for JSON that is none of them", () => {
    expect(fault(() => readEventMessage(PLAIN, bytes('{"hello":1}')))[0]).toBe(400);
  });
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}
