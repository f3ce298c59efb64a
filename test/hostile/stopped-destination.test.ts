import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { answerOf, drain, outbound, tlsProfile } from "../fakes/outbound.ts";
import { startUpstream } from "../fakes/upstream.ts";
import { startTlsDestination } from "./tls-destination.ts";

const authority = createAuthority();
const { certPem, keyPem } = authority.issue({ dnsNames: ["api.openai.com"] });

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

/** How the connection ends: the sockets are the one that is written to and the one under it. */
const ENDINGS: Readonly<Record<string, (socket: Socket, wire: Socket) => void>> = {
  "a reset": (_socket, wire) => void wire.resetAndDestroy(),
  "FIN without close_notify": (_socket, wire) => void wire.destroy(),
  "a proper end": (socket) => void socket.end(),
};
/** Around what is held before the destination is stopped (64 KiB), and around what the sockets hold besides. */
const SIZES = [30_000, 65_537, 66_000, 90_000, 300_000];

/** The answer comes while nobody reads it, then its connection ends, and then somebody reads. */
async function readLate(tls: boolean, head: string, size: number, end: (socket: Socket, wire: Socket) => void): Promise<string> {
  const answer = (socket: Socket, wire: Socket): void => {
    // Not before all of it has left: what a destroyed socket still held would be missing.
    socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\n${head}\r\n${"x".repeat(size)}`, () => setTimeout(end, 60, socket, wire));
  };
  const to = tls ? await startTlsDestination(answer, { cert: certPem, key: keyPem }) : await startUpstream((socket) => answer(socket, socket));
  const transport = createUndiciTransport();
  cleanUp.push(
    () => to.close(),
    () => transport.close(),
  );
  const profile = tls ? tlsProfile({ ca: authority.caPem }) : null;
  const { body } = answerOf(await transport.dispatch(outbound(to.port, { tls: profile }), new AbortController().signal));
  await new Promise((resolve) => setTimeout(resolve, 150));
  const { text, failure } = await drain(body);
  if (failure === null) return text.length === size ? "whole" : "short and called whole";
  return failure.kind === "timeout" ? "noticed late" : "broken";
}

// A connection that ends while its answer is stopped was an exception outside of any call, with which the process ended.
describe.each([
  ["plaintext", false],
  ["TLS", true],
] as const)("by %s, an answer whose connection ends while it is stopped because nobody reads", (_name, tls) => {
  it.each(Object.keys(ENDINGS))("F8 F12 F35 B6: by %s: is broken where a byte of its length is missing", async (ending) => {
    const end = ENDINGS[ending];
    if (end === undefined) throw new Error("no such ending");
    const found = await Promise.all(SIZES.map((size) => readLate(tls, `content-length: ${size + 1}\r\n`, size, end)));
    expect(new Set(found)).toEqual(new Set(["broken"]));
  });

  it.each(["FIN without close_notify", "a proper end"])("F12: by %s: is whole where its length is there", async (ending) => {
    const end = ENDINGS[ending];
    if (end === undefined) throw new Error("no such ending");
    const found = await Promise.all(SIZES.map((size) => readLate(tls, `content-length: ${size}\r\n`, size, end)));
    expect(new Set(found)).toEqual(new Set(["whole"]));
  });

  it("F8 F12 F35 B6: by a reset: is broken where it lasts until the connection closes", async () => {
    const found = await Promise.all(SIZES.map((size) => readLate(tls, "", size, (_socket, wire) => void wire.resetAndDestroy())));
    expect(new Set(found)).toEqual(new Set(["broken"]));
  });

  // RFC 9112 section 9.8. Node does not tell a close_notify from a cut, so neither is believed.
  it.each(["FIN without close_notify", "a proper end"])(
    `F12 B6 T29: by %s: is ${tls ? "broken" : "whole"} where it lasts until the connection closes`,
    async (ending) => {
      const end = ENDINGS[ending];
      if (end === undefined) throw new Error("no such ending");
      const found = await Promise.all(SIZES.map((size) => readLate(tls, "", size, end)));
      expect(new Set(found)).toEqual(new Set([tls ? "broken" : "whole"]));
    },
  );
});
