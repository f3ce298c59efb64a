import { describe, expect, it } from "vitest";
import { abortSignalOf, createCallAbort } from "../../../src/model/call-signal.ts";

describe("the signal of a call", () => {
  it("tells each listener once, in order, functions and objects alike", () => {
    const { signal, abort } = createCallAbort();
    const heard: string[] = [];
    const first = () => heard.push("first");
    signal.addEventListener("abort", first);
    signal.addEventListener("abort", first);
    signal.addEventListener("abort", { handleEvent: () => heard.push("second") });
    abort("why");
    abort("too late");
    expect(heard).toEqual(["first", "second"]);
    expect([signal.aborted, signal.reason]).toEqual([true, "why"]);
  });

  it("tells nobody who was removed, not even by a listener before it", () => {
    const { signal, abort } = createCallAbort();
    const heard: string[] = [];
    const second = () => heard.push("second");
    signal.addEventListener("abort", () => signal.removeEventListener("abort", second));
    signal.addEventListener("abort", second);
    signal.addEventListener("abort", () => heard.push("third"));
    abort();
    expect(heard).toEqual(["third"]);
    expect(signal.reason).toBeInstanceOf(DOMException);
    expect(signal.reason).toHaveProperty("name", "AbortError");
  });

  it("is a real AbortSignal for whoever insists, before and after", () => {
    const { signal, abort } = createCallAbort();
    const real = abortSignalOf(signal);
    expect(real.aborted).toBe(false);
    abort("why");
    expect(real.reason).toBe("why");
    expect(abortSignalOf(signal).reason).toBe("why");
    expect(abortSignalOf(real)).toBe(real);
  });
});
