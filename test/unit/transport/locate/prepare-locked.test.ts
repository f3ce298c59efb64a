import { describe, expect, it } from "vitest";
import { type LockedDraft, prepareLocked } from "../../../../src/transport/locate/prepare-locked.ts";
import { withoutPlaceHeaders } from "../../../../src/transport/locate/withheld-headers.ts";
import { makeAttestation } from "../../../fakes/regions.ts";

const draft = (hostname: string, path: string, text: string | null, changes: Partial<LockedDraft> = {}): LockedDraft => ({
  hostname,
  method: "POST",
  path,
  headers: ["content-type", "application/json"],
  body: text === null ? { kind: "none" } : { kind: "bytes", bytes: new TextEncoder().encode(text) },
  ...changes,
});
const textOf = ({ body }: LockedDraft) => (body.kind === "bytes" ? new TextDecoder().decode(body.bytes) : body.kind);
const prepared = (...given: Parameters<typeof draft>) => prepareLocked(draft(...given), []);

describe("a request that a lock binds", () => {
  it("is written anew, so that no key stands in it twice, for hosts that are known and for others", () => {
    for (const host of ["custom.example", "eu.api.openai.com"])
      expect(textOf(prepared(host, "/v1/chat/completions", '{ "model": "a", "model": "b" }'))).toBe('{"model":"b"}');
  });

  it.each<readonly [string, string | null, Partial<LockedDraft>]>([
    ["no body", null, {}],
    ["what is no JSON", "model=a", {}],
    ["what is no object", "[ 1 ]", {}],
    ["another type", '{ "a": 1 }', { headers: ["content-type", "multipart/form-data"] }],
    ["what is compressed", '{ "a": 1 }', { headers: ["content-type", "application/json", "content-encoding", "gzip"] }],
  ])("is left as it is with %s", (_name, text, changes) => {
    const custom = draft("custom.example", "/v1/x", text, changes);
    expect(prepareLocked(custom, [])).toBe(custom);
    const known = draft("eu.api.openai.com", "/v1/x", text, changes);
    expect(prepareLocked(known, [])).toEqual(known);
  });

  it("is read as JSON where no type is given", () => {
    expect(textOf(prepared("custom.example", "/", '{ "a": 1 }', { headers: [] }))).toBe('{"a":1}');
  });

  it("loses the caller's key in the query, toward a known host alone", () => {
    const path = (host: string, asked: string) => prepared(host, asked, null).path;
    expect(path("eu.api.openai.com", "/v1/x?key=a&alt=sse&keys=b&key")).toBe("/v1/x?alt=sse&keys=b");
    expect(path("eu.api.openai.com", "/v1/x?key=a")).toBe("/v1/x");
    expect(path("eu.api.openai.com", "/v1/x?alt=sse")).toBe("/v1/x?alt=sse");
    expect(path("eu.api.openai.com", "/v1/x")).toBe("/v1/x");
    expect(path("custom.example", "/v1/x?key=a")).toBe("/v1/x?key=a");
  });

  it("is told by the broker where Anthropic has to process it, and asks for an answer that can be read", () => {
    const body = '{"model":"claude-sonnet-4-6","inference_geo":"global","workspace_id":"w","x":1}';
    const one = prepared("api.anthropic.com", "/v1/messages?beta=true", body, { headers: ["Accept-Encoding", "gzip", "content-type", "application/json"] });
    expect(JSON.parse(textOf(one))).toEqual({ model: "claude-sonnet-4-6", inference_geo: "us", x: 1 });
    expect(one.headers).toEqual(["content-type", "application/json", "accept-encoding", "identity"]);
    expect(one.path).toBe("/v1/messages?beta=true");
  });

  it("names the deployment of Azure's path, where it names a model at all", () => {
    const host = "example.openai.azure.com";
    const path = "/openai/deployments/mine/chat/completions?api-version=1";
    expect(textOf(prepared(host, path, '{"model":"gpt","a":1}'))).toBe('{"model":"mine","a":1}');
    expect(textOf(prepared(host, path, '{"a":1}'))).toBe('{"a":1}');
  });

  it("asks that nothing be stored, where the caller does not say and nobody attests that it stays inside", () => {
    const host = "eu.api.openai.com";
    expect(textOf(prepared(host, "/v1/responses", '{"a":1}'))).toBe('{"a":1,"store":false}');
    expect(textOf(prepared(host, "/v1/responses", '{"store":true}'))).toBe('{"store":true}');
    expect(textOf(prepared(host, "/v1/responses/x", '{"a":1}'))).toBe('{"a":1}');
    const attested = [makeAttestation(), makeAttestation({ storedState: true })];
    expect(textOf(prepareLocked(draft(host, "/v1/responses", '{"a":1}'), attested))).toBe('{"a":1}');
    expect(textOf(prepareLocked(draft(host, "/v1/responses", '{"a":1}'), [makeAttestation()]))).toBe('{"a":1,"store":false}');
  });

  it("that is nested too deep to be written is left to the door", () => {
    const deep = draft("custom.example", "/", `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`);
    expect(textOf(prepareLocked(deep, []))).toBe(textOf(deep));
  });
});

describe("the headers of a request that a lock binds", () => {
  it.each(["OpenAI-Organization", "openai-project", "Anthropic-Workspace-Id", "x-goog-user-project", "X-Goog-Request-Params"])("%s stays here", (name) => {
    expect(withoutPlaceHeaders(["a", "1", name, "x", "b", "2"])).toEqual(["a", "1", "b", "2"]);
  });

  it("anthropic-beta keeps what moves no work elsewhere", () => {
    const list = ["a", "1", "Anthropic-Beta", "oauth-2025-04-20 , web-search-2025-03-05,context-1m-2025-08-07", "b", "2"];
    expect(withoutPlaceHeaders(list)).toEqual(["a", "1", "Anthropic-Beta", "oauth-2025-04-20,context-1m-2025-08-07", "b", "2"]);
    expect(withoutPlaceHeaders(["anthropic-beta", "mcp-client-2025-04-04", "a", "1"])).toEqual(["a", "1"]);
  });

  it("all else is the same list", () => {
    for (const list of [
      ["a", "anthropic-beta", "anthropic-bet", "x"],
      ["x-nthropic-bet", "x"],
    ])
      expect(withoutPlaceHeaders(list)).toBe(list);
  });
});
