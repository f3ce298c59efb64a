import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NodeServer } from "../../adapters/knative/node-server.ts";
import { rawClient, startNodeServer } from "../fakes/node-broker.ts";

const HEAD = "POST /v1/x HTTP/1.1\r\nHost: broker.test\r\n";
const GET = "GET /smuggled HTTP/1.1\r\nHost: broker.test\r\n\r\n";

/** Framings that two parsers may read differently. */
const WEB_SOCKET =
  "GET / HTTP/1.1\r\nHost: broker.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n";

const AMBIGUOUS: readonly (readonly [string, string])[] = [
  ["length and chunked", `${HEAD}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}`],
  ["two lengths", `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`],
  ["two equal lengths", `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab`],
  ["a list of lengths", `${HEAD}Content-Length: 2, 2\r\n\r\nab`],
  ["a length with a plus", `${HEAD}Content-Length: +2\r\n\r\nab`],
  ["a length in hexadecimal", `${HEAD}Content-Length: 0x2\r\n\r\nab`],
  ["a negative length", `${HEAD}Content-Length: -2\r\n\r\nab`],
  ["an unknown coding", `${HEAD}Transfer-Encoding: xchunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`],
  ["chunked not last", `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n2\r\nab\r\n0\r\n\r\n`],
  ["chunked after a tab, with a length", `${HEAD}Content-Length: 2\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n`],
  ["a space before the colon", `${HEAD}Transfer-Encoding : chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`],
  ["a folded line", `${HEAD}X-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\nab`],
  ["bare line feeds", "POST /v1/x HTTP/1.1\nHost: broker.test\nContent-Length: 2\n\nab"],
  ["a NUL in a value", `${HEAD}X-A: a\0b\r\nContent-Length: 2\r\n\r\nab`],
  ["a CR in a value", `${HEAD}X-A: a\rX-B: b\r\nContent-Length: 2\r\n\r\nab`],
  ["a line feed in a chunk extension", `${HEAD}Transfer-Encoding: chunked\r\n\r\n2;\nx\r\nab\r\n0\r\n\r\n`],
  ["a chunk size that overflows", `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n`],
  ["two hosts", `GET / HTTP/1.1\r\nHost: broker.test\r\nHost: evil.test\r\n\r\n`],
  ["no host", "GET / HTTP/1.1\r\n\r\n"],
  ["no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
  ["an empty host", "GET / HTTP/1.1\r\nHost: \r\n\r\n"],
  ["a host with userinfo", "GET / HTTP/1.1\r\nHost: broker.test@evil.test\r\n\r\n"],
  ["absolute-form with another authority", "GET http://evil.test/x HTTP/1.1\r\nHost: broker.test\r\n\r\n"],
  ["absolute-form with userinfo", "GET http://broker.test@evil.test/x HTTP/1.1\r\nHost: broker.test\r\n\r\n"],
  ["authority-form", "CONNECT evil.test:443 HTTP/1.1\r\nHost: broker.test\r\n\r\n"],
  ["asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: broker.test\r\n\r\n"],
  ["two authorizations", "GET / HTTP/1.1\r\nHost: broker.test\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"],
  ["two API keys", "GET / HTTP/1.1\r\nHost: broker.test\r\nx-api-key: a\r\nX-Api-Key: b\r\n\r\n"],
  ["a header of 100 KiB", `GET / HTTP/1.1\r\nHost: broker.test\r\nX-A: ${"a".repeat(102_400)}\r\n\r\n`],
  ["5,000 headers", `GET / HTTP/1.1\r\nHost: broker.test\r\n${"a:b\r\n".repeat(5_000)}\r\n`],
  ["101 headers", `GET / HTTP/1.1\r\nHost: broker.test\r\n${"a:b\r\n".repeat(100)}\r\n`],
  ["a space in the target", "GET /a b HTTP/1.1\r\nHost: broker.test\r\n\r\n"],
  // What follows a handshake would be read as frames by one, and as a call by another.
  ["a web socket with a call behind its handshake", `${WEB_SOCKET}\r\nGET /admin HTTP/1.1\r\nHost: broker.test\r\n\r\n`],
  ["a web socket with a body", `${WEB_SOCKET}Content-Length: 3\r\n\r\nabc`],
  ["a web socket with a body in chunks", `${WEB_SOCKET}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
  ["a web socket by POST", `${WEB_SOCKET.replace("GET", "POST")}\r\n`],
  ["a web socket without Connection", `${WEB_SOCKET.replace("Connection: Upgrade\r\n", "")}\r\n`],
  ["a web socket under the broker's own paths", `${WEB_SOCKET.replace("GET /", "GET /-/status")}\r\n`],
];

describe("a request that two parsers may read differently", () => {
  let server: NodeServer;
  let port = 0;
  const whole: string[] = [];
  beforeAll(async () => {
    ({ server, port } = await startNodeServer(async (exchange) => {
      const body = exchange.body.present ? await exchange.body.collect(1_000_000) : new Uint8Array();
      if (typeof body === "string") {
        exchange.responder.reply(400, [], null);
        return;
      }
      whole.push(exchange.target);
      exchange.responder.reply(200, ["x-target", exchange.target], Buffer.from("ok"));
    }));
  });
  afterAll(() => server.drain(0));

  it.each(AMBIGUOUS)("T10 T2 B4: is refused, reaches nobody and closes the connection: %s", async (_name, bytes) => {
    whole.length = 0;
    const client = rawClient(port, bytes);
    const received = await client.closed;
    expect(whole).toEqual([]);
    expect(received.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1);
    if (received !== "") expect(received).toMatch(/^HTTP\/1\.1 (4\d\d|501) /);
    if (received !== "") expect(received).toContain("x-egress-error: request_");
  });

  it.each(["h2c", "TLS/1.0", "websocket, h2c", "foo"])(
    "keeps to HTTP/1.1 where %s is offered: the body and the call behind it are read as such",
    async (token) => {
      whole.length = 0;
      const offer = `Host: broker.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${token}\r\nHTTP2-Settings: AAMAAABk\r\n`;
      const client = rawClient(port, `POST /one HTTP/1.1\r\n${offer}Content-Length: 3\r\n\r\nabc`);
      await expect.poll(client.received).toContain("ok");
      client.socket.write(`GET /two HTTP/1.1\r\n${offer}\r\n`);
      await expect.poll(() => whole.length).toBe(2);
      client.socket.destroy();
      expect(whole).toEqual(["/one", "/two"]);
      expect(client.received()).not.toContain(" 101 ");
    },
  );

  it("T10: trailers end here", async () => {
    whole.length = 0;
    const client = rawClient(
      port,
      `${HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: authorization\r\n\r\n2\r\nab\r\n0\r\nauthorization: Bearer x\r\n\r\n`,
    );
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 /);
    expect(whole).toEqual(["/v1/x"]);
  });

  it("absolute-form with our own authority is routed by its path", async () => {
    const client = rawClient(port, "GET http://Broker.test:80/v1/models?a=1 HTTP/1.1\r\nHost: broker.test:80\r\nConnection: close\r\n\r\n");
    expect(await client.closed).toContain("x-target: /v1/models?a=1");
  });

  it("an upgrade to h2c, which some clients offer with every call, is ignored", async () => {
    const client = rawClient(
      port,
      "GET /v1 HTTP/1.1\r\nHost: broker.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    await expect.poll(() => client.received()).toMatch(/^HTTP\/1\.1 200 /);
    client.socket.destroy();
  });

  it("what lies under /-/ is not a call, in absolute-form neither", async () => {
    for (const target of ["/-/healthz", "http://broker.test/-/healthz"]) {
      const client = rawClient(port, `GET ${target} HTTP/1.1\r\nHost: broker.test\r\nConnection: close\r\n\r\n`);
      expect(await client.closed).toContain("admin");
    }
  });

  it("one hundred headers are fine", async () => {
    const client = rawClient(port, `GET / HTTP/1.1\r\nHost: broker.test\r\nConnection: close\r\n${"a:b\r\n".repeat(98)}\r\n`);
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 /);
  });
});
