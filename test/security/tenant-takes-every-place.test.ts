import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOpenCalls } from "../../src/call/open-calls.ts";
import { OTHER_TOKEN } from "../fakes/manifests.ts";
import { fakeGateway } from "../fakes/received.ts";
import { chat, GOOD_STREAM, install, ONE, STREAM_HEADERS } from "../pipeline/installation.ts";

const OTHER = ["authorization", `Bearer ${OTHER_TOKEN}`];
const bounded = (bounds: string) => install({ ...ONE, broker: `  bounds: {${bounds}}` });
const OPEN = { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 1), ending: "hang" } as const;

/** Begins streams that do not end, and waits until each has its first byte or its refusal. */
async function begin(installed: ReturnType<typeof install>, count: number, options = chat()) {
  const calls = Array.from({ length: count }, () => installed.begin(options));
  await installed.clock.advance(0);
  return calls;
}

const statuses = (calls: Awaited<ReturnType<typeof begin>>) => calls.map(({ fake }) => fake.received()?.status);

describe("a tenant that opens streams and does not end them", () => {
  it("T24: gets half of the places and then 503 overloaded, and another tenant is served beside it", async () => {
    const installed = bounded("maxOpenCalls: 6");
    installed.transport.script("only", OPEN);
    const greedy = await begin(installed, 5);
    expect(statuses(greedy)).toEqual([200, 200, 200, 503, 503]);
    const [, , , refused] = greedy;
    expect(refused?.fake.header("x-egress-error")).toEqual(["overloaded"]);
    expect(refused?.fake.header("retry-after")).toEqual(["1"]);
    expect(refused?.fake.received()?.body).toContain("maxOpenCallsPerNamespace");
    const others = await begin(installed, 3, { ...chat(), headers: OTHER });
    expect(statuses(others)).toEqual([200, 200, 200]);
    for (const { fake } of [...greedy, ...others]) fake.leave();
    await Promise.all([...greedy, ...others].map(({ done }) => done));
  });

  it("T24: a share of its own may be written, and the instance's bound holds for all together", async () => {
    const installed = bounded("maxOpenCalls: 4, maxOpenCallsPerNamespace: 3");
    installed.transport.script("only", OPEN);
    const first = await begin(installed, 4);
    const second = await begin(installed, 3, { ...chat(), headers: OTHER });
    expect(statuses(first)).toEqual([200, 200, 200, 503]);
    expect(statuses(second)).toEqual([200, 503, 503]);
    expect(second[1]?.fake.received()?.body).toContain("maxOpenCalls");
    for (const { fake } of [...first, ...second]) fake.leave();
    await Promise.all([...first, ...second].map(({ done }) => done));
  });

  it("T24: every end of a call gives its place back: whole, failed, refused, left, and over a reload", async () => {
    const installed = bounded("maxOpenCalls: 2, maxOpenCallsPerNamespace: 1");
    const { transport, call, begin: beginOne, clock } = installed;
    transport.script("only", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM });
    expect((await call(chat())).received()?.status).toBe(200);
    transport.script("only", { kind: "connect", detail: "refused", message: "" });
    expect((await call(chat())).received()?.status).toBe(502);
    transport.script("only", { status: 400, body: "no" });
    expect((await call(chat())).received()?.status).toBe(400);
    transport.script("only", () => {
      throw new Error("a bug");
    });
    expect((await call(chat())).received()?.status).toBe(500);
    transport.script("only", OPEN);
    const { fake, done } = beginOne(chat());
    await clock.advance(0);
    expect((await call(chat())).received()?.status).toBe(503);
    installed.load({ ...ONE, broker: "  bounds: {maxOpenCalls: 2, maxOpenCallsPerNamespace: 1}\n  chainId: another" });
    fake.leave();
    await done;
    transport.script("only", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM });
    expect((await call(chat())).received()?.status).toBe(200);
  });

  it("T24: half of 32768 where nothing is written", () => {
    const gateway = install(ONE).broker.loaded()?.snapshot?.gateways[0];
    expect(gateway?.bounds).toMatchObject({ maxOpenCalls: 32_768, maxOpenCallsPerNamespace: 16_384 });
  });

  it("never holds more than either bound, whoever comes and goes", () => {
    const base = fakeGateway({ issuers: [], apiKeys: null, principals: [], anonymous: "Allow" });
    const gateway = { ...base, bounds: { ...base.bounds, maxOpenCalls: 5, maxOpenCallsPerNamespace: 3 } };
    fc.assert(
      fc.property(fc.array(fc.record({ namespace: fc.constantFrom("a", "b", "c"), leaves: fc.boolean() }), { maxLength: 80 }), (steps) => {
        const calls = createOpenCalls();
        const open: Record<string, number> = { a: 0, b: 0, c: 0 };
        const total = () => Object.values(open).reduce((sum, count) => sum + count, 0);
        for (const { namespace, leaves } of steps) {
          const own = open[namespace] ?? 0;
          if (leaves) {
            if (own === 0) continue;
            calls.leave(gateway, namespace);
            open[namespace] = own - 1;
            continue;
          }
          let entered = true;
          try {
            calls.enter(gateway, namespace);
          } catch {
            entered = false;
          }
          expect(entered).toBe(total() < 5 && own < 3);
          if (entered) open[namespace] = own + 1;
        }
      }),
    );
  });
});
