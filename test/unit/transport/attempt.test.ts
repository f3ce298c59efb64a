import { describe, expect, it } from "vitest";
import { Attempt } from "../../../adapters/transport/attempt.ts";
import type { Outcome } from "../../../src/index.ts";
import { answerOf, labelOf, outbound } from "../../fakes/outbound.ts";

/** A wire of the test's own: it does what it is told. */
class Wire extends Attempt {
  destroyed = 0;
  resumed = 0;
  pauses = 0;
  wait(): void {
    this.startFirstByte();
  }
  head(): void {
    this.headArrived(200, [], null, "http/1.1");
  }
  data(text: string): boolean {
    return this.dataArrived(Buffer.from(text));
  }
  finish(): void {
    this.ended();
  }
  protected override resumeSource(): void {
    this.resumed += 1;
  }
  protected override pauseSource(): void {
    this.pauses += 1;
  }
  protected override destroySource(): void {
    this.destroyed += 1;
  }
}

function start(firstByteMs = 50): { readonly wire: Wire; readonly outcome: Promise<Outcome> } {
  let resolve: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((settle) => {
    resolve = settle;
  });
  const request = outbound(1, { timeouts: { connectMs: 50, firstByteMs, streamIdleMs: 50 } });
  return { wire: new Wire(request, new AbortController().signal, resolve), outcome };
}

/** Keeps the event loop from turning. */
function block(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

describe("an attempt", () => {
  it("F6: does not blame a destination for a loop that was late: the first wait begins once more (D9)", async () => {
    const { wire, outcome } = start(50);
    const started = performance.now();
    wire.wait();
    block(120);
    expect(labelOf(await outcome)).toBe("timeout first_byte");
    expect(performance.now() - started).toBeGreaterThanOrEqual(165);
  });

  it("gives up after the second wait even when the loop is late again", async () => {
    const { wire, outcome } = start(30);
    wire.wait();
    block(80);
    setTimeout(block, 10, 80);
    expect(labelOf(await outcome)).toBe("timeout first_byte");
    expect(wire.destroyed).toBe(1);
  });

  it("counts what has arrived while the loop was blocked", async () => {
    const { wire, outcome } = start(30);
    wire.wait();
    wire.head();
    setImmediate(() => wire.data("x"));
    block(31);
    const { body } = answerOf(await outcome);
    expect(await body.peek(0)).toMatchObject({ failure: null });
    body.cancel();
  });

  it("says nothing more after cancel, and stops the source once", async () => {
    const { wire, outcome } = start();
    wire.head();
    const { body } = answerOf(await outcome);
    const heard: string[] = [];
    body.consume({ chunk: () => heard.push("chunk"), end: () => heard.push("end"), failed: () => heard.push("failed") });
    wire.data("a");
    body.cancel();
    body.cancel();
    wire.data("b");
    wire.finish();
    expect(heard).toEqual(["chunk"]);
    expect(wire.destroyed).toBe(1);
  });

  it("keeps the order when the consumer pauses and resumes inside a chunk", async () => {
    const { wire, outcome } = start();
    wire.head();
    for (const text of ["a", "b", "c"]) wire.data(text);
    wire.finish();
    const { body } = answerOf(await outcome);
    const heard: string[] = [];
    body.consume({
      chunk: (bytes) => {
        heard.push(Buffer.from(bytes).toString());
        body.pause();
        body.resume();
      },
      end: () => heard.push("end"),
      failed: () => heard.push("failed"),
    });
    expect(heard.join("")).toBe("abcend");
  });

  it("gives a paused consumer what is held before it tells of the failure", async () => {
    const { wire, outcome } = start();
    wire.head();
    const { body } = answerOf(await outcome);
    const heard: string[] = [];
    body.consume({ chunk: (bytes) => heard.push(Buffer.from(bytes).toString()), end: () => heard.push("end"), failed: (failure) => heard.push(failure.kind) });
    body.pause();
    expect(wire.data("a")).toBe(false);
    wire.handleEvent();
    expect(heard).toEqual([]);
    body.resume();
    expect(heard).toEqual(["a", "cancelled"]);
  });

  it("stops the source beyond 64 KiB that nobody wants, and lets it run for whoever looks further", async () => {
    const { wire, outcome } = start();
    wire.head();
    const { body } = answerOf(await outcome);
    expect(wire.data("x".repeat(65_536))).toBe(true);
    expect(wire.data("x")).toBe(false);
    const peeked = body.peek(100_000);
    await Promise.resolve();
    expect(wire.resumed).toBe(1);
    expect(wire.data("x".repeat(34_464))).toBe(false);
    expect((await peeked).bytes.length).toBe(100_001);
    body.cancel();
  });
});
