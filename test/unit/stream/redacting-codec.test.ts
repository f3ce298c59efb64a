import { expect, it } from "vitest";
import { redactor } from "../../../src/credentials/redact.ts";
import { Secret } from "../../../src/model/secret.ts";
import { createRedactingCodec } from "../../../src/stream/redacting-codec.ts";

const { bytes: redact } = redactor(new Secret("sk-canary", null));
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));
const LIMIT = 64 * 1024;

it("finds our key in an error answer however it was cut", () => {
  const codec = createRedactingCodec(redact, null);
  expect([codec.chunk(bytesOf("bad key: sk-")), codec.chunk(bytesOf("can")), codec.chunk(bytesOf("ary!"))]).toEqual([null, null, null]);
  const { bytes, complete } = codec.end();
  expect([textOf(bytes), complete]).toEqual(["bad key: [redacted]!", true]);
});

it("gives what there is when the answer breaks off, without our key, and only once", () => {
  const codec = createRedactingCodec(redact, null);
  codec.chunk(bytesOf("bad key: sk-canary"));
  expect(textOf(codec.fail("upstream"))).toBe("bad key: [redacted]");
  expect(codec.end().bytes).toBeNull();
});

it("has nothing to say of an empty answer", () => {
  expect(createRedactingCodec(redact, null).end()).toEqual({ bytes: null, complete: true });
});

it("holds 64 KiB and no more: what follows passes as it comes", () => {
  const codec = createRedactingCodec(redact, null);
  const key = bytesOf("sk-canary");
  expect(codec.chunk(new Uint8Array(LIMIT - key.length - 1).fill(0x61))).toBeNull();
  expect(codec.chunk(key)).toBeNull();
  const released = codec.chunk(bytesOf("b"));
  expect(textOf(released)).toBe(`${"a".repeat(LIMIT - key.length - 1)}[redacted]b`);
  const next = bytesOf("next");
  expect(codec.chunk(next)).toBe(next);
  expect(codec.end()).toEqual({ bytes: null, complete: true });
});

it("drops the beginning of what it cannot read, and all that would follow it", () => {
  const codec = createRedactingCodec(redact, "gzip");
  expect(codec.chunk(bytesOf("x"))).toBeNull();
  expect(codec.chunk(new Uint8Array(LIMIT))).toBeNull();
  expect(codec.chunk(bytesOf("y"))).toBeNull();
  expect(codec.end()).toEqual({ bytes: null, complete: true });
  expect(createRedactingCodec(redact, "gzip").end().bytes).toBeNull();
  const small = createRedactingCodec(redact, "br");
  small.chunk(bytesOf("sk-canary"));
  expect(small.end().bytes).toBeNull();
});
