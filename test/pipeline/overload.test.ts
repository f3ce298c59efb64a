import { describe, expect, it } from "vitest";
import { createScriptedPressure } from "../fakes/scripted-pressure.ts";
import { chat, GOOD_STREAM, install, ONE, STREAM_HEADERS } from "./installation.ts";

function pressed() {
  const pressure = createScriptedPressure();
  const installed = install(ONE, { pressure });
  const begin = () => pressure.begin({ cause: "event_loop", since: installed.clock.now() });
  return { ...installed, pressure, beginOverload: begin };
}

describe("an overloaded instance", () => {
  it("F17: refuses a new call with 503 overloaded and Retry-After 1, before anybody is asked who calls", async () => {
    const { call, beginOverload, asked, transport } = pressed();
    beginOverload();
    const fake = await call({ headers: ["x-request-id", "the-caller-s-own"] });
    expect(fake.received()?.status).toBe(503);
    expect(fake.header("x-egress-error")).toEqual(["overloaded"]);
    expect(fake.header("retry-after")).toEqual(["1"]);
    expect(fake.header("x-request-id")).toEqual(["the-caller-s-own"]);
    expect(fake.header("content-type")).toEqual(["application/problem+json"]);
    expect(asked).toEqual([]);
    expect(transport.sent).toHaveLength(0);
    expect(fake.bodyReads()).toBe(0);
  });

  it("F17: says so in the error envelope of the API that was called", async () => {
    const { call, beginOverload } = pressed();
    beginOverload();
    const openai = await call(chat());
    expect(JSON.parse(openai.received()?.body ?? "")).toMatchObject({ error: { code: "overloaded" } });
    const anthropic = await call({ ...chat(), target: "/v1/messages" });
    expect(JSON.parse(anthropic.received()?.body ?? "")).toMatchObject({ type: "error", error: { type: expect.any(String) } });
    expect(anthropic.header("x-egress-error")).toEqual(["overloaded"]);
  });

  it("F17: lets streams under way go on, and takes calls again when it is over", async () => {
    const { begin, call, clock, pressure, beginOverload, transport } = pressed();
    transport.script("only", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM });
    const { fake, done } = begin(chat());
    fake.onByte(beginOverload);
    await done;
    expect(pressure.overload()).not.toBeNull();
    expect(fake.received()).toMatchObject({ status: 200, whole: true });
    expect(fake.received()?.body).toContain("[DONE]");
    expect((await call(chat())).received()?.status).toBe(503);
    await clock.advance(1_000);
    pressure.end();
    expect((await call(chat())).received()?.status).toBe(200);
  });

  it("F17: is not ready meanwhile, and the status says since when", async () => {
    const { broker, pressure, beginOverload, clock } = pressed();
    expect(broker.ready()).toBe(true);
    const since = clock.now();
    beginOverload();
    expect(broker.ready()).toBe(false);
    expect(broker.status()).toMatchObject({ ready: false, degraded: [{ part: "overload", subject: "instance", reason: "event_loop", since }] });
    pressure.end();
    expect(broker.ready()).toBe(true);
    expect(broker.status()).toMatchObject({ ready: true, degraded: [] });
  });

  it("F17: tells of it once a change by event, counts every refusal, and writes no line for one", async () => {
    const { broker, call, clock, events, log, pressure, beginOverload } = pressed();
    events.length = 0;
    beginOverload();
    for (let count = 0; count < 5; count += 1) await call(chat());
    await clock.advance(1_500);
    expect(broker.metricsText()).toMatch(/^egress_degraded\{part="overload"[^}]*\} 1$/m);
    pressure.end();
    expect(events).toMatchObject([
      { type: "instance.overloaded", data: { cause: "event_loop" } },
      { type: "instance.recovered", data: { cause: "event_loop", forMs: 1_500 } },
    ]);
    // The platform's own list of what is degraded writes the two lines; calls write none.
    expect(log).toEqual([]);
    const text = broker.metricsText();
    expect(text).toMatch(/^egress_refusals_total\{[^}]*code="overloaded"\} 5$/m);
    expect(text).toMatch(/^egress_requests_total\{[^}]*outcome="refused",code="503"\} 5$/m);
    expect(text).toMatch(/^http_server_active_requests 0$/m);
  });
});
