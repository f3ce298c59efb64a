import { describe, expect, it } from "vitest";
import { answerKind } from "../../../src/stream/answer-kind.ts";

describe("answerKind", () => {
  it.each([
    [["Content-Type", "text/event-stream; charset=utf-8"], { eventStream: true, contentEncoding: null, json: false }],
    [["content-type", "Application/JSON"], { eventStream: false, contentEncoding: null, json: true }],
    [["content-type", "application/problem+json;x=y"], { eventStream: false, contentEncoding: null, json: true }],
    [["content-type", "text/event-streams"], { eventStream: false, contentEncoding: null, json: false }],
    [["content-encoding", "identity", "content-type", "text/html"], { eventStream: false, contentEncoding: null, json: false }],
    [["Content-Encoding", " GZIP "], { eventStream: false, contentEncoding: "gzip", json: false }],
    [["content-encoding", "gzip", "content-encoding", "br"], { eventStream: false, contentEncoding: "gzip, br", json: false }],
    [["content-type", "application/json", "content-type", "text/event-stream"], { eventStream: false, contentEncoding: null, json: true }],
    [[], { eventStream: false, contentEncoding: null, json: false }],
  ])("%j", (headers, kind) => {
    expect(answerKind(headers)).toEqual(kind);
  });
});
