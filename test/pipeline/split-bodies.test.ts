import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chat, GOOD_STREAM, type Installation, install, JSON_HEADERS, ONE, STREAM_HEADERS } from "./installation.ts";

/** Text cut at the given places, in any order and with repeats. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((one, other) => one - other);
  return [...at, text.length].map((end, index) => text.slice(index === 0 ? 0 : at[index - 1], end));
}
const places = fc.array(fc.nat(2_000), { maxLength: 12 });
const RUNS = { numRuns: 40 };
const KEY = "only-key-value";

async function answered(one: Installation, status: number, headers: readonly string[], body: readonly string[], stream: boolean) {
  one.transport.script("only", { status, headers, body });
  return (await one.call(chat({ stream, stream_options: { include_usage: true } }))).received();
}

describe("however the destination cuts its answer", () => {
  const one = install(ONE);

  it("a stream arrives byte for byte", async () => {
    const whole = GOOD_STREAM.join("");
    await fc.assert(
      fc.asyncProperty(places, async (at) => {
        expect(await answered(one, 200, STREAM_HEADERS, cut(whole, at), true)).toMatchObject({ status: 200, body: whole, whole: true });
      }),
      RUNS,
    );
  });

  it("a whole answer arrives byte for byte, and its usage is read", async () => {
    const whole = JSON.stringify({ id: "c1", model: "m", choices: [{ message: { content: "Hello" } }], usage: { prompt_tokens: 5, completion_tokens: 7 } });
    await fc.assert(
      fc.asyncProperty(places, async (at) => {
        one.log.length = 0;
        expect(await answered(one, 200, JSON_HEADERS, cut(whole, at), false)).toMatchObject({ status: 200, body: whole, whole: true });
        expect(one.log[0]).toMatchObject({ input_tokens: 5, output_tokens: 7, response_bytes: whole.length });
      }),
      RUNS,
    );
  });

  it("our key in an error answer does not get out", async () => {
    const whole = `{"error":{"message":"Incorrect key: ${KEY}, ${encodeURIComponent(KEY)}, ${btoa(KEY)}."}}`;
    await fc.assert(
      fc.asyncProperty(places, fc.constantFrom(400, 404, 422), async (at, status) => {
        const received = await answered(one, status, JSON_HEADERS, cut(whole, at), false);
        expect(received?.body).toContain("[redacted]");
        for (const spelling of [KEY, btoa(KEY).replaceAll("=", "")]) expect(received?.body).not.toContain(spelling);
      }),
      RUNS,
    );
  });

  it("a stream that is torn anywhere never ends as a good one", async () => {
    const whole = GOOD_STREAM.join("");
    const torn = install(ONE);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.indexOf("data: [DONE]")), places, async (end, at) => {
        torn.transport.script("only", { status: 200, headers: STREAM_HEADERS, body: cut(whole.slice(0, end), at), ending: "end" });
        const received = (await torn.call(chat({ stream: true }))).received();
        expect(received?.status === 200 && received.whole && !received.body.includes('"error"')).toBe(false);
        expect(received?.body).not.toContain("[DONE]");
      }),
      RUNS,
    );
  });
});
