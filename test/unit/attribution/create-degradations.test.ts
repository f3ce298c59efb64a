import { describe, expect, it } from "vitest";
import { createDegradations } from "../../../src/attribution/create-degradations.ts";
import { describeStatus } from "../../../src/pages/describe-status.ts";
import { createFakeClock } from "../../fakes/clock.ts";

function world() {
  const clock = createFakeClock();
  const lines: Record<string, unknown>[] = [];
  const degraded = createDegradations(clock, (line) => void lines.push(JSON.parse(line) as Record<string, unknown>)); // our own line
  return { clock, lines, degraded };
}

describe("what is degraded", () => {
  it("is listed with the time since when, however often it is said, and no more once it is well", async () => {
    const { clock, degraded } = world();
    const began = clock.now();
    degraded.enter("secret", "team-a/key", "unavailable", { detail: "the store answered 500", forMs: 250 });
    await clock.advance(5_000);
    degraded.enter("secret", "team-a/key", "denied", { forMs: 32_000 });
    degraded.enter("limit_store", "egress/gateway", "unavailable");
    expect(degraded.list()).toEqual([
      { part: "secret", subject: "team-a/key", reason: "denied", detail: null, since: began, until: began + 37_000 },
      { part: "limit_store", subject: "egress/gateway", reason: "unavailable", detail: null, since: began + 5_000, until: null },
    ]);
    degraded.leave("secret", "team-a/key");
    degraded.leave("secret", "team-a/other");
    expect(degraded.list().map(({ part }) => part)).toEqual(["limit_store"]);
  });

  it("says until when only while that lies ahead", async () => {
    const { clock, degraded } = world();
    degraded.enter("backend", "XBackend/a/b", "failures", { forMs: 30_000 });
    await clock.advance(30_000);
    expect(degraded.list()).toMatchObject([{ until: null }]);
  });

  it("ends when nobody has met it for an hour, where only calls tell of it", async () => {
    const { clock, lines, degraded } = world();
    for (const [part, reason] of [
      ["names", "last_good"],
      ["credential", "refused"],
      ["usage_store", "unavailable"],
      ["config", "rejected"],
    ] as const)
      degraded.enter(part, "one", reason);
    await clock.advance(3_599_999);
    degraded.enter("credential", "one", "refused");
    await clock.advance(1);
    expect(degraded.list().map(({ part }) => part)).toEqual(["credential", "config"]);
    expect(lines.slice(4)).toMatchObject([
      { msg: "recovered", part: "names", after_ms: 3_600_000, unused: true },
      { msg: "recovered", part: "usage_store", unused: true },
    ]);
    await clock.advance(3_599_999);
    expect(degraded.list().map(({ part }) => part)).toEqual(["config"]);
    // It begins anew when it is met again.
    degraded.enter("names", "one", "last_good");
    expect(degraded.list().at(-1)).toMatchObject({ part: "names", since: clock.now() });
  });

  it("gets one line when it begins and one when it ends", async () => {
    const { clock, lines, degraded } = world();
    for (let call = 0; call < 100; call += 1) degraded.enter("secret", "team-a/key", "unavailable", { detail: "the store answered 500" });
    await clock.advance(1_500);
    for (let call = 0; call < 100; call += 1) degraded.leave("secret", "team-a/key");
    expect(lines).toEqual([
      {
        time: expect.any(String),
        level: "warn",
        msg: "degraded",
        part: "secret",
        subject: "team-a/key",
        reason: "unavailable",
        detail: "the store answered 500",
        docs: "docs/failures.md#degraded-secret",
      },
      { time: expect.any(String), level: "info", msg: "recovered", part: "secret", subject: "team-a/key", reason: "unavailable", after_ms: 1_500 },
    ]);
  });

  it("that comes and goes by the second gets a line in ten seconds, and no end without a beginning", async () => {
    const { clock, lines, degraded } = world();
    for (let second = 0; second < 60; second += 1) {
      degraded.enter("limit_store", "egress/gateway", "unavailable");
      degraded.leave("limit_store", "egress/gateway");
      await clock.advance(1_000);
    }
    expect(lines.map(({ msg }) => msg)).toEqual(Array.from({ length: 6 }, () => ["degraded", "recovered"]).flat());
  });

  it("is bounded, and keeps what is degraded rather than what was", () => {
    const { degraded } = world();
    for (let index = 0; index < 600; index += 1) {
      degraded.enter("backend", `gone-${index}`, "ejected");
      degraded.leave("backend", `gone-${index}`);
    }
    for (let index = 0; index < 600; index += 1) degraded.enter("backend", `out-${index}`, "ejected");
    expect(degraded.list()).toHaveLength(512);
    expect(degraded.list().every(({ subject }) => subject.startsWith("out-"))).toBe(true);
  });

  it("is described with its effect and the section that says what to do", () => {
    const { clock, degraded } = world();
    degraded.enter("overload", "instance", "memory");
    expect(describeStatus({ ready: true, degraded: degraded.list() })["degraded"]).toEqual([
      {
        part: "overload",
        subject: "instance",
        reason: "memory",
        detail: null,
        since: new Date(clock.now()).toISOString(),
        until: null,
        effect: "New calls are refused; streams go on.",
        docs: "docs/failures.md#degraded-overload",
      },
    ]);
  });
});
