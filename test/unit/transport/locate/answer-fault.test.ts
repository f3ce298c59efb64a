import { describe, expect, it } from "vitest";
import type { Answer, AttemptFailure } from "../../../../src/model/outcome.ts";
import type { Located } from "../../../../src/model/region.ts";
import { answerFault } from "../../../../src/transport/locate/answer-fault.ts";

const located = (rule: string, countries: readonly string[] = ["US"], regions: readonly string[] = []): Located => ({
  countries,
  regions,
  evidence: "body",
  rule,
  checkedAt: null,
  reason: "",
});
const RESET: AttemptFailure = { kind: "reset", sent: true, message: "broken" };

interface Given {
  readonly status?: number;
  readonly headers?: readonly string[];
  /** What has arrived at each look; the last one is the end, or what `failure` says. */
  readonly parts: readonly string[];
  readonly failure?: AttemptFailure;
}

/** An answer that arrives in parts; `seen` are the looks that were taken at it. */
function answerOf({ status = 200, headers = [], parts, failure }: Given): Answer & { readonly seen: number[] } {
  const seen: number[] = [];
  let arrived = 0;
  const body = {
    peek: async (beyond: number) => {
      seen.push(beyond);
      arrived = Math.min(arrived + 1, parts.length);
      const over = arrived === parts.length;
      const bytes = new TextEncoder().encode(parts.slice(0, arrived).join(""));
      return { bytes, ended: over && failure === undefined, failure: over ? (failure ?? null) : null };
    },
    consume: () => {
      throw new Error("consumed");
    },
    pause: () => {},
    resume: () => {},
    cancel: () => {},
  };
  return { kind: "answer", status, headers, body, sender: null, peer: { address: null, protocol: null }, seen };
}
const judged = async (rule: string, given: Given) => (await answerFault(located(rule), answerOf(given)))?.kind ?? "fine";
const json = (body: unknown) => [JSON.stringify(body)];
const STREAM = ["Content-Type", " Text/Event-Stream; charset=utf-8"];
const events = (...list: readonly (readonly [string, unknown])[]) => list.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);

describe("an answer of Anthropic", () => {
  const judge = (given: Given) => judged("anthropic.messages", given);
  const said = (geo: unknown) => ({ usage: { inference_geo: geo } });

  it("has to say that it was processed where it was asked for", async () => {
    expect(await judge({ parts: json(said("us")) })).toBe("fine");
    for (const body of [said("global"), said(null), said(7), {}, { usage: null }, [], "us"]) expect(await judge({ parts: json(body) })).toBe("violated");
    expect(await judge({ parts: ["not json"] })).toBe("violated");
    const silent = await answerFault(located("anthropic.messages"), answerOf({ parts: json({}) }));
    expect(silent?.message).toContain("does not say");
    const elsewhere = await answerFault(located("anthropic.messages"), answerOf({ parts: json(said("global")) }));
    expect(elsewhere?.message).toContain("outside the place");
  });

  it("says it in its first event where it is a stream, however it is cut", async () => {
    const [start = ""] = events(["message_start", { type: "message_start", message: said("us") }]);
    const [ping = ""] = events(["ping", { type: "ping" }]);
    expect(await judge({ headers: STREAM, parts: [start] })).toBe("fine");
    expect(await judge({ headers: STREAM, parts: [ping, start.slice(0, 20), start.slice(20)] })).toBe("fine");
    expect(await judge({ headers: STREAM, parts: [start.replaceAll("us", "eu")] })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: events(["message_start", { message: said("us") }]) })).toBe("fine");
    expect(await judge({ headers: STREAM, parts: events(["error", { type: "error" }]) })).toBe("fine");
    expect(await judge({ headers: STREAM, parts: events(["content_block_start", { type: "content_block_start", message: said("us") }]) })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: [ping] })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: [": comment\n\n", start] })).toBe("fine");
  });

  it("is not waited for beyond what an opening may be", async () => {
    const [start = ""] = events(["message_start", { type: "message_start", message: said("us") }]);
    const filler = `: ${"x".repeat(1024)}\n\n`;
    const long = [filler.repeat(300), start];
    expect(await judge({ headers: STREAM, parts: long })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: [filler.repeat(200), start] })).toBe("fine");
  });

  it("is looked at further only where there is more than was seen", async () => {
    const answer = answerOf({ parts: ['{"usage":', '{"inference_geo":"us"}}'] });
    expect(await answerFault(located("anthropic.messages"), answer)).toBeNull();
    expect(answer.seen).toEqual([0, 9]);
    const stream = answerOf({ headers: STREAM, parts: [": a\n\n", ...events(["error", {}])] });
    expect(await answerFault(located("anthropic.messages"), stream)).toBeNull();
    expect(stream.seen).toEqual([0, 5]);
  });

  it("is not believed where nobody can read it", async () => {
    expect(await judge({ headers: ["content-encoding", "gzip"], parts: json(said("us")) })).toBe("violated");
    expect(await judge({ headers: ["Content-Encoding", " Identity "], parts: json(said("us")) })).toBe("fine");
  });

  it("holds no inference where it is an error", async () => {
    for (const status of [199, 300, 404, 529]) expect(await judge({ status, parts: json({}) })).toBe("fine");
    for (const status of [200, 299]) expect(await judge({ status, parts: json({}) })).toBe("violated");
  });

  it("that breaks off is what broke it", async () => {
    expect(await judge({ parts: ['{"usage":{"inference_geo":"us"}}'], failure: RESET })).toBe("reset");
    expect(await judge({ headers: STREAM, parts: [": a\n\n"], failure: RESET })).toBe("reset");
  });
});

describe("an answer of Azure", () => {
  const fault = async (header: string | null, countries: readonly string[], regions: readonly string[]) =>
    (await answerFault(located("azure.deployment", countries, regions), answerOf({ headers: header === null ? [] : ["X-MS-Region", header], parts: [""] })))
      ?.kind ?? "fine";

  it("must not name a region outside the place, in whatever spelling", async () => {
    expect(await fault(null, ["SE"], ["swedencentral"])).toBe("fine");
    expect(await fault("Sweden Central", ["SE"], ["swedencentral"])).toBe("fine");
    expect(await fault("SWEDEN_CENTRAL", [], ["swedencentral"])).toBe("fine");
    expect(await fault("sweden-central", ["SE", "FR"], [])).toBe("fine");
    expect(await fault("East US", ["SE"], ["swedencentral"])).toBe("violated");
    expect(await fault("Never Heard Of", ["SE"], ["swedencentral"])).toBe("violated");
  });
});

describe("an answer of OpenAI", () => {
  const judge = (given: Given) => judged("openai.eu", given);
  const mismatch = { error: { code: "data_residency_mismatch" } };

  it("must not say that it does not fit the residency of its project", async () => {
    expect(await judge({ status: 400, parts: json(mismatch) })).toBe("violated");
    expect(await judge({ status: 400, parts: json({ error: { code: "rate_limit_exceeded" } }) })).toBe("fine");
    expect(await judge({ parts: json({ id: "x" }) })).toBe("fine");
  });

  it("says so in one of the first events where it is a stream", async () => {
    const opening = ["response.created", "response.queued", "response.in_progress"].map((type): readonly [string, unknown] => [type, { type }]);
    expect(await judge({ headers: STREAM, parts: events(...opening, ["error", { type: "error", code: "data_residency_mismatch" }]) })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: events(...opening, ["error", { type: "error", ...mismatch }]) })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: events(["response.created", {}], ["response.failed", { response: mismatch }]) })).toBe("violated");
    expect(await judge({ headers: STREAM, parts: events(["response.output_text.delta", { delta: "a" }], ["error", mismatch]) })).toBe("fine");
    expect(await judge({ headers: STREAM, parts: ["data: [DONE]\n\n"] })).toBe("fine");
  });

  it("is taken as it is where it is compressed, for it is no proof", async () => {
    expect(await judge({ headers: ["content-encoding", "gzip"], parts: json(mismatch) })).toBe("fine");
  });

  it("that breaks off is what broke it", async () => {
    expect(await judge({ parts: ["{"], failure: RESET })).toBe("reset");
  });
});

it("an answer of anybody else is not looked at", async () => {
  const answer = answerOf({ headers: ["x-ms-region", "eastus"], parts: json({ error: { code: "data_residency_mismatch" } }) });
  for (const rule of ["bedrock.profile", "label", "attested", "openaix.y"]) expect(await answerFault(located(rule), answer)).toBeNull();
  expect(answer.seen).toEqual([]);
});
