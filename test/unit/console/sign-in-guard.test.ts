import { describe, expect, it } from "vitest";
import { createSignInGuard } from "../../../src/console/sign-in-guard.ts";

describe("the guard of the sign-in", () => {
  it("lets ten wrong tries pass at once, then one each three seconds", () => {
    let now = 1_000;
    const guard = createSignInGuard(() => now);
    for (let index = 0; index < 10; index++) expect(guard.take()).toBeNull();
    expect(guard.take()).toBe(3);
    now += 2_000;
    expect(guard.take()).toBe(1);
    now += 1_000;
    expect(guard.take()).toBeNull();
    expect(guard.take()).toBe(3);
  });

  it("does not count tries that were right", () => {
    const guard = createSignInGuard(() => 0);
    for (let index = 0; index < 100; index++) {
      expect(guard.take()).toBeNull();
      guard.giveBack();
    }
  });

  it("saves up no more than ten, and a clock that goes back gives nothing", () => {
    let now = 0;
    const guard = createSignInGuard(() => now);
    now = 86_400_000;
    for (let index = 0; index < 10; index++) expect(guard.take()).toBeNull();
    expect(guard.take()).not.toBeNull();
    now = 0;
    expect(guard.take()).not.toBeNull();
  });
});
