import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chunk } from "../fakes/upstream.ts";
import { chatAnswer, chatBody, chatCall } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { headerOf, rawCall, requestBytes } from "./raw-client.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.reset());

const BODY = chatBody();
const AUTHORIZATION: readonly [string, string] = ["authorization", `Bearer ${CALLER_TOKEN}`];

const HOP_BY_HOP: readonly (readonly [string, string])[] = [
  ["connection", "close, x-hop-named"],
  ["x-hop-named", "h1"],
  ["keep-alive", "timeout=5"],
  ["proxy-authorization", "Basic c2VjcmV0"],
  ["proxy-connection", "close, x-hop"],
  ["te", "trailers"],
  ["trailer", "x-t"],
  ["proxy-authenticate", "x"],
];
const PRIVATE: readonly (readonly [string, string])[] = [
  ["cookie", "sid=client-cookie"],
  ["x-forwarded-for", "10.1.2.3"],
  ["x-real-ip", "10.1.2.3"],
  ["forwarded", "for=10.1.2.3"],
  ["x-forwarded-host", "evil"],
  ["cf-connecting-ip", "10.1.2.3"],
  ["x-amz-security-token", "client-token"],
  ["x-envoy-original-path", "/x"],
  ["x-original-url", "/admin"],
  ["x-http-method-override", "DELETE"],
  ["x_underscore", "u"],
  ["x-serverless-authorization", "Bearer client"],
];

describe.each(["/v1/chat/completions", "/v1/files", "/anything/else"])("a request to %s", (path) => {
  it.each([
    ["eight headers of one hop", HOP_BY_HOP],
    ["twelve private headers", PRIVATE],
  ])("T2 T5 B1: leaves with none of %s, and with its Host and Authorization the destination's own", async (_name, headers) => {
    const answer = await rawCall(requestBytes({ path, headers: [AUTHORIZATION, ...headers], body: BODY }), { port: world.port }).answer;
    expect(answer.status).toBe(200);
    const [seen] = world.first.seen;
    const names = seen?.headers.map(([name]) => name) ?? [];
    const leaked = headers.filter(([name, value]) =>
      name === "connection"
        ? seen?.headers.some((one) => one[1].includes("x-hop-named"))
        : names.includes(name) || seen?.headers.some((one) => one[1] === value),
    );
    expect(leaked).toEqual([]);
    expect(seen?.headers.filter(([name]) => name === "host")).toEqual([["host", `first.provider.example:${world.first.port}`]]);
    expect(seen?.headers.filter(([name]) => name === "authorization")).toEqual([["authorization", "Bearer first-canary-key"]]);
    expect([seen?.method, seen?.target]).toEqual(["POST", path]);
    expect(JSON.stringify(seen?.headers)).not.toContain(CALLER_TOKEN);
  });
});

it.each(["authorization", "x-api-key", "api-key", "x-goog-api-key"])("T5: the caller's token in %s goes no further", async (slot) => {
  const value = slot === "authorization" ? `Bearer ${CALLER_TOKEN}` : CALLER_TOKEN;
  const answer = await rawCall(requestBytes({ path: "/things", headers: [[slot, value]], body: BODY }), { port: world.port }).answer;
  expect(answer.status).toBe(200);
  const [seen] = world.first.seen;
  expect(`${JSON.stringify(seen?.headers)}${seen?.target}${seen?.body.toString()}`).not.toContain(CALLER_TOKEN);
});

it("T5 B1: none of eight signs of the destination's own comes back", async () => {
  const signs = [
    "connection: keep-alive, x-up-hop",
    "x-up-hop: 1",
    "keep-alive: timeout=777",
    "proxy-authenticate: Basic",
    "set-cookie: up=1",
    "server: secret-backend/1.2",
    'alt-svc: h3=":443"',
    "strict-transport-security: max-age=1",
    "x-up-ok: 1",
  ];
  const text = chatAnswer();
  world.firstDoes(
    (socket) =>
      void socket.write(`HTTP/1.1 200 OK\r\n${signs.join("\r\n")}\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`),
  );
  const answer = await rawCall(chatCall(), { port: world.port }).answer;
  expect(answer.status).toBe(200);
  expect(headerOf(answer, "x-up-ok")).toBe("1");
  for (const name of ["x-up-hop", "proxy-authenticate", "set-cookie", "server", "alt-svc", "strict-transport-security"])
    expect(headerOf(answer, name), name).toBeNull();
  expect(answer.raw).not.toMatch(/x-up-hop|777/i);
});

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nhost: broker.test\r\n\r\n";
const CHUNKS = `${chunk(BODY)}${chunk("")}`;
const LENGTH = `content-length: ${BODY.length}\r\n`;

/** What stands behind the first lines of a call; 22 of 22 must reach nobody (B4). */
const FRAMINGS: Readonly<Record<string, string>> = {
  "a length and chunks": `content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n${CHUNKS}${SMUGGLED}`,
  "two lengths": `${LENGTH}content-length: 3\r\n\r\n${BODY}`,
  "a list of lengths": `content-length: ${BODY.length}, ${BODY.length}\r\n\r\n${BODY}`,
  "a length with a plus": `content-length: +${BODY.length}\r\n\r\n${BODY}`,
  "a length in hexadecimal": `content-length: 0x10\r\n\r\n${BODY}`,
  "an unknown coding": `transfer-encoding: xchunked\r\n\r\n${CHUNKS}`,
  "chunked not last": `transfer-encoding: chunked, identity\r\n\r\n${CHUNKS}`,
  "chunked after a tab, and a length": `transfer-encoding:\tchunked\r\n${LENGTH}\r\n${CHUNKS}`,
  "a space before the colon": `transfer-encoding : chunked\r\n\r\n${CHUNKS}`,
  "a folded line": `x-a: 1\r\n b\r\n${LENGTH}\r\n${BODY}`,
  "a bare LF in the head": `x-a: 1\nx-b: 2\r\n${LENGTH}\r\n${BODY}`,
  "a NUL in a value": `x-a: a\0b\r\n${LENGTH}\r\n${BODY}`,
  "a CR in a value": `x-a: a\rb\r\n${LENGTH}\r\n${BODY}`,
  "an LF in a chunk extension": "transfer-encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
  "a chunk size that overflows": "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
  "two Hosts": `host: second\r\n${LENGTH}\r\n${BODY}`,
  "two Authorizations": `authorization: Bearer second-one\r\n${LENGTH}\r\n${BODY}`,
  "a header of 100 KiB": `x-a: ${"a".repeat(102_400)}\r\n${LENGTH}\r\n${BODY}`,
  "5,000 headers": `${Array.from({ length: 5_000 }, (_, index) => `x${index}: 1\r\n`).join("")}${LENGTH}\r\n${BODY}`,
};
const FIRST_LINES = `POST /v1/chat/completions HTTP/1.1\r\nhost: broker.test\r\ncontent-type: application/json\r\n${AUTHORIZATION.join(": ")}\r\n`;
const WHOLE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(FRAMINGS).map(([name, rest]) => [name, `${FIRST_LINES}${rest}`])),
  "no Host": `${FIRST_LINES.replace("host: broker.test\r\n", "")}${LENGTH}\r\n${BODY}`,
  "an absolute form with another authority": `${FIRST_LINES.replace("/v1/", "http://evil.example/v1/")}${LENGTH}\r\n${BODY}`,
};

it.each(Object.entries(WHOLE))("T10 B4: a request with %s reaches nobody", async (_name, bytes) => {
  const answer = await rawCall(bytes, { port: world.port, ms: 5_000, untilClose: true }).answer;
  expect(world.first.seen).toEqual([]);
  expect(answer.statuses.length).toBeLessThanOrEqual(1);
  if (answer.status !== 0) {
    expect([400, 431, 501]).toContain(answer.status);
    expect(headerOf(answer, "x-egress-error")).toBe("request_malformed");
  }
  expect(answer.end).not.toBe("timeout");
});

it("T10 B4: a trailer brings no Authorization to the destination, nor a second call", async () => {
  const trailer = `transfer-encoding: chunked\r\ntrailer: authorization\r\n\r\n${chunk(BODY)}0\r\nauthorization: Bearer smuggled\r\nx-trail: 1\r\n\r\n`;
  const answer = await rawCall(`${FIRST_LINES}${trailer}`, { port: world.port }).answer;
  expect(answer.statuses).toHaveLength(1);
  expect(world.first.seen.length).toBeLessThanOrEqual(1);
  expect(JSON.stringify(world.first.seen.map(({ headers }) => headers))).not.toMatch(/smuggled|x-trail/);
});
