import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chatCall } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { headerOf, rawCall, tellsError } from "./raw-client.ts";
import { answerChat, CUT_ANSWERS, DYING_STREAMS } from "./upstream-scripts.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.reset());

describe("a stream that dies after three chunks keeps them, gets the error event, and never [DONE]", () => {
  it.each(Object.entries(DYING_STREAMS))("F8 F9 B6: %s", async (_name, script) => {
    world.firstDoes(script);
    const answer = await rawCall(chatCall({ stream: true }), { port: world.port }).answer;
    expect(answer.status).toBe(200);
    expect(["x0", "x1", "x2"].filter((word) => answer.body.includes(word))).toHaveLength(3);
    expect(tellsError(answer)).toBe(true);
    expect(answer.end).toBe("aborted");
    expect(answer.body).not.toContain("[DONE]");
    expect(world.first.seen).toHaveLength(1);
  });
});

describe("an answer that is none, or none whole, is told", () => {
  it.each(Object.entries(CUT_ANSWERS))("F12 B6: %s", async (_name, script) => {
    world.firstDoes(script);
    const answer = await rawCall(chatCall(), { port: world.port }).answer;
    if (answer.end === "clean") {
      expect(answer.status).toBe(502);
      expect(headerOf(answer, "x-egress-error")).toBe("upstream_unavailable");
    } else expect(answer.end).toBe("aborted");
    expect(headerOf(answer, "set-cookie")).toBeNull();
    expect(answer.statuses).toHaveLength(1);
  });
});

it("F8: after all of them a good stream is whole", async () => {
  world.firstDoes(answerChat());
  const answer = await rawCall(chatCall({ stream: true }), { port: world.port }).answer;
  expect(answer).toMatchObject({ status: 200, end: "clean" });
  expect(answer.body).toMatch(/x2[\s\S]*\[DONE\]\n\n$/);
});
