import { describe, expect, it } from "vitest";
import type { AttemptFailure } from "../../src/index.ts";
import type { AnswerStep, Step } from "../fakes/scripted-transport.ts";
import { chat, GOOD_STREAM, type Installation, install, JSON_HEADERS, ONE, STREAM_HEADERS, TWO } from "./installation.ts";

const status = (code: number, headers: readonly string[] = []): AnswerStep => ({ status: code, headers, body: `made-up ${code}` });
const reset = (sent: boolean): AttemptFailure => ({ kind: "reset", sent, message: "reset" });
const connect = (detail: "dns" | "refused" | "tls" | "denied" | "other"): AttemptFailure => ({ kind: "connect", detail, message: "no connection" });
const errorEvent: AnswerStep = { status: 200, headers: STREAM_HEADERS, body: 'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n' };

const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const attempts = (one: Installation) => one.log[0]?.["attempts"];

/** Nothing may be left open, whatever happened. */
function expectClean(one: Installation): void {
  expect(one.transport.sent.filter((sent) => sent.answer !== null && !sent.answer.over).map((sent) => sent.to)).toEqual([]);
  expect(one.transport.listening()).toBe(0);
  expect(one.clock.pending()).toBe(0);
}

describe("a chat call goes to the next candidate", () => {
  const cases: [string, Step, string][] = [
    ["name not resolved", connect("dns"), "connect_dns"],
    ["connection refused", connect("refused"), "connect_refused"],
    ["TLS handshake failed", connect("tls"), "connect_tls"],
    ["address denied", connect("denied"), "connect_denied"],
    ["connect timeout", { kind: "timeout", phase: "connect", message: "" }, "connect_timeout"],
    ["certificate not trusted", { kind: "untrusted", reason: "wrong_ca", message: "" }, "untrusted_wrong_ca"],
    ["429", status(429), "status_429"],
    ["503", status(503), "status_503"],
    ["529", status(529), "status_529"],
    ["500", status(500), "status_500"],
    ["502", status(502), "status_502"],
    ["504", status(504), "status_504"],
    ["408", status(408), "status_408"],
    ["reset after sending", reset(true), "reset"],
    ["not HTTP", { kind: "protocol", message: "" }, "protocol"],
    ["first-byte timeout", { kind: "timeout", phase: "first_byte", message: "" }, "timeout_first_byte"],
    ["an error as the first event", errorEvent, "error_event"],
    ["a head, then a reset", { status: 200, ending: reset(true) }, "reset"],
    ["a stream without an event", { status: 200, headers: STREAM_HEADERS }, "protocol"],
    ["a stream of nothing but pings", { status: 200, headers: STREAM_HEADERS, body: [": ping\n\n", "event: ping\ndata: {}\n\n"] }, "protocol"],
    ["an error as the first event, without its blank line", { ...errorEvent, body: 'data: {"error":{"message":"no","type":"server_error"}}' }, "error_event"],
    ["a ping, then a reset", { status: 200, headers: STREAM_HEADERS, body: ": ping\n\n", ending: reset(true) }, "reset"],
  ];
  it.each(cases)("%s", async (_name, step, reason) => {
    const one = install(TWO);
    one.transport.script("first", step);
    const caller = await one.call(chat());
    expect(caller.received()).toMatchObject({ status: 200, body: "from second", whole: true });
    expect(to(one)).toEqual(["first", "second"]);
    expect(attempts(one)).toMatchObject([{ failover: reason }, { failover: null, outcome: "answer" }]);
    expect(caller.header("x-egress-attempts")).toEqual(["2"]);
    expect(caller.header("x-egress-backend")).toEqual(["XBackend/team-a/second"]);
    expectClean(one);
  });

  it("no answer in time: after firstByte, by the clock", async () => {
    const one = install(TWO);
    one.transport.script("first", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1_999);
    expect(to(one)).toEqual(["first"]);
    await one.clock.advance(1);
    await done;
    expect(fake.received()?.body).toBe("from second");
    expectClean(one);
  });

  it("a head, then silence", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, ending: "hang" });
    const { fake, done } = one.begin(chat());
    await one.clock.advance(2_000);
    await done;
    expect(fake.received()?.body).toBe("from second");
    expectClean(one);
  });

  it("a connection that was closed before anything was sent is replaced at once, at the same backend", async () => {
    const one = install(TWO);
    one.transport.script("first", reset(false), { status: 200, body: "after all" });
    expect((await one.call(chat())).received()?.body).toBe("after all");
    expect(to(one)).toEqual(["first", "first"]);
    expect(one.events.filter((event) => event.type === "egress.failover")).toEqual([]);
    expectClean(one);
  });

  it("an untrusted backend is an event, and is left out of the next call", async () => {
    const one = install(TWO);
    one.transport.script("first", { kind: "untrusted", reason: "wrong_ca", message: "" });
    await one.call(chat());
    expect(one.events.find((event) => event.type === "backend.untrusted")).toMatchObject({
      subject: "XBackend/team-a/first",
      data: { host: "first.provider.example", port: 8001 },
    });
    await one.call(chat());
    expect(to(one)).toEqual(["first", "second", "second"]);
  });
});

describe("health", () => {
  const health = "  health: {consecutiveFailures: 3, evictFor: 30s}";
  it.each<[string, Step, boolean]>([
    ["500", status(500), false],
    ["an error as the first event", errorEvent, true],
    ["a stream that breaks off", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 1), ending: reset(true) }, true],
  ])("each failed call counts once: %s", async (_name, step, stream) => {
    const one = install({ ...ONE, group: ["only"], groupSpec: health });
    one.transport.script("only", step);
    for (const failures of [1, 2]) {
      await one.call(chat({ stream }));
      expect(one.broker.status()["backends"]).toMatchObject([{ state: "healthy", consecutiveFailures: failures }]);
    }
    await one.call(chat({ stream }));
    expect(one.broker.status()["backends"]).toMatchObject([{ state: "evicted" }]);
    expect(one.events.filter((event) => event.type === "backend.degraded")).toHaveLength(1);
  });

  it("a good answer ends a row of failures", async () => {
    const one = install({ ...ONE, group: ["only"], groupSpec: health });
    one.transport.script("only", status(500), status(500), { status: 200, body: "well" }, status(500));
    for (let calls = 0; calls < 4; calls += 1) await one.call(chat());
    expect(one.broker.status()["backends"]).toMatchObject([{ state: "healthy", consecutiveFailures: 1 }]);
  });
});

describe("the caller's own fault", () => {
  it.each([400, 404, 409, 413, 422])("F4 B10: %i goes to the caller as it is, and nobody else is asked", async (code) => {
    const one = install(TWO);
    one.transport.script("first", status(code));
    const caller = await one.call(chat());
    expect(caller.received()).toMatchObject({ status: code, body: `made-up ${code}`, whole: true });
    expect(caller.header("x-egress-error")).toEqual([]);
    expect(to(one)).toEqual(["first"]);
    expect(one.log[0]).toMatchObject({ outcome: "upstream_error", refusal: null, status: code });
    expectClean(one);
  });

  it("a 429 before it leaves no Retry-After on it", async () => {
    const one = install(TWO);
    one.transport.script("first", status(429, ["retry-after", "7"]));
    one.transport.script("second", status(404));
    expect((await one.call(chat())).header("retry-after")).toEqual([]);
  });
});

describe("a call that may have been carried out", () => {
  const post = { target: "/payments", body: "x=1" };
  it.each<[string, Step]>([
    ["500", status(500)],
    ["reset", reset(true)],
    ["timeout", { kind: "timeout", phase: "first_byte", message: "" }],
  ])("POST is not repeated after: %s", async (_name, step) => {
    const one = install(TWO);
    one.transport.script("first", step);
    await one.call(post);
    expect(to(one)).toEqual(["first"]);
    expectClean(one);
  });

  it.each<[string, Step]>([
    ["refused", connect("refused")],
    ["503", status(503)],
    ["429", status(429)],
    ["reset before sending, twice", reset(false)],
  ])("POST goes on when nothing was acted on: %s", async (_name, step) => {
    const one = install(TWO);
    one.transport.script("first", step);
    expect((await one.call(post)).received()?.body).toBe("from second");
    expect(one.transport.sent.at(-1)?.body).toBe("x=1");
    expectClean(one);
  });

  it.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])("%s goes on", async (method) => {
    const one = install(TWO);
    one.transport.script("first", status(500));
    expect((await one.call({ method, target: "/things" })).received()?.status).toBe(200);
    expect(to(one)).toEqual(["first", "second"]);
  });

  it("the rule's retry lists it: repeated", async () => {
    const one = install({ ...TWO, rule: "    retry: {codes: [500]}" });
    one.transport.script("first", status(500));
    expect((await one.call(post)).received()?.body).toBe("from second");
  });

  it("the group's statusCodes list it: repeated", async () => {
    const one = install({ ...TWO, groupSpec: `  failover: {statusCodes: [500]}\n${TWO.groupSpec}` });
    one.transport.script("first", status(500));
    expect((await one.call(post)).received()?.body).toBe("from second");
  });
});

describe("Retry-After", () => {
  it("of several the shortest is what the caller gets", async () => {
    const one = install(TWO);
    one.transport.script("first", status(429, ["retry-after", "12"]));
    one.transport.script("second", status(429, ["Retry-After", "60", "retry-after-ms", "60000"]));
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(429);
    expect(caller.header("retry-after")).toEqual(["12"]);
    // OpenAI's SDKs read this one first.
    expect(caller.header("retry-after-ms")).toEqual([]);
  });

  it.each(["3600", "Sun, 22 Nov 2026 13:00:00 GMT", "soon"])("of one answer alone it stays as it was written: %s", async (value) => {
    const one = install(ONE);
    one.transport.script("only", status(429, ["retry-after", value, "retry-after-ms", "3600000"]));
    const caller = await one.call(chat());
    expect(caller.header("retry-after")).toEqual([value]);
    expect(caller.header("retry-after-ms")).toEqual(["3600000"]);
  });

  it("goes with the broker's own refusal too", async () => {
    const one = install(TWO);
    one.transport.script("first", status(503, ["retry-after", "9"]));
    one.transport.script("second", connect("refused"));
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(502);
    expect(caller.header("retry-after")).toEqual(["9"]);
  });

  it("is waited for at the last candidate where it is short, once", async () => {
    const one = install(ONE);
    one.transport.script("only", status(429, ["retry-after", "2"]), { status: 200, body: "now" });
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1_999);
    expect(to(one)).toEqual(["only"]);
    await one.clock.advance(1);
    await done;
    expect(fake.received()?.body).toBe("now");
    expectClean(one);
  });

  it("parks the backend for the calls that follow", async () => {
    const one = install(TWO);
    one.transport.script("first", status(429, ["retry-after", "30"]), { status: 200, body: "first again" });
    await one.call(chat());
    await one.call(chat());
    expect(to(one)).toEqual(["first", "second", "second"]);
    await one.clock.advance(36_000);
    expect((await one.call(chat())).received()?.body).toBe("first again");
  });
});

describe("retry", () => {
  it("repeats a listed status at the last candidate after the backoff, as often as attempts says", async () => {
    const one = install({ ...ONE, rule: "    retry: {codes: [500], attempts: 2, backoff: 100ms}" });
    one.transport.script("only", status(500));
    const { fake, done } = one.begin(chat());
    await one.clock.advance(99);
    expect(one.transport.sent).toHaveLength(1);
    await one.clock.advance(1);
    expect(one.transport.sent).toHaveLength(2);
    await one.clock.advance(200);
    await done;
    expect(one.transport.sent).toHaveLength(3);
    expect(fake.received()?.status).toBe(500);
    expectClean(one);
  });

  it("attempts bounds the way through the candidates too", async () => {
    const backends = ["first", "second", "third"].map((name, index) => ({ name, port: 8001 + index }));
    const one = install({ backends, group: ["first", "second", "third"], groupSpec: TWO.groupSpec ?? "", rule: "    retry: {codes: [500], attempts: 1}" });
    for (const { name } of backends) one.transport.script(name, status(500));
    await one.call(chat());
    expect(to(one)).toEqual(["first", "second"]);
  });

  it("a caller that leaves during the wait ends it", async () => {
    const one = install({ ...ONE, rule: "    retry: {codes: [500], attempts: 2, backoff: 1s}" });
    one.transport.script("only", status(500));
    const { fake, done } = one.begin(chat());
    await one.clock.advance(500);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(one.transport.sent).toHaveLength(1);
    expect(one.log[0]).toMatchObject({ outcome: "caller_gone", status: 0 });
    expectClean(one);
  });
});

describe("after the first byte to the caller", () => {
  it("nothing is glued on: what came, the dialect's error event, and no proper end", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 2), ending: reset(true) });
    const caller = await one.call(chat({ stream: true }));
    const received = caller.received();
    expect(received?.whole).toBe(false);
    expect(received?.body.startsWith(GOOD_STREAM[0] ?? "?")).toBe(true);
    expect(received?.body).toContain('"error"');
    expect(received?.body).not.toContain("[DONE]");
    expect(to(one)).toEqual(["first"]);
    expect(one.log[0]).toMatchObject({ outcome: "truncated" });
    expectClean(one);
  });

  it("a stream that ends without its end marker is no proper end", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 2) });
    const received = (await one.call(chat({ stream: true }))).received();
    expect(received?.whole).toBe(false);
    expect(received?.body).toContain('"error"');
  });

  it("a caller that leaves has its upstream cancelled at once, and no backend is blamed", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 1), ending: "hang" });
    const { fake, done } = one.begin(chat({ stream: true }));
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(one.log[0]).toMatchObject({ outcome: "caller_gone" });
    expect(one.broker.status()["backends"]).toEqual([]);
    expectClean(one);
  });

  it("a caller that hangs up at the end marker, as SDKs do, has its whole answer", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM, ending: "hang" });
    const { fake, done } = one.begin(chat({ stream: true }));
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(one.log[0]).toMatchObject({ outcome: "ok", status: 200 });
  });

  it.each([200, 302, 400])("one that hangs up before it got anything has not: %i", async (status) => {
    const one = install(TWO);
    one.transport.script("first", { status, headers: STREAM_HEADERS, body: status === 200 ? ": ping\n\n" : [], ending: "hang" });
    const { fake, done } = one.begin(chat({ stream: true }));
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(one.log[0]).toMatchObject({ outcome: "caller_gone", status: 0 });
  });

  it("a caller that leaves before any answer: nobody else is asked", async () => {
    const one = install(TWO);
    one.transport.script("first", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(to(one)).toEqual(["first"]);
    expect(fake.answers()).toBe(0);
    expect(one.log[0]).toMatchObject({ outcome: "caller_gone", status: 0 });
    expectClean(one);
  });

  it("a caller that leaves between head and first byte got no status", async () => {
    const one = install(ONE);
    one.transport.script("only", { status: 500, ending: "hang" });
    const { fake, done } = one.begin({ target: "/payments", body: "x=1" });
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(one.log[0]).toMatchObject({ outcome: "caller_gone", status: 0 });
  });
});

describe("the body of an answer that is passed over", () => {
  it("is read to its end where it is small", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 503, body: ["a", "b", "c"] });
    await one.call(chat());
    await one.clock.advance(0);
    expect(one.transport.sent[0]?.answer).toMatchObject({ consumed: true, cancelled: false, over: true });
  });

  it("is cancelled where it is large", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 503, body: Array.from({ length: 10 }, () => "x".repeat(10_000)) });
    await one.call(chat());
    await one.clock.advance(0);
    expect(one.transport.sent[0]?.answer).toMatchObject({ cancelled: true });
  });

  it("is cancelled where it does not come to its end soon", async () => {
    const one = install(TWO);
    one.transport.script("first", { status: 503, body: "some", ending: "hang" });
    await one.call(chat());
    await one.clock.advance(1_000);
    expect(one.transport.sent[0]?.answer).toMatchObject({ cancelled: true });
    expectClean(one);
  });
});
