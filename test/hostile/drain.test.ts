import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chunk, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatCall, chatEvent, DONE } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { headerOf, rawCall } from "./raw-client.ts";

const STREAMS = 200;

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

it(`F29 B17: after SIGTERM ${STREAMS} open streams end whole, new calls are refused, and the process exits with 0`, async () => {
  let goOn = (): void => {};
  const told = new Promise<void>((settle) => {
    goOn = settle;
  });
  // Each goes on when all are open and the process was told to end.
  world.firstDoes(async (socket) => {
    socket.write(`${STREAM_HEAD}${chunk(chatEvent(0))}`);
    await told;
    for (let index = 1; index < 10 && !socket.destroyed; index++) {
      socket.write(chunk(chatEvent(index)));
      await wait(50);
    }
    socket.write(`${chunk(DONE)}${chunk("")}`);
  });
  const calls = Array.from({ length: STREAMS }, () => rawCall(chatCall({ stream: true }), { port: world.port, ms: 80_000 }));
  await expect.poll(() => calls.filter((call) => call.received().includes("x0")).length, { timeout: 60_000 }).toBe(STREAMS);
  const started = performance.now();
  const exited = new Promise<number | null>((settle) => world.broker.child.once("exit", (code) => settle(code)));
  world.broker.child.kill("SIGTERM");
  await world.broker.says("SIGTERM");
  const refused = rawCall(chatCall(), { port: world.port }).answer;
  goOn();
  const late = await refused;
  expect([0, 503]).toContain(late.status === 200 && headerOf(late, "connection") === "close" ? 503 : late.status);
  const answers = await Promise.all(calls.map((call) => call.answer));
  const whole = answers.filter((answer) => answer.end === "clean" && answer.body.endsWith(DONE)).length;
  recordFigure({ row: "F29 B17", what: `streams that ended whole after SIGTERM, of ${STREAMS}`, value: whole, unit: `of ${STREAMS}`, bar: "100 %" });
  expect(whole).toBe(STREAMS);
  expect(await exited).toBe(0);
  expect(performance.now() - started).toBeLessThan(60_000);
});
