import { afterAll, beforeAll, expect, it } from "vitest";
import { chunk } from "../fakes/upstream.ts";
import { chatCall, DONE } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { headerOf, rawCall } from "./raw-client.ts";
import { stream } from "./upstream-scripts.ts";

const STREAMS = 200;

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

it(`F29 B17: after SIGTERM ${STREAMS} open streams end whole, new calls are refused, and the process exits with 0`, async () => {
  world.firstDoes(stream(10, (socket) => void socket.write(`${chunk(DONE)}${chunk("")}`), 250));
  const calls = Array.from({ length: STREAMS }, () => rawCall(chatCall({ stream: true }), { port: world.port, ms: 40_000 }));
  await expect.poll(() => calls.filter((call) => call.received().includes("x0")).length).toBe(STREAMS);
  const started = performance.now();
  const exited = new Promise<number | null>((settle) => world.broker.child.once("exit", (code) => settle(code)));
  world.broker.child.kill("SIGTERM");
  await world.broker.says("SIGTERM");
  const late = await rawCall(chatCall(), { port: world.port }).answer;
  expect([0, 503]).toContain(late.status === 200 && headerOf(late, "connection") === "close" ? 503 : late.status);
  const answers = await Promise.all(calls.map((call) => call.answer));
  const whole = answers.filter((answer) => answer.end === "clean" && answer.body.endsWith(DONE)).length;
  recordFigure({ row: "F29 B17", what: `streams that ended whole after SIGTERM, of ${STREAMS}`, value: whole, unit: `of ${STREAMS}`, bar: "100 %" });
  expect(whole).toBe(STREAMS);
  expect(await exited).toBe(0);
  expect(performance.now() - started).toBeLessThan(25_000);
});
