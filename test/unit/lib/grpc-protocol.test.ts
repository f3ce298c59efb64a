import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grpcMessage, grpcTimeoutMs, isGrpc } from "../../../src/lib/grpc-protocol.ts";
import { renderGrpcRefusal } from "../../../src/listener/grpc-refusal.ts";
import { REFUSALS, Refusal, type RefusalCode } from "../../../src/model/errors.ts";

describe("a gRPC call", () => {
  it.each([
    ["2.0", "application/grpc", true],
    ["2.0", "Application/gRPC+proto", true],
    ["HTTP/2", "application/grpc; charset=utf-8", true],
    ["2.0", "application/grpc-web", false],
    ["2.0", "application/grpc-web+proto", false],
    ["2.0", "application/json", false],
    ["1.1", "application/grpc", false],
    ["HTTP/1.1", "application/grpc", false],
    ["1.0", "application/grpc", false],
  ])("over %s with %s: %s", (protocol, type, expected) => {
    expect(isGrpc(protocol, ["content-type", type])).toBe(expected);
  });

  it.each([
    ["1S", 1_000],
    ["200m", 200],
    ["2M", 120_000],
    ["1H", 3_600_000],
    ["1500u", 2],
    ["1n", 1],
    ["99999999H", 2_147_483_647],
    ["", null],
    ["5", null],
    ["-1S", null],
    ["1.5S", null],
    ["123456789S", null],
    ["1s", null],
  ])("grpc-timeout %s is %s ms", (value, expected) => {
    expect(grpcTimeoutMs(["grpc-timeout", value])).toBe(expected);
  });

  it("grpc-message holds printable ASCII only, and reads back as the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const message = grpcMessage(text);
        expect(message).toMatch(/^[ -~]*$/);
        expect(decodeURIComponent(message)).toBe(text);
      }),
    );
  });

  it("every refusal has a status that is no success, and no body", () => {
    for (const code of Object.keys(REFUSALS) as RefusalCode[]) {
      const { status, headers, body } = renderGrpcRefusal(new Refusal(code, { detail: "100 %\n", retryAfter: 2 }), "id");
      const fields = Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : [])));
      expect([status, body, fields["x-egress-error"], fields["grpc-message"], fields["grpc-retry-pushback-ms"]]).toEqual([
        200,
        null,
        code,
        "100 %25%0A",
        "2000",
      ]);
      expect(Number(fields["grpc-status"])).toBeGreaterThan(0);
      expect(fields["content-length"]).toBeUndefined();
    }
  });
});
