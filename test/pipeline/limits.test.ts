import { describe, expect, it } from "vitest";
import { CALLER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { chat, GOOD_STREAM, type Installation, install, JSON_HEADERS, ONE, STREAM_HEADERS, TWO } from "./installation.ts";

const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const slow = (name: string, port: number) => ({ name, port, api: "OpenAI" as const, timeouts: "{firstByte: 60s, streamIdle: 60s}" });
const SLOW: TestManifests = { backends: [slow("first", 8001), slow("second", 8002)], group: ["first", "second"], rule: "    timeouts: {request: 10s}" };

function expectClean(one: Installation): void {
  expect(one.transport.sent.filter((sent) => sent.answer !== null && !sent.answer.over)).toEqual([]);
  expect(one.transport.listening()).toBe(0);
  expect(one.clock.pending()).toBe(0);
}

describe("timeouts.request", () => {
  it("F11: ends a call whose destination does not answer: 504", async () => {
    const one = install(SLOW);
    one.transport.script("first", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(9_999);
    expect(fake.answers()).toBe(0);
    await one.clock.advance(1);
    await done;
    expect(fake.received()?.status).toBe(504);
    expect(fake.header("x-egress-error")).toEqual(["upstream_timeout"]);
    expect(to(one)).toEqual(["first"]);
    expectClean(one);
  });

  it("spans all attempts", async () => {
    const one = install({ ...SLOW, groupSpec: "  failover: {firstByteTimeout: 6s}" });
    one.transport.script("first", "hang");
    one.transport.script("second", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(6_000);
    expect(to(one)).toEqual(["first", "second"]);
    await one.clock.advance(3_999);
    expect(fake.answers()).toBe(0);
    await one.clock.advance(1);
    await done;
    expect(fake.received()?.status).toBe(504);
    expectClean(one);
  });

  it("F11: spans the body: a stream that is under way is cut, and says so", async () => {
    const one = install(SLOW);
    one.transport.script("first", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 1), ending: "hang" });
    const { fake, done } = one.begin(chat({ stream: true }));
    await one.clock.advance(9_999);
    expect(fake.received()?.whole).toBe(false);
    await one.clock.advance(1);
    await done;
    one.broker.attribution.drain();
    expect(fake.received()?.body).toContain('"error"');
    expect(fake.received()?.whole).toBe(false);
    expect(one.log[0]).toMatchObject({ status: 200, outcome: "truncated" });
    expectClean(one);
  });

  it("a head without a body is still the broker's to answer: 504", async () => {
    const one = install(SLOW);
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, ending: "hang" });
    const { fake, done } = one.begin(chat());
    await one.clock.advance(10_000);
    await done;
    expect(fake.received()?.status).toBe(504);
    expect(fake.answers()).toBe(1);
    expectClean(one);
  });

  it("so is the head of a refusal: 504 and not what the destination began to say", async () => {
    const one = install({ ...ONE, rule: "    timeouts: {request: 1s}" });
    one.transport.script("only", { status: 404, headers: JSON_HEADERS, ending: "hang" });
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1_000);
    await done;
    expect(fake.received()?.status).toBe(504);
    expect(fake.header("x-egress-error")).toEqual(["upstream_timeout"]);
    expectClean(one);
  });

  it("spans a wait for Retry-After: what does not fit is not waited for", async () => {
    const one = install({ ...ONE, rule: "    timeouts: {request: 3s}" });
    one.transport.script("only", { status: 429, headers: ["retry-after", "4"] });
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(429);
    expect(caller.header("retry-after")).toEqual(["4"]);
    expectClean(one);
  });

  it("spans the reading of a credential", async () => {
    const one = install({ ...ONE, rule: "    timeouts: {request: 1s}" });
    one.secret("only.key", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1_000);
    await done;
    expect(fake.received()?.status).toBe(504);
    expect(one.transport.sent).toEqual([]);
  });

  it("0s switches it off", async () => {
    const one = install({ ...SLOW, rule: "    timeouts: {request: 0s}" });
    one.transport.script("first", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(59_999);
    expect(fake.answers()).toBe(0);
    await one.clock.advance(1);
    await done;
    expect(fake.received()?.body).toBe("from second");
  });
});

describe("timeouts.backendRequest", () => {
  it("bounds one attempt, and the call goes on", async () => {
    const one = install({ ...SLOW, rule: "    timeouts: {request: 10s, backendRequest: 500ms}" });
    one.transport.script("first", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(500);
    await done;
    expect(fake.received()?.body).toBe("from second");
    expect(to(one)).toEqual(["first", "second"]);
    expectClean(one);
  });

  it("a shorter limit of the backend itself stands", async () => {
    const one = install({ ...TWO, rule: "    timeouts: {request: 10s, backendRequest: 5s}" });
    one.transport.script("first", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(2_000);
    await done;
    expect(fake.received()?.body).toBe("from second");
  });
});

describe("the request body", () => {
  const upload = (size: number, rest: object = {}) => ({
    target: "/upload",
    method: "PUT",
    headers: ["authorization", `Bearer ${CALLER_TOKEN}`, "content-type", "application/octet-stream"],
    body: "x".repeat(size),
    ...rest,
  });
  const bounded = (broker: string): TestManifests => ({ ...TWO, broker: `  bounds: ${broker}` });

  it.each([true, false])("a large one is streamed, and replayed to the next candidate (content-length: %s)", async (declared) => {
    const one = install(TWO);
    one.transport.script("first", { status: 503 });
    const caller = await one.call(upload(100_000, { declared }));
    expect(caller.received()?.body).toBe("from second");
    expect(one.transport.sent.map(({ body, request }) => [body?.length, request.body.kind])).toEqual([
      [100_000, "stream"],
      [100_000, "stream"],
    ]);
    expect(caller.bodyReads()).toBe(1);
  });

  it("a small one is read whole", async () => {
    const one = install(TWO);
    await one.call(upload(1_000));
    expect(one.transport.sent[0]?.request.body.kind).toBe("bytes");
  });

  it("one that is too large to be replayed is not: the answer that there is goes out", async () => {
    const one = install(bounded("{replayBytes: 70000}"));
    one.transport.script("first", { status: 503, body: "busy" });
    expect((await one.call(upload(100_000))).received()).toMatchObject({ status: 503, body: "busy" });
    expect(to(one)).toEqual(["first"]);
    expect(one.log.at(-1)).toMatchObject({ attempts: [{ held_back: "body_not_replayable" }] });
  });

  it("and where there is no answer the caller is told why nobody else was asked", async () => {
    const one = install(bounded("{replayBytes: 70000}"));
    one.transport.script("first", { kind: "reset", sent: true, message: "" });
    const caller = await one.call(upload(100_000));
    expect(caller.received()?.status).toBe(502);
    expect(JSON.parse(caller.received()?.body ?? "")).toMatchObject({ code: "upstream_unavailable", detail: expect.stringContaining("replayBytes") });
  });

  it("a declared length beyond the bound: 413 before anything is read, asked or sent", async () => {
    const one = install(bounded("{maxRequestBytes: 1000}"));
    const caller = await one.call(upload(1_001));
    expect(caller.received()?.status).toBe(413);
    expect(caller.bodyReads()).toBe(0);
    expect(one.transport.sent).toEqual([]);
  });

  it.each([
    ["read whole", chat({ padding: "x".repeat(2_000) })],
    ["streamed", upload(100_000)],
  ])("an undeclared one beyond the bound: 413 (%s)", async (_name, call) => {
    const one = install(bounded("{maxRequestBytes: 1500}"));
    const caller = await one.call({ ...call, declared: false });
    expect(caller.received()?.status).toBe(413);
    expect(caller.header("x-egress-error")).toEqual(["request_too_large"]);
    expect(to(one).length).toBeLessThanOrEqual(1);
  });

  it.each([
    ["read whole", chat()],
    ["streamed", upload(100_000)],
  ])("one that breaks off: 400, and nobody else is asked (%s)", async (_name, call) => {
    const one = install(TWO);
    const caller = await one.call({ ...call, breaksOff: true });
    expect(caller.received()?.status).toBe(400);
    expect(caller.header("x-egress-error")).toEqual(["request_malformed"]);
    expect(to(one).length).toBeLessThanOrEqual(1);
    expect(one.broker.status()["backends"]).toEqual([]);
  });

  it("is not read of a caller who is not known", async () => {
    const one = install(TWO);
    const caller = await one.call({ ...chat(), headers: ["authorization", "Bearer wrong"] });
    expect(caller.received()?.status).toBe(401);
    expect(caller.bodyReads()).toBe(0);
  });
});
