import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { weighBody } from "../../../../src/policy/limits/body-weight.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const base64 = (length: number) =>
  Buffer.alloc(Math.ceil((length * 3) / 4), 0x5a)
    .toString("base64")
    .slice(0, length);
const text = fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 60 }).map((words) => words.join(" "));

describe("the weight of a body", () => {
  it("is its bytes where it is text, however long", () => {
    fc.assert(
      fc.property(text, (words) => {
        expect(weighBody(bytes(words))).toEqual({ textBytes: bytes(words).length, opaqueTokens: 0 });
      }),
    );
    const story = bytes("Once upon a time there was a broker. ".repeat(20_000));
    expect(weighBody(story)).toEqual({ textBytes: story.length, opaqueTokens: 0 });
  });

  it("finds base64 wherever it stands, to the byte", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 512, max: 20_000 }), fc.integer({ min: 0, max: 2_000 }), (before, length, behind) => {
        const body = bytes(`${" ".repeat(before)}"${base64(length)}"${" ".repeat(behind)}`);
        expect(weighBody(body).textBytes).toBe(body.length - length);
      }),
    );
  });

  it("counts a picture as a picture, whatever its bytes", () => {
    expect(weighBody(bytes(`"${base64(600)}"`)).opaqueTokens).toBe(150);
    expect(weighBody(bytes(`"${base64(400_000)}"`)).opaqueTokens).toBe(1_600);
    expect(weighBody(bytes(`"${base64(400_000)}","${base64(300_000)}"`)).opaqueTokens).toBe(3_200);
    // A mebibyte of a recording or of a document.
    expect(weighBody(bytes(`"${base64(1024 * 1024)}"`)).opaqueTokens).toBe(1_600 + (512 * 1024) / 256);
  });

  it("sees through a serializer that escapes slashes", () => {
    expect(weighBody(bytes(`"${"ab\\/cd".repeat(200)}"`)).opaqueTokens).toBe(300);
  });
});
