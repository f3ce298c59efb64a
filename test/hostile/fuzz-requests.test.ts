import { afterAll, beforeAll, expect, it } from "vitest";
import { REFUSALS } from "../../src/model/errors.ts";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chunk } from "../fakes/upstream.ts";
import { chatBody, chatCall } from "./chat-bytes.ts";
import { recordFigure } from "./figure.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { caseCount, diceOf, mutated, runCases, seedOfRun } from "./mutation.ts";
import { residentBytes } from "./process-memory.ts";
import { headerOf, rawCall } from "./raw-client.ts";

const CASES = caseCount(4_000);
/** Bytes that the process may grow by. */
const MEMORY = 64 * 1024 * 1024;
const PATH = "/v1/chat/completions";

const BODY = chatBody({ stream: false });
const AUTHORIZATION = `authorization: Bearer ${CALLER_TOKEN}\r\n`;
const VALID: readonly Buffer[] = [
  chatCall(),
  chatCall({ stream: true }),
  Buffer.from(
    `POST ${PATH} HTTP/1.1\r\nHost: broker.test\r\n${AUTHORIZATION}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk(BODY)}${chunk("")}`,
  ),
  Buffer.from(
    `POST ${PATH}?a=1 HTTP/1.1\r\nHost: broker.test:80\r\nx-api-key: ${CALLER_TOKEN}\r\naccept: */*\r\ncontent-length: ${BODY.length}\r\nconnection: keep-alive\r\n\r\n${BODY}`,
  ),
];

let world: HostileWorld;
beforeAll(async () => {
  // Only one method and path are routed, so that whatever else arrives at the destination got there by a trick.
  world = await startHostileWorld({
    // A million lines of log would be this process's memory.
    args: ["--quiet"],
    manifests: {
      rules: `  - name: chat\n    matches: [{method: POST, path: {type: Exact, value: ${PATH}}}]\n    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]\n`,
    },
  });
  for (let index = 0; index < 300; index++) await rawCall(chatCall(), { port: world.port }).answer;
});
afterAll(() => world?.close());

it(`F37 B7 T10: ${CASES} mutated requests make no 5xx, reach no other method or path of the destination, and cost no memory`, {
  timeout: 120_000 + CASES * 20,
}, async () => {
  const seed = seedOfRun("mutated requests");
  const wrong: string[] = [];
  const note = (index: number, what: string, bytes: Buffer): void =>
    void wrong.push(`SPILLWAY_SEED=${seed} case ${index}: ${what}: ${JSON.stringify(bytes.toString("latin1").slice(0, 600))}`);
  const one = async (index: number): Promise<void> => {
    const dice = diceOf(seed, index);
    const bytes = mutated(VALID[Math.floor(dice() * VALID.length)] ?? Buffer.alloc(0), dice);
    const answer = await rawCall(bytes, { port: world.port, ms: 400, halfClose: true }).answer;
    // A loop, which some mutations look like, is told by 508.
    const failed = answer.statuses.find((status) => status >= 500 && headerOf(answer, "x-egress-error") !== "egress_loop");
    if (failed !== undefined) note(index, `${failed} ${answer.body.slice(0, 200)}`, bytes);
    // The destination answers 200: whatever else comes is the broker's own.
    if (answer.status >= 400 && !Object.hasOwn(REFUSALS, headerOf(answer, "x-egress-error") ?? "none")) note(index, `${answer.status} without a code`, bytes);
    // Looked at as they come, so that a million do not stay in memory.
    for (const seen of world.first.seen.splice(0)) {
      if (seen.method !== "POST" || seen.target.split("?")[0] !== PATH) note(index, `the destination saw ${seen.method} ${seen.target}`, bytes);
    }
  };
  // With 64 connections at once V8 takes up to 134 MB for its young generation, however few or many calls there are, and keeps it for a while. What counts is growth behind that.
  const warm = Math.floor(CASES / 4);
  await runCases("mutated requests", warm, 64, one);
  const before = residentBytes(world.broker.pid);
  await runCases("mutated requests", CASES - warm, 64, (index) => one(warm + index));
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(world.broker.child.exitCode).toBeNull();
  const good = await rawCall(chatCall(), { port: world.port }).answer;
  expect(good).toMatchObject({ status: 200, end: "clean" });
  if (before === null) return;
  const grown = () => (residentBytes(world.broker.pid) ?? 0) - before;
  await expect.poll(grown, { timeout: 60_000, interval: 250 }).toBeLessThan(MEMORY);
  recordFigure({
    row: "F37",
    what: `growth of memory over ${CASES - warm} mutated requests, after ${warm} to warm up`,
    value: Math.round(grown() / 1_048_576),
    unit: "MiB",
    bar: "<= 64 MiB",
  });
});
