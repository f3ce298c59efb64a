import { afterAll, beforeAll, expect, it } from "vitest";
import { type Answer, chunk, reply, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatAnswer, chatCall, chatEvent, DONE } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { caseCount, diceOf, mutated, runCases, seedOfRun } from "./mutation.ts";
import { beginsWhole, headerOf, rawCall } from "./raw-client.ts";

const CASES = caseCount(1_500);

const JSON_ANSWER = chatAnswer("z".repeat(200));
const JSON_ANSWERS: readonly Buffer[] = [
  Buffer.from(reply(JSON_ANSWER)),
  Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk(JSON_ANSWER.slice(0, 90))}${chunk(JSON_ANSWER.slice(90))}${chunk("")}`,
  ),
  Buffer.from(reply('{"error":{"message":"made up"}}', { "retry-after": "1" }, 429)),
];
const STREAM = Buffer.from(`${STREAM_HEAD}${[0, 1, 2, 3].map((index) => chunk(chatEvent(index))).join("")}${chunk(DONE)}${chunk("")}`);

let world: HostileWorld;
let seed = 0;
beforeAll(async () => {
  world = await startHostileWorld({ args: ["--quiet"] });
  world.firstDoes(mutatedAnswer);
});
afterAll(() => world?.close());

/** The case's number comes in a header of the caller's, so that both sides know what was sent. */
const mutatedAnswer: Answer = (socket, request) => {
  const index = Number(request.headers.find(([name]) => name === "x-case")?.[1] ?? 0);
  const { bytes, resets } = answerOf(index);
  socket.write(bytes, () => (resets ? socket.resetAndDestroy() : socket.end()));
};

function answerOf(index: number) {
  const dice = diceOf(seed, index);
  const stream = dice() < 0.5;
  const resets = dice() < 0.1;
  const valid = stream ? STREAM : (JSON_ANSWERS[Math.floor(dice() * JSON_ANSWERS.length)] ?? STREAM);
  return { stream, resets, bytes: mutated(valid, dice) };
}

it(`F12 F9 B6 B7: ${CASES} mutated answers: no damage behind a clean end, no 500, and the broker lives`, { timeout: 120_000 + CASES * 20 }, async () => {
  seed = seedOfRun("mutated answers");
  const wrong: string[] = [];
  await runCases("mutated answers", CASES, 32, async (index) => {
    const { stream, bytes } = answerOf(index);
    const answer = await rawCall(chatCall({ stream, headers: [["x-case", String(index)]] }), { port: world.port }).answer;
    world.first.seen.length = 0;
    const note = (what: string): void =>
      void wrong.push(
        `SPILLWAY_SEED=${seed} case ${index}: ${what}: ${JSON.stringify(bytes.toString("latin1"))} -> ${answer.end} ${JSON.stringify(answer.raw)}`,
      );
    const own = headerOf(answer, "x-egress-error");
    if (answer.end === "timeout") note("no end");
    if (answer.statuses.length > 1) note("two answers");
    if (own !== null && answer.status === 500) note("500");
    if (answer.end !== "clean" || own !== null) return;
    if (!beginsWhole(bytes.toString("latin1"))) note("a broken answer ended cleanly");
    const isStream = /^text\/event-stream\s*(;|$)/i.test(headerOf(answer, "content-type") ?? "") && headerOf(answer, "content-encoding") === null;
    if (answer.status === 200 && stream && isStream && !/^data: ?\[DONE\]/m.test(answer.body)) note("a stream without its end marker ended cleanly");
  });
  expect(wrong.slice(0, 3)).toEqual([]);
  expect(world.broker.child.exitCode).toBeNull();
  expect((await fetch(`${world.broker.url}/-/readyz`)).status).toBe(200);
});
