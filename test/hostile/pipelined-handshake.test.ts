import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { reply } from "../fakes/upstream.ts";
import { chatAnswer, chatCall } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { rawCall } from "./raw-client.ts";
import { silence } from "./upstream-scripts.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.reset());

const HANDSHAKE = Buffer.from(
  [
    "GET /v1/realtime?model=m HTTP/1.1",
    "host: localhost",
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n"),
);

/** What may stand in front, from anybody: none of them is answered before the parser comes to what follows. */
const FRONTS: readonly (readonly [string, Buffer])[] = [
  ["a call without a token", Buffer.from("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")],
  ["a request that is refused before anybody looks at it", Buffer.from("GET /v1/models HTTP/1.1\r\nhost: a b\r\n\r\n")],
  ["a page of the broker's own", Buffer.from("GET /-/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n")],
];

it.each(FRONTS)("F35 T10: a WebSocket handshake in one packet behind %s ends nothing but its connection", async (_front, bytes) => {
  const { answer } = rawCall(Buffer.concat([bytes, HANDSHAKE]), { port: world.port, untilClose: true, ms: 5_000 });
  const { statuses } = await answer;
  expect(statuses).not.toContain(101);
  expect((await fetch(`${world.broker.url}/-/healthz`)).status).toBe(200);
});

it("F35 T10: a handshake behind calls under way is refused in its turn, and the calls have their answers", async () => {
  let answered = 0;
  world.firstDoes((socket) => {
    // Not before both are there: until then both are under way.
    answered += 1;
    const write = () => socket.write(reply(chatAnswer(), { "content-type": "application/json" }));
    if (answered === 1) setTimeout(write, 100);
    else write();
  });
  const { answer } = rawCall(Buffer.concat([chatCall(), chatCall(), HANDSHAKE]), { port: world.port, untilClose: true, ms: 10_000 });
  const { statuses, raw } = await answer;
  expect(statuses).toEqual([200, 200, 400]);
  expect(raw).toContain("handshake");
});

it("T10: a CONNECT behind calls under way is no answer to them, and they end at their destination", async () => {
  let open = 0;
  let most = 0;
  world.firstDoes((socket, request) => {
    open += 1;
    most = Math.max(most, open);
    socket.on("close", () => {
      open -= 1;
    });
    silence(socket, request);
  });
  const tunnel = Buffer.from("CONNECT localhost:443 HTTP/1.1\r\nhost: localhost:443\r\n\r\n");
  const call = rawCall(Buffer.concat([chatCall(), chatCall()]), { port: world.port, untilClose: true, ms: 10_000 });
  await expect.poll(() => open).toBe(2);
  call.socket.write(tunnel);
  expect((await call.answer).statuses).toEqual([]);
  await expect.poll(() => open).toBe(0);
  expect(most).toBe(2);
});

it("T10: what is no request behind a call under way ends the connection, and no refusal stands where the call's answer would", async () => {
  world.firstDoes(silence);
  const call = rawCall(chatCall(), { port: world.port, untilClose: true, ms: 10_000 });
  await expect.poll(() => world.first.seen.length).toBe(1);
  call.socket.write("no request\r\n\r\n");
  expect((await call.answer).statuses).toEqual([]);
});

it("F15 T10: a caller that leaves with a handshake behind its calls leaves no call to a destination behind", async () => {
  let open = 0;
  world.firstDoes((socket, request) => {
    open += 1;
    socket.on("close", () => {
      open -= 1;
    });
    silence(socket, request);
  });
  const call = rawCall(Buffer.concat([chatCall(), chatCall(), HANDSHAKE]), { port: world.port, untilClose: true });
  await expect.poll(() => open).toBe(2);
  call.socket.destroy();
  await expect.poll(() => open).toBe(0);
});
