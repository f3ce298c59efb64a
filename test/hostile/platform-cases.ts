import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { type Answer, chunk, reply, STREAM_HEAD } from "../fakes/upstream.ts";
import { chatAnswer, chatBody, chatCall } from "./chat-bytes.ts";
import { JSON_BODIES } from "./json-bodies.ts";
import { caseCount, diceOf, mutated, runCases, seedOfRun } from "./mutation.ts";
import { CANARIES, type PlatformWorld } from "./platform-world.ts";
import { headerOf, type RawAnswer, rawCall, requestBytes, tellsError } from "./raw-client.ts";
import { CUT_ANSWERS, DYING_STREAMS, refuseWith, silence } from "./upstream-scripts.ts";

const AUTHORIZATION: readonly [string, string] = ["authorization", `Bearer ${CALLER_TOKEN}`];
const PRIVATE: readonly (readonly [string, string])[] = [
  ["cookie", "sid=client-cookie"],
  ["x-forwarded-host", "evil"],
  ["x-amz-security-token", "client-token"],
  ["x-original-url", "/admin"],
  ["x-http-method-override", "DELETE"],
  ["x-serverless-authorization", "Bearer client"],
  ["proxy-authorization", "Basic c2VjcmV0"],
  ["x-real-ip", "10.1.2.3"],
  ["forwarded", "for=10.1.2.3"],
];

/** What holds on every platform, over its own sockets, where it can be seen from outside. `lenient`: answers that the platform's own parser takes for whole ones. */
export function describePlatform(platform: string, start: () => Promise<PlatformWorld>, { lenient = [] }: { readonly lenient?: readonly string[] } = {}): void {
  describe(`on ${platform}`, () => {
    let world: PlatformWorld;
    const replies: RawAnswer[] = [];
    beforeAll(async () => {
      world = await start();
    });
    afterAll(() => world?.close());
    beforeEach(() => world.reset());

    async function call(bytes: Buffer | string, ms = 30_000): Promise<RawAnswer> {
      const answer = await rawCall(bytes, { port: world.port, ms }).answer;
      replies.push(answer);
      return answer;
    }

    it.each(Object.entries(DYING_STREAMS))(
      `F8 F9 B6: ${platform}: a stream that dies after three events by %s keeps them and is told`,
      async (_name, script) => {
        world.firstDoes(script);
        const answer = await call(chatCall({ stream: true }));
        expect(answer.status).toBe(200);
        expect(["x0", "x1", "x2"].filter((word) => answer.body.includes(word))).toHaveLength(3);
        expect(tellsError(answer) || answer.end === "aborted").toBe(true);
        expect(answer.body).not.toContain("[DONE]");
        expect(answer.body).not.toContain("second");
      },
    );

    it.each(Object.entries(CUT_ANSWERS).filter(([name]) => !lenient.includes(name)))(
      `F12 B6: ${platform}: %s is no whole answer of the first`,
      async (_name, script) => {
        world.firstDoes(script);
        const answer = await call(chatCall());
        if (answer.end === "clean") {
          // The second's, or that there was none.
          if (answer.status === 200) expect(answer.body).toBe(chatAnswer("second"));
          else expect([502, 504]).toContain(answer.status);
        } else expect(answer.end).toBe("aborted");
        expect(headerOf(answer, "set-cookie")).toBeNull();
      },
    );

    it.each<readonly [string, Answer, boolean]>([
      ["F1: 429", refuseWith(429, { "retry-after": "30" }), true],
      ["F2: 503", refuseWith(503), true],
      ["F2: 529", refuseWith(529), true],
      ["F3: 500", refuseWith(500), true],
      ["F3: a reset before the head", (socket) => void socket.resetAndDestroy(), true],
      ["F6: silence", silence, true],
      ["F7: a head and silence", (socket) => void socket.write(STREAM_HEAD), true],
      ["F4: 400", refuseWith(400), false],
      ["F4: 404", refuseWith(404), false],
      ["F4: 422", refuseWith(422), false],
    ])(`${platform}: %s: switches once where it may, with the key of the other, and never where it may not`, async (_name, script, switches) => {
      world.firstDoes(script);
      const answer = await call(chatCall({ stream: true }));
      expect(world.seen("second").length).toBe(switches ? 1 : 0);
      if (switches) {
        expect(answer).toMatchObject({ status: 200, end: "clean" });
        expect(answer.body).toContain("second");
      } else expect(answer.status).toBeGreaterThanOrEqual(400);
      for (const host of ["first", "second"] as const)
        for (const { headers } of world.seen(host)) expect(headers).toContainEqual(["authorization", `Bearer ${host}-canary-key`]);
    });

    it.each([301, 302, 303, 307, 308])(`T3 B1: ${platform}: a %i is never followed`, async (status) => {
      world.firstDoes((socket) => void socket.write(reply("", { location: "https://evil.example/collect" }, status)));
      const answer = await call(chatCall());
      expect(answer.status).not.toBe(200);
      expect(world.seen("other")).toEqual([]);
      expect(world.seen("second")).toEqual([]);
    });

    it(`T5 B1: ${platform}: what is private to the caller does not go up`, async () => {
      const answer = await call(requestBytes({ headers: [AUTHORIZATION, ...PRIVATE], body: chatBody() }));
      expect(answer.status).toBe(200);
      const [seen] = world.seen("first");
      const text = JSON.stringify(seen?.headers);
      expect(PRIVATE.filter(([name, value]) => seen?.headers.some((one) => one[0] === name) === true || text.includes(value))).toEqual([]);
      expect(text).not.toContain(CALLER_TOKEN);
    });

    it(`T5 B1: ${platform}: what is the destination's own does not come back`, async () => {
      const signs = {
        "set-cookie": "up=1",
        server: "secret-backend/1.2",
        "alt-svc": 'h3=":443"',
        "strict-transport-security": "max-age=1",
        "proxy-authenticate": "Basic",
        "x-up-ok": "1",
      };
      world.firstDoes((socket) => void socket.write(reply(chatAnswer(), signs)));
      const answer = await call(chatCall());
      expect(headerOf(answer, "x-up-ok")).toBe("1");
      for (const name of ["set-cookie", "alt-svc", "strict-transport-security", "proxy-authenticate"]) expect(headerOf(answer, name), name).toBeNull();
      expect(answer.raw).not.toContain("secret-backend");
    });

    it.each(Object.entries(JSON_BODIES))(`T19 T21 B7: ${platform}: a body that is %s makes no 5xx and no trace of our code`, async (_name, body) => {
      const answer = await call(requestBytes({ headers: [AUTHORIZATION], body }));
      expect(answer.end).toBe("clean");
      expect(answer.status).toBeGreaterThanOrEqual(200);
      expect(answer.status).toBeLessThan(500);
      expect(answer.body).not.toMatch(/\bat .+:\d+:\d+|node:|\.ts\b|SyntaxError|TypeError|RangeError/);
    });

    it.each<readonly [string, string]>([
      ["no token", ""],
      ["a token that nobody has", "Bearer nobody"],
      ["Basic", `Basic ${CALLER_TOKEN}`],
      ["an unsigned token", `Bearer ${unsigned({ iss: "https://kubernetes.default.svc", sub: "system:serviceaccount:team-a:chat", exp: 9e9 })}`],
      ["a token of 64 KiB", `Bearer ${"a".repeat(12_000)}`],
      ["two tokens", `Bearer ${CALLER_TOKEN}, Bearer ${CALLER_TOKEN}`],
      ["__proto__", "Bearer __proto__"],
    ])(`T12 B3: ${platform}: %s reaches nobody`, async (_name, value) => {
      const answer = await call(requestBytes({ headers: value === "" ? [] : [["authorization", value]], body: chatBody() }));
      expect([400, 401, 431]).toContain(answer.status);
      expect(world.seen("first")).toEqual([]);
    });

    it(`T18 B12: ${platform}: an event that never ends passes as it comes, unjudged, and its end by death is told`, async () => {
      const piece = "a".repeat(65_536);
      world.firstDoes((socket) => {
        socket.write(`${STREAM_HEAD}${chunk("data: ")}`);
        for (let sent = 0; sent < 4 * 1_048_576; sent += piece.length) socket.write(chunk(piece));
        socket.end();
      });
      const answer = await call(chatCall({ stream: true }));
      expect(tellsError(answer) || answer.end === "aborted").toBe(true);
      expect(answer.body.length).toBeGreaterThan(3 * 1_048_576);
      expect(answer.body).not.toContain("[DONE]");
      world.reset();
      expect(await call(chatCall())).toMatchObject({ status: 200, end: "clean" });
    });

    it(`T17 B12: ${platform}: a gzip bomb passes as the bytes that it is`, async () => {
      const bomb = gzipSync(Buffer.alloc(64 * 1_048_576, " "));
      world.firstDoes((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
        socket.write(bomb);
      });
      for (const accepts of [[], [["accept-encoding", "gzip"]]] as const) {
        const answer = await call(requestBytes({ headers: [AUTHORIZATION, ...accepts], body: chatBody() }));
        expect(answer.end).not.toBe("timeout");
        expect(answer.body.length).toBeLessThanOrEqual(bomb.length * 1.1);
      }
    });

    const cases = caseCount(150, 20_000);
    it(`F37 B7: ${platform}: ${cases} mutated answers and bodies end in time, make no call elsewhere, and leave it serving`, {
      timeout: 60_000 + cases * 100,
    }, async () => {
      const seed = seedOfRun(`mutated answers on ${platform}`);
      const wrong: string[] = [];
      const valid = [
        Buffer.from(reply(chatAnswer("z".repeat(50)))),
        Buffer.from(`${STREAM_HEAD}${chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n')}${chunk("data: [DONE]\n\n")}${chunk("")}`),
      ];
      await runCases(`mutated answers on ${platform}`, cases, 4, async (index) => {
        const dice = diceOf(seed, index);
        const bytes = mutated(valid[index % 2] ?? Buffer.alloc(0), dice);
        world.firstDoes((socket) => void socket.end(bytes));
        const body = dice() < 0.5 ? chatBody({ stream: index % 2 === 1 }) : mutated(Buffer.from(chatBody()), dice);
        const answer = await call(requestBytes({ headers: [AUTHORIZATION], body }));
        if (answer.end === "timeout" || answer.status === 500 || (answer.status === 0 && answer.end === "clean")) {
          wrong.push(`SPILLWAY_SEED=${seed} case ${index}: ${answer.end} ${answer.status}: ${JSON.stringify(bytes.toString("latin1").slice(0, 300))}`);
        }
        for (const { target } of [...world.seen("first"), ...world.seen("second")])
          if (target !== "/v1/chat/completions") wrong.push(`case ${index}: ${target}`);
      });
      expect(wrong).toEqual([]);
      expect(world.seen("other")).toEqual([]);
      world.reset();
      expect(await call(chatCall({ stream: true }))).toMatchObject({ status: 200, end: "clean" });
    });

    it(`T7: ${platform}: a destination that echoes the key of the broker has it taken out`, async () => {
      for (const status of [400, 401, 500]) {
        world.firstDoes((socket, { headers }) => {
          const key = headers.find(([name]) => name === "authorization")?.[1] ?? "";
          socket.write(reply(JSON.stringify({ error: { message: `bad key ${key}` } }), { "x-echo": key, location: `/?k=${encodeURIComponent(key)}` }, status));
        });
        await call(chatCall());
      }
      expect(leaks(replies.map(({ raw }) => raw).join("\n"))).toEqual([]);
    });

    it(`T6 B2: ${platform}: no key in anything that it has answered or written in all of this`, () => {
      expect(replies.length).toBeGreaterThan(60);
      expect(leaks(replies.map(({ raw }) => raw).join("\n"))).toEqual([]);
      expect(leaks(world.logs())).toEqual([]);
      expect(world.logs()).not.toContain(CALLER_TOKEN);
    });
  });
}

function leaks(text: string): readonly string[] {
  return CANARIES.flatMap((key) => [key, Buffer.from(`Bearer ${key}`).toString("base64").slice(0, -4), encodeURIComponent(`Bearer ${key}`)]).filter((form) =>
    text.includes(form),
  );
}

function unsigned(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}
