import { describe, expect, it } from "vitest";
import { answerKind } from "../../../src/stream/answer-kind.ts";

describe("answerKind", () => {
  it.each([
    [["Content-Type", "text/event-stream; charset=utf-8"], { eventStream: true, contentEncoding: null }],
    [["content-type", "Application/JSON"], { eventStream: false, contentEncoding: null }],
    [["content-type", "application/problem+json;x=y"], { eventStream: false, contentEncoding: null }],
    [["content-type", "text/event-streams"], { eventStream: false, contentEncoding: null }],
    [["content-encoding", "identity", "content-type", "text/html"], { eventStream: false, contentEncoding: null }],
    [["Content-Encoding", " GZIP "], { eventStream: false, contentEncoding: "gzip" }],
    [["content-encoding", "gzip", "content-encoding", "br"], { eventStream: false, contentEncoding: "gzip, br" }],
    [["content-type", "application/json", "content-type", "text/event-stream"], { eventStream: false, contentEncoding: null }],
    [[], { eventStream: false, contentEncoding: null }],
  ])("%j", (headers, kind) => {
    expect(answerKind(headers)).toEqual(kind);
  });
});
