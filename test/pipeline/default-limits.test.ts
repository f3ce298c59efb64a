import { expect, it } from "vitest";
import type { Backend } from "../../src/index.ts";
import { chat, type Installation, install, STREAM_HEADERS } from "./installation.ts";

const UNCONFIGURED = { backends: [{ name: "only", port: 8001, api: "OpenAI" as const }] };
/** Nothing but the time of the whole call is left. */
const PATIENT = { backends: [{ name: "only", port: 8001, api: "OpenAI" as const, timeouts: "{firstByte: 0s, streamIdle: 0s}" }] };
const TEN_MINUTES = 600_000;

const backendOf = (one: Installation): Backend | undefined => one.broker.loaded()?.snapshot?.backends.get("XBackend/team-a/only");

it("B16: what nobody has configured: connect 3 s, first byte 20 s, silence 30 s", () => {
  expect(backendOf(install(UNCONFIGURED))?.timeouts).toEqual({ connectMs: 3_000, firstByteMs: 20_000, streamIdleMs: 30_000 });
});

it("B16 F6: a destination that says nothing is left after 20 s, by default", async () => {
  const one = install(UNCONFIGURED);
  one.transport.script("only", "hang");
  const { fake, done } = one.begin(chat());
  await one.clock.advance(19_999);
  expect(fake.answers()).toBe(0);
  await one.clock.advance(1);
  await done;
  expect(fake.received()?.status).toBe(504);
});

it("B16 F10: a stream that falls silent is cut after 30 s, by default, and told as broken", async () => {
  const one = install(UNCONFIGURED);
  one.transport.script("only", { status: 200, headers: STREAM_HEADERS, body: 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', ending: "hang" });
  const { fake, done } = one.begin(chat({ stream: true }));
  await one.clock.advance(29_999);
  expect(fake.received()?.body).not.toContain('"error"');
  await one.clock.advance(1);
  await done;
  expect(fake.received()).toMatchObject({ whole: false, body: expect.stringContaining('"error"') });
  expect(fake.received()?.body).not.toContain("[DONE]");
});

it("B16 F11: a call is over after ten minutes, by default, whatever still comes", async () => {
  const one = install(PATIENT);
  one.transport.script("only", { status: 200, headers: STREAM_HEADERS, body: 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', ending: "hang" });
  const stream = one.begin(chat({ stream: true }));
  const silent = install(PATIENT);
  silent.transport.script("only", "hang");
  const call = silent.begin(chat());
  for (const { clock } of [one, silent]) await clock.advance(TEN_MINUTES - 1);
  expect(stream.fake.received()?.body).not.toContain('"error"');
  expect(call.fake.answers()).toBe(0);
  for (const { clock } of [one, silent]) await clock.advance(1);
  await Promise.all([stream.done, call.done]);
  expect(stream.fake.received()).toMatchObject({ whole: false, body: expect.stringContaining('"error"') });
  expect(call.fake.received()?.status).toBe(504);
  for (const { transport } of [one, silent]) expect(transport.sent.every((sent) => sent.answer?.over ?? true)).toBe(true);
});

it("F19: a source of configuration that is gone for a day changes nothing, and the age is told", async () => {
  const one = install(UNCONFIGURED);
  one.broker.attribution.metrics.metricsText();
  await one.clock.advance(86_400_000);
  one.transport.script("only", { status: 200, headers: ["content-type", "application/json"], body: "{}" });
  expect((await one.call(chat())).received()?.status).toBe(200);
  expect(one.broker.ready()).toBe(true);
  expect(/^egress_config_snapshot_age\w*(?:\{[^}]*\})? (\d+)/m.exec(one.broker.metricsText())?.[1]).toBe("86400");
});
