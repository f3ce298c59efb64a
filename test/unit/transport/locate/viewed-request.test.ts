import { describe, expect, it } from "vitest";
import { isGenuine, isJsonType, viewRequest } from "../../../../src/transport/locate/viewed-request.ts";
import { outbound, tlsProfile } from "../../../fakes/outbound.ts";

describe("what is read as JSON", () => {
  it.each([
    "application/json",
    " APPLICATION/JSON ",
    "application/json; charset=utf-8",
    "application/json  ;x",
    "application/vnd.api+json",
    "text/plain;charset=UTF-8",
  ])("%j", (type) => {
    expect(isJsonType(type)).toBe(true);
  });
  it.each([
    "xapplication/json",
    "application/jsonl",
    "application/json x",
    "application/+json",
    "application/a b+json",
    "text/plainer",
    "multipart/form-data",
    "",
  ])("not %j", (type) => {
    expect(isJsonType(type)).toBe(false);
  });
});

describe("the body that the door reads", () => {
  const bytesOf = (text: string) => ({ kind: "bytes", bytes: new TextEncoder().encode(text) }) as const;
  const bodyOf = (text: string, headers: readonly string[] = []) => viewRequest(outbound(443, { headers, body: bytesOf(text) })).body;

  it("is an object that is written in one way only", () => {
    expect(bodyOf('{"a":1}')).toEqual({ a: 1 });
    for (const text of ['{"a": 1}', '{"a":1,"a":2}', "[1]", "not json"]) expect(bodyOf(text)).toBe("unreadable");
    expect(viewRequest(outbound(443, { body: { kind: "bytes", bytes: new Uint8Array([0xff]) } })).body).toBe("unreadable");
    expect(bodyOf(`{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`)).toBe("unreadable");
  });

  it("is none where there is none, and unreadable where nobody can be sure", () => {
    expect([bodyOf(""), viewRequest(outbound(443, { body: { kind: "none" } })).body]).toEqual([null, null]);
    expect(bodyOf('{"a":1}', ["content-type", "text/html"])).toBe("unreadable");
    expect(bodyOf('{"a":1}', ["content-encoding", "gzip"])).toBe("unreadable");
    expect(bodyOf('{"a":1}', ["content-encoding", "Identity"])).toEqual({ a: 1 });
    const stream = { kind: "stream", length: 1, replayable: () => true, overflowed: () => false, open: async function* open() {} } as const;
    expect(viewRequest(outbound(443, { body: stream })).body).toBe("unreadable");
  });
});

it("Host is read without its port, and is empty where there is none", () => {
  const hostOf = (...headers: string[]) => viewRequest(outbound(443, { headers })).host;
  expect([hostOf("Host", "API.example:8443"), hostOf("host", "a:80b"), hostOf()]).toEqual(["api.example", "a:80b", ""]);
});

it("a name says who it is only by TLS to port 443, of a public authority, for that very name", () => {
  const origin = { scheme: "https", hostname: "api.openai.com", port: 443 } as const;
  const genuine = (changes: Parameters<typeof tlsProfile>[0] = {}, place: Parameters<typeof isGenuine>[0]["origin"] = origin) =>
    isGenuine({ origin: place, tls: tlsProfile(changes) });
  const hostname = { type: "Hostname", value: "api.openai.com" } as const;
  expect([genuine(), genuine({ subjectAltNames: [hostname] })]).toEqual([true, true]);
  expect([genuine({}, { ...origin, scheme: "http" }), genuine({}, { ...origin, port: 8443 }), isGenuine({ origin, tls: null })]).toEqual([false, false, false]);
  expect([genuine({ ca: "pem" }), genuine({ serverName: "other.example" })]).toEqual([false, false]);
  for (const name of [
    { type: "URI", value: "api.openai.com" },
    { type: "Hostname", value: "other.example" },
  ] as const)
    expect(genuine({ subjectAltNames: [hostname, name] })).toBe(false);
});
