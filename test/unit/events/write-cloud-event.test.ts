import fc from "fast-check";
import { expect, it } from "vitest";
import { EventFault } from "../../../src/events/event-fault.ts";
import { readStructured } from "../../../src/events/read-cloud-event.ts";
import { readEventMessage } from "../../../src/events/read-event-message.ts";
import { structuredCloudEvent } from "../../../src/events/write-cloud-event.ts";
import { writeEgressResponse } from "../../../src/events/write-egress-response.ts";
import type { CloudEvent } from "../../../src/model/cloud-event.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: attributes hold none of these
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((one) => !/[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(one));
const core = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"];
const extension = fc.stringMatching(/^[a-z0-9]{1,20}$/).filter((name) => !core.includes(name));
const payload: fc.Arbitrary<Pick<CloudEvent, "dataContentType" | "data">> = fc.oneof(
  fc.constant({ dataContentType: null, data: { kind: "none" } } as const),
  fc.jsonValue({ maxDepth: 5 }).map((value) => ({ dataContentType: "application/json", data: { kind: "json", value } }) as const),
  fc.jsonValue({ maxDepth: 5 }).map((value) => ({ dataContentType: null, data: { kind: "json", value } }) as const),
  fc.string({ unit: "grapheme", minLength: 1 }).map((one) => ({ dataContentType: "text/plain", data: { kind: "text", text: one } }) as const),
  fc.uint8Array({ minLength: 1 }).map((bytes) => ({ dataContentType: "application/octet-stream", data: { kind: "bytes", bytes } }) as const),
);
const cloudEvent: fc.Arbitrary<CloudEvent> = fc
  .record({
    id: text,
    source: fc.webUrl(),
    type: text,
    subject: fc.option(text),
    time: fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString())),
    dataSchema: fc.option(fc.webUrl()),
    extensions: fc.dictionary(extension, text, { maxKeys: 5, noNullPrototype: true }),
  })
  .chain((attributes) => payload.map((data) => ({ ...attributes, ...data })));

it("what is written is read as the same event", () => {
  fc.assert(
    fc.property(cloudEvent, (event) => {
      expect(readStructured(JSON.parse(JSON.stringify(structuredCloudEvent(event))))).toEqual(normal(event));
    }),
  );
});

it("an event in binary mode is the event in structured mode", () => {
  fc.assert(
    fc.property(cloudEvent, (event) => {
      if (event.dataContentType === null && event.data.kind !== "none") return;
      const { data, data_base64: base64, datacontenttype: type, ...attributes } = structuredCloudEvent(event);
      const headers = Object.entries(attributes).flatMap(([name, value]) => [`ce-${name}`, encodeURIComponent(String(value))]);
      if (typeof type === "string") headers.push("content-type", type);
      const body = base64 === undefined ? new TextEncoder().encode(event.data.kind === "text" ? event.data.text : JSON.stringify(data)) : bytesOf(event);
      const [read] = readEventMessage(headers, event.data.kind === "none" ? new Uint8Array() : body).events;
      expect(read).toEqual(normal(event));
    }),
  );
});

it("whatever comes, it is an event or an EventFault", () => {
  const anything = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc
      .record({ specversion: fc.constantFrom("1.0", "0.3", 1), id: fc.jsonValue(), source: fc.jsonValue(), type: fc.jsonValue(), data_base64: fc.jsonValue() })
      .map((one) => JSON.stringify(one)),
    fc.string(),
  );
  const types = fc.constantFrom("application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "text/plain", "");
  fc.assert(
    fc.property(anything, types, fc.array(fc.string()), (body, type, headers) => {
      try {
        readEventMessage(["content-type", type, ...headers.flatMap((one) => [`ce-${one}`, one])], new TextEncoder().encode(body));
      } catch (error) {
        expect(error).toBeInstanceOf(EventFault);
      }
    }),
  );
});

it("an answer that is nested beyond any stack is told as text, and can be read again", () => {
  const body = new TextEncoder().encode(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);
  const request = readStructured({ specversion: "1.0", id: "1", source: "/j", type: "t" });
  const answer = { status: 200, headers: ["content-type", "application/json"], body, bytes: body.length };
  const event = writeEgressResponse(request, answer, { id: "a", source: "/spillway", time: 0, maxEventBytes: 256 * 1024 });
  const read = readStructured(JSON.parse(JSON.stringify(structuredCloudEvent(event))));
  expect(read.data).toMatchObject({ value: { body: { text: expect.stringMatching(/^\[\[/) } } });
});

it("an answer at the edge of what is told as JSON can be read again from the ledger", () => {
  const body = new TextEncoder().encode(`${"[".repeat(200)}${"]".repeat(200)}`);
  const request = readStructured({ specversion: "1.0", id: "1", source: "/j", type: "t" });
  const answer = { status: 200, headers: ["content-type", "application/json"], body, bytes: body.length };
  const event = writeEgressResponse(request, answer, { id: "a", source: "/spillway", time: 0, maxEventBytes: 256 * 1024 });
  expect(event.data).toMatchObject({ value: { body: { json: expect.anything() } } });
  expect(readStructured(JSON.parse(JSON.stringify(structuredCloudEvent(event))))).toEqual(event);
});

function bytesOf(event: CloudEvent): Uint8Array {
  return event.data.kind === "bytes" ? event.data.bytes : new Uint8Array();
}

/** JSON knows no minus zero. */
function normal(event: CloudEvent): CloudEvent {
  return event.data.kind === "json" ? { ...event, data: { kind: "json", value: JSON.parse(JSON.stringify(event.data.value)) } } : event;
}
