import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { compare } from "./compare.ts";
import { type RawAnswer, sendRaw } from "./raw-client.ts";
import type { Expectation } from "./vector.ts";
import type { Seen } from "./world.ts";

const ANSWER: RawAnswer = {
  status: 200,
  headers: ["X-One", "a", "x-two", "b", "x-two", "c"],
  body: Buffer.from('{"a":{"b":1,"c":[1,2]},"d":null}'),
  whole: true,
};
const SEEN: readonly Seen[] = [{ backend: "first", method: "PUT", target: "/x?y", headers: ["host", "first.example"], body: Buffer.from("sent") }];
const GOOD: Expectation = { status: 200, upstream: ["first"] };

describe("the comparison", () => {
  it.each<[string, Partial<Expectation>]>([
    ["a header by its value", { headers: { "x-one": "a" } }],
    ["several fields as one value", { headers: { "x-two": "b, c" } }],
    ["several fields one by one", { headers: { "x-two": ["b", "c"] } }],
    ["a header by a pattern of all of it", { headers: { "x-one": { like: "[a-z]" } } }],
    ["a header that is absent", { headers: { "x-three": null } }],
    ["a body by its text", { body: '{"a":{"b":1,"c":[1,2]},"d":null}' }],
    ["a part of a document", { body: { json: { a: { c: [1, 2] }, d: null } } }],
    ["a body by what it has and lacks", { body: { bytes: 32, has: ['"b"'], lacks: ["e"] } }],
    ["what was seen", { upstream: [{ backend: "first", method: "PUT", target: "/x?y", headers: { host: "first.example" }, body: "sent" }] }],
  ])("accepts %s", (_what, expected) => {
    expect(compare({ ...GOOD, ...expected }, ANSWER, SEEN)).toEqual([]);
  });

  it.each<[string, Partial<Expectation>]>([
    ["another status", { status: 201 }],
    ["another value", { headers: { "x-one": "A" } }],
    ["a field too few", { headers: { "x-two": ["b"] } }],
    ["a pattern of a part", { headers: { "x-two": { like: "b" } } }],
    ["a header that should be absent", { headers: { "x-one": null } }],
    ["a header that should be there", { headers: { "x-three": "" } }],
    ["another text", { body: "{}" }],
    ["a list that is longer", { body: { json: { a: { c: [1] } } } }],
    ["a member that is not there", { body: { json: { e: 1 } } }],
    ["null in place of an object", { body: { json: { d: {} } } }],
    ["another length", { body: { bytes: 33 } }],
    ["a part that is not there", { body: { has: ["e"] } }],
    ["a part that should not be there", { body: { lacks: ["b"] } }],
    ["what is not gzip", { body: { inflated: "" } }],
    ["whole in place of broken", { whole: false }],
    ["a call too many", { upstream: [] }],
    ["a call too few", { upstream: ["first", "second"] }],
    ["another method", { upstream: [{ backend: "first", method: "POST" }] }],
    ["another target", { upstream: [{ backend: "first", target: "/x" }] }],
    ["another header upstream", { upstream: [{ backend: "first", headers: { host: null } }] }],
    ["another body upstream", { upstream: [{ backend: "first", body: "" }] }],
  ])("tells of %s", (_what, expected) => {
    expect(compare({ ...GOOD, ...expected }, ANSWER, SEEN)).toHaveLength(1);
  });
});

describe("the client", () => {
  it.each([
    ["a length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok", true],
    ["a length that is not reached", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", "ok", false],
    ["chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", "ok", true],
    ["chunks without their end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", "ok", false],
    ["a chunk that is not whole", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok", "ok", false],
    ["the end of the connection", "HTTP/1.1 200 OK\r\n\r\nok", "ok", true],
    ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok", true],
  ])("reads %s", async (_what, bytes, body, whole) => {
    const server = createServer((socket) => socket.on("error", () => {}).end(bytes));
    await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
    const answer = await sendRaw((server.address() as AddressInfo).port, Buffer.from("GET / HTTP/1.1\r\n\r\n"), false, () => {}); // listening on TCP
    server.close();
    expect([answer.status, answer.body.toString(), answer.whole]).toEqual([200, body, whole]);
  });
});
