import { describe, expect, it } from "vitest";
import { BufferedResponder } from "../../../adapters/lambda/buffered-responder.ts";
import type { FrontDoor } from "../../../adapters/lambda/http-event.ts";

const HEADERS = ["Content-Type", "text/plain", "Set-Cookie", "a=1", "set-cookie", "b=2", "x-a", "1", "X-A", "2", "Content-Length", "2", "connection", "close"];

function answerOf(door: FrontDoor, headers: readonly string[] = HEADERS, body: Uint8Array = Buffer.from("ok")) {
  const responder = new BufferedResponder(door, "GET");
  responder.reply(200, headers, body);
  return responder.answer();
}

describe("an answer in one piece", () => {
  it("has the shape of each front door: repeated headers, cookies, no framing", () => {
    expect(answerOf("v2")).toEqual({
      statusCode: 200,
      headers: { "content-type": "text/plain", "x-a": "1, 2" },
      cookies: ["a=1", "b=2"],
      body: "ok",
      isBase64Encoded: false,
    });
    const multiValueHeaders = { "content-type": ["text/plain"], "set-cookie": ["a=1", "b=2"], "x-a": ["1", "2"] };
    expect(answerOf("v1")).toEqual({ statusCode: 200, multiValueHeaders, body: "ok", isBase64Encoded: false });
    expect(answerOf("alb-multi")).toEqual({ statusCode: 200, statusDescription: "200 OK", multiValueHeaders, body: "ok", isBase64Encoded: false });
    expect(answerOf("alb")).toMatchObject({ statusDescription: "200 OK", headers: { "content-type": "text/plain", "set-cookie": "a=1", "x-a": "1, 2" } });
  });

  it("is text only where it is certainly text", () => {
    const utf8 = Buffer.from("\ufeffü");
    expect(answerOf("v2", ["content-type", "application/problem+json"], utf8)).toMatchObject({ body: "\ufeffü", isBase64Encoded: false });
    for (const headers of [["content-type", "image/png"], [], ["content-type", "text/plain", "content-encoding", "gzip"]])
      expect(answerOf("v2", headers, utf8)).toMatchObject({ body: utf8.toString("base64"), isBase64Encoded: true });
    const latin1 = Buffer.from([0xfc]);
    expect(answerOf("v2", ["content-type", "text/plain; charset=iso-8859-1"], latin1)).toMatchObject({ body: "/A==", isBase64Encoded: true });
    // A view into a larger buffer is not that buffer.
    expect(answerOf("v2", [], Buffer.from("xokx").subarray(1, 3))).toMatchObject({ body: Buffer.from("ok").toString("base64") });
  });

  it("is said once, and there is one whatever happened", () => {
    const responder = new BufferedResponder("v2", "GET");
    expect([responder.started, responder.answer().statusCode]).toEqual([false, 499]);
    responder.reply(200, [], null);
    responder.reply(500, [], null);
    expect([responder.started, responder.answer().statusCode]).toEqual([true, 200]);
    const head = new BufferedResponder("alb", "HEAD");
    head.reply(200, ["content-type", "text/plain"], Buffer.from("hidden"));
    expect(head.answer()).toMatchObject({ statusCode: 200, body: "" });
  });

  it("refuses what is not HTTP", () => {
    const responder = new BufferedResponder("v2", "GET");
    expect(() => responder.reply(200, ["x-a", "one\r\nx-b: two"], null)).toThrow();
    expect(() => responder.reply(99, [], null)).toThrow();
    expect(responder.started).toBe(false);
  });
});
