import { describe, expect, it } from "vitest";
import { find, findAll } from "../../src/lib/header-list.ts";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chat, type Installation, install, JSON_HEADERS, ONE } from "./installation.ts";

const AUTH = ["authorization", `Bearer ${CALLER_TOKEN}`];
const sentHeaders = (one: Installation, at = 0) => one.transport.sent[at]?.request.headers ?? [];

describe("on the way out", () => {
  it("T2 T5: what belongs to one hop, tells who the caller is, or overrides the request line, stays here", async () => {
    const one = install(ONE);
    const names = [
      "Connection",
      "Keep-Alive",
      "TE",
      "Trailer",
      "Upgrade",
      "Proxy-Authorization",
      "X-Forwarded-For",
      "Forwarded",
      "X-Real-IP",
      "Cookie",
      "X-Original-URL",
    ];
    const more = ["X-HTTP-Method-Override", "Baggage", "Traceparent", "Tracestate", "X-Egress-Anything", "X-Gateway-Model-Name", "X_Under_Score"];
    await one.call({
      target: "/things",
      headers: [...AUTH, ...[...names, ...more].flatMap((name) => [name, name === "Connection" ? "x-hop" : "v"]), "X-Hop", "1", "X-Kept", "2"],
    });
    for (const name of [...names, ...more, "X-Hop"]) expect(find(sentHeaders(one), name.toLowerCase()), name).toBeNull();
    expect(find(sentHeaders(one), "x-kept")).toBe("2");
  });

  it("Host is the backend's, once", async () => {
    const one = install(ONE);
    await one.call({ target: "/things", headers: [...AUTH, "Host", "evil.example"], authority: "egress.example:80" });
    expect(findAll(sentHeaders(one), "host")).toEqual(["only.provider.example:8001"]);
  });

  it("Via and CDN-Loop name this broker, after whoever was there before", async () => {
    const one = install({ ...ONE, broker: "  chainId: eu-1" });
    await one.call({ target: "/things", headers: [...AUTH, "Via", "1.1 other", "CDN-Loop", "other"] });
    expect(findAll(sentHeaders(one), "via")).toEqual(["1.1 other", "1.1 eu-1"]);
    expect(findAll(sentHeaders(one), "cdn-loop")).toEqual(["other, eu-1"]);
  });

  it.each([
    ["CDN-Loop", "eu-1"],
    ["cdn-loop", "a; x=1, eu-1 ; hops=3"],
    ["Via", "1.0 a, 1.1 eu-1 (spillway)"],
  ])("a call that comes back is refused: %s: %s", async (name, value) => {
    const one = install({ ...ONE, broker: "  chainId: eu-1" });
    const caller = await one.call({ target: "/things", headers: [...AUTH, name, value] });
    expect(caller.received()?.status).toBe(508);
    expect(caller.header("x-egress-error")).toEqual(["egress_loop"]);
    expect(one.transport.sent).toEqual([]);
  });

  it("no traceparent unless the route opted in", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const one = install(ONE);
    await one.call({ target: "/things", headers: [...AUTH, "traceparent", traceparent] });
    expect(find(sentHeaders(one), "traceparent")).toBeNull();
  });
});

describe("TRACE", () => {
  it("is refused: the destination would answer with the request as it came, the broker's credential included", async () => {
    const one = install(ONE);
    one.transport.script("only", (request) => ({ status: 200, headers: ["content-type", "message/http"], body: request.headers.join("\n") }));
    const caller = await one.call({ method: "TRACE", target: "/things" });
    expect(caller.received()?.status).toBe(400);
    expect(one.transport.sent).toEqual([]);
    expect(caller.received()?.body).not.toContain("only-key-value");
  });

  it.each(["CONNECT", "GE T", "", "G\u0000"])("so is the method %j", async (method) => {
    const one = install(ONE);
    const caller = await one.call({ method, target: "/things" });
    expect(caller.header("x-egress-error")).toEqual(["request_malformed"]);
    expect(one.transport.sent).toEqual([]);
  });

  it.each(["PROPFIND", "PATCH", "M-SEARCH"])("%s is not", async (method) => {
    const one = install(ONE);
    expect((await one.call({ method, target: "/things" })).received()?.status).toBe(200);
  });
});

describe("on the way back", () => {
  it("what belongs to one hop or binds the caller's client to the broker's origin stays here", async () => {
    const one = install(ONE);
    const gone = [
      "Connection",
      "Keep-Alive",
      "Transfer-Encoding",
      "Set-Cookie",
      "Server",
      "Alt-Svc",
      "Strict-Transport-Security",
      "Proxy-Authenticate",
      "X-Egress-Error",
    ];
    one.transport.script("only", { status: 200, headers: [...gone.flatMap((name) => [name, "v"]), "X-Kept", "1", "request-id", "req_1"], body: "ok" });
    const caller = await one.call({ target: "/things" });
    for (const name of gone) expect(caller.header(name.toLowerCase()), name).toEqual([]);
    expect(caller.header("x-kept")).toEqual(["1"]);
    expect(caller.header("request-id")).toEqual(["req_1"]);
  });

  it("x-request-id is the call's own, once; the destination's is kept beside it for its support desk", async () => {
    const one = install(ONE);
    one.transport.script("only", { status: 200, headers: [...JSON_HEADERS, "X-Request-Id", "req_upstream"], body: "{}" });
    const caller = await one.call(chat({}, ["x-request-id", "callers-own-id"]));
    expect(caller.header("x-request-id")).toEqual(["callers-own-id"]);
    expect(caller.header("x-egress-upstream-request-id")).toEqual(["req_upstream"]);
    expect(one.log[0]).toMatchObject({ request_id: "callers-own-id" });
  });

  it("a content-length that still holds is kept, one that does not is dropped", async () => {
    const one = install(ONE);
    one.transport.script("only", { status: 200, headers: [...JSON_HEADERS, "content-length", "2"], body: "{}" });
    expect((await one.call(chat())).header("content-length")).toEqual(["2"]);
    one.transport.script("only", { status: 400, headers: [...JSON_HEADERS, "content-length", "2"], body: "{}" });
    expect((await one.call(chat())).header("content-length")).toEqual([]);
  });

  it("T7: our key in an error answer is taken out of headers and body", async () => {
    const one = install(ONE);
    one.transport.script("only", { status: 400, headers: ["x-note", "key only-key-value"], body: ["bad key only-k", "ey-value!"] });
    const caller = await one.call(chat());
    expect(caller.header("x-note")).toEqual(["key [redacted]"]);
    expect(caller.received()?.body).toBe("bad key [redacted]!");
  });

  it.each([301, 302, 303, 307, 308])("T3 T7: and out of a redirect (%i), whose Location may quote it", async (status) => {
    const one = install(ONE);
    one.transport.script("only", { status, headers: ["location", "https://elsewhere.example/?key=only-key-value"], body: "see only-key-value" });
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(status);
    expect(caller.header("location")).toEqual(["https://elsewhere.example/?key=[redacted]"]);
    expect(caller.received()?.body).toBe("see [redacted]");
  });
});

describe("answers without a body", () => {
  it.each([
    ["HEAD", 200],
    ["HEAD", 404],
    ["GET", 204],
    ["GET", 304],
  ])("%s %i", async (method, status) => {
    const one = install(ONE);
    one.transport.script("only", { status, headers: method === "HEAD" ? ["content-length", "42"] : [] });
    const caller = await one.call({ method, target: "/things" });
    expect(caller.received()).toMatchObject({ status, body: "", whole: true });
    expect(one.log[0]).toMatchObject({ response_bytes: 0, first_byte_ms: null, outcome: status >= 400 ? "upstream_error" : "ok" });
    expect(one.clock.pending()).toBe(0);
  });

  it("an empty 200 is an answer", async () => {
    const one = install(ONE);
    one.transport.script("only", { status: 200 });
    expect((await one.call({ target: "/things" })).received()).toMatchObject({ status: 200, body: "", whole: true });
  });
});
