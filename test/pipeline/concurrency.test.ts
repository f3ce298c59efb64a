import { describe, expect, it } from "vitest";
import { chat, GOOD_STREAM, install, STREAM_HEADERS } from "./installation.ts";

const OPEN = { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 1), ending: "hang" } as const;
const GOOD = { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM } as const;

function limited(names: readonly string[], concurrency: string) {
  return install({
    backends: names.map((name, index) => ({ name, port: 8_001 + index, api: "OpenAI", ...(index === 0 ? { concurrency } : {}) })),
    group: names,
  });
}

async function begin(installed: ReturnType<typeof install>, count: number) {
  const calls = Array.from({ length: count }, () => installed.begin(chat()));
  await installed.clock.advance(0);
  return calls;
}

const backends = (calls: Awaited<ReturnType<typeof begin>>) =>
  calls.map(({ fake }) => fake.header("x-egress-backend")[0]?.split("/").at(-1) ?? fake.received()?.status);

describe("a backend with an adaptive limit of open calls", () => {
  it("calls beyond the limit go to the next backend at once, and come back when a stream has ended", async () => {
    const installed = limited(["first", "second"], "{max: 2}");
    installed.transport.script("first", OPEN);
    installed.transport.script("second", GOOD);
    const calls = await begin(installed, 3);
    expect(backends(calls)).toEqual(["first", "first", "second"]);
    calls[0]?.fake.leave();
    await calls[0]?.done;
    expect(backends(await begin(installed, 2))).toEqual(["first", "second"]);
  });

  it("with nobody else to go to they get 503 with Retry-After, and nothing is sent", async () => {
    const installed = limited(["only"], "{max: 1}");
    installed.transport.script("only", OPEN);
    const [, refused] = await begin(installed, 2);
    expect(refused?.fake.received()?.status).toBe(503);
    expect(refused?.fake.header("x-egress-error")).toEqual(["upstream_unavailable"]);
    expect(refused?.fake.header("retry-after")).toEqual(["1"]);
    expect(installed.transport.sent).toHaveLength(1);
  });

  it("a backend that says 503 is given fewer calls, and the status tells how many", async () => {
    const installed = limited(["first", "second"], "{min: 1, max: 10}");
    installed.transport.script("first", OPEN);
    installed.transport.script("second", GOOD);
    await begin(installed, 4);
    installed.transport.script("first", { status: 503, body: "busy" });
    expect((await installed.call(chat())).received()?.status).toBe(200);
    expect(installed.broker.status()).toMatchObject({ concurrency: [{ open: 4, limit: 3 }] });
    installed.transport.script("first", GOOD);
    expect(backends(await begin(installed, 1))).toEqual(["second"]);
  });

  it("every end of a call gives its place back", async () => {
    const installed = limited(["only"], "{max: 1}");
    const { transport, call, clock } = installed;
    const ends = [
      GOOD,
      { status: 400, body: "no" },
      { kind: "reset", sent: true, message: "" } as const,
      () => {
        throw new Error("a bug");
      },
    ];
    for (const step of ends) {
      transport.script("only", step);
      await call(chat());
    }
    transport.script("only", OPEN);
    const [left] = await begin(installed, 1);
    left?.fake.leave();
    await left?.done;
    await clock.advance(60_000);
    transport.script("only", GOOD);
    expect((await call(chat())).received()?.status).toBe(200);
  });

  it("asks that min is not more than max", () => {
    const compiled = install(null).load({ backends: [{ name: "only", port: 8_001, concurrency: "{min: 5, max: 2}" }] });
    expect(compiled.faults.map(({ message }) => message).join()).toContain("min must not be more than max");
  });
});
