import { describe, expect, it } from "vitest";
import type { AttemptFailure } from "../../../src/model/outcome.ts";
import type { FailoverRule, RetryRule } from "../../../src/model/snapshot.ts";
import { type AttemptOutcome, type Judged, judge } from "../../../src/plan/judge.ts";

const answer = (status: number, parts: { retryAfterMs?: number; firstEventIsError?: boolean } = {}): AttemptOutcome => ({
  kind: "answer",
  status,
  retryAfterMs: parts.retryAfterMs ?? null,
  firstEventIsError: parts.firstEventIsError ?? false,
});
const failures = {
  refused: { kind: "connect", detail: "refused", message: "" },
  dns: { kind: "connect", detail: "dns", message: "" },
  denied: { kind: "connect", detail: "denied", message: "" },
  connectTimeout: { kind: "timeout", phase: "connect", message: "" },
  untrusted: { kind: "untrusted", reason: "wrong_ca", message: "" },
  firstByte: { kind: "timeout", phase: "first_byte", message: "" },
  idle: { kind: "timeout", phase: "idle", message: "" },
  total: { kind: "timeout", phase: "total", message: "" },
  reset: { kind: "reset", sent: true, message: "" },
  stale: { kind: "reset", sent: false, message: "" },
  protocol: { kind: "protocol", message: "" },
  cancelled: { kind: "cancelled", message: "" },
  body: { kind: "request_body", message: "" },
} as const satisfies Record<string, AttemptFailure>;

const retry = (codes: readonly number[], attempts: number | null = null, backoffMs = 0): RetryRule => ({ codes: new Set(codes), attempts, backoffMs });
const failover = (codes: readonly number[]): FailoverRule => ({ statusCodes: new Set(codes), firstByteMs: null, attemptsPerTier: null });

/** An inference call that has another candidate, a second of time and a body that can be sent again. */
function decide(outcome: AttemptOutcome, parts: Partial<Judged> = {}) {
  return judge({
    outcome,
    inference: true,
    method: "POST",
    retry: null,
    failover: null,
    isLast: false,
    sameBackendTries: 0,
    extraTries: 0,
    credentialOwned: true,
    alreadyRefetched: false,
    parent: null,
    replayable: true,
    budgetAllows: true,
    budgetWritten: false,
    msLeft: 1_000,
    random: 0,
    ...parts,
  });
}

describe("the law for an inference call with another candidate", () => {
  it.each([
    ["200", answer(200), "deliver", "good"],
    ["204", answer(204), "deliver", "good"],
    ["a redirect", answer(302), "deliver", "good"],
    ["304", answer(304), "deliver", "good"],
    ["400", answer(400), "deliver", "good"],
    ["404", answer(404), "deliver", "good"],
    ["409", answer(409), "deliver", "good"],
    ["413", answer(413), "deliver", "good"],
    ["422", answer(422), "deliver", "good"],
    ["408", answer(408), "next", "counts"],
    ["429 without Retry-After", answer(429), "next", "counts"],
    ["429 with Retry-After", answer(429, { retryAfterMs: 100 }), "next", "counts"],
    ["503", answer(503), "next", "counts"],
    ["529", answer(529), "next", "counts"],
    ["500", answer(500), "next", "counts"],
    ["502", answer(502), "next", "counts"],
    ["504", answer(504), "next", "counts"],
    ["599", answer(599), "next", "counts"],
    ["an error as first event of a 200", answer(200, { firstEventIsError: true }), "next", "counts"],
    ["401 with our credential", answer(401), "refetch_credential", "none"],
    ["403 with our credential", answer(403), "refetch_credential", "none"],
    ["connection refused", failures.refused, "next", "ejects"],
    ["no address", failures.dns, "next", "ejects"],
    ["an address that policy denies", failures.denied, "next", "ejects"],
    ["connect timeout", failures.connectTimeout, "next", "ejects"],
    ["untrusted", failures.untrusted, "next", "ejects"],
    ["first-byte timeout", failures.firstByte, "next", "counts"],
    ["idle timeout", failures.idle, "next", "counts"],
    ["reset after sending", failures.reset, "next", "counts"],
    ["not HTTP", failures.protocol, "next", "counts"],
    ["no credential", { kind: "credential_unavailable" } as const, "next", "none"],
    ["caller gone", failures.cancelled, "give_up", "none"],
    ["body of the caller broken", failures.body, "give_up", "none"],
    ["total time over", failures.total, "give_up", "counts"],
  ] as const)("%s", (_, outcome, action, health) => {
    expect(decide(outcome)).toMatchObject({ action, health });
  });
});

describe("what may have been acted on", () => {
  const unsure: readonly AttemptOutcome[] = [
    answer(500),
    answer(502),
    answer(504),
    answer(408),
    failures.firstByte,
    failures.idle,
    failures.reset,
    failures.protocol,
  ];
  const safe: readonly AttemptOutcome[] = [answer(429), answer(503), answer(529), failures.refused, failures.connectTimeout, failures.untrusted];
  const plain = { inference: false } as const;

  it.each(unsure)("is not repeated for a plain POST: %j", (outcome) => {
    expect(decide(outcome, plain)).toMatchObject({ action: outcome.kind === "answer" ? "deliver" : "give_up", reason: "not_idempotent" });
  });

  it.each(unsure)("is repeated for idempotent methods: %j", (outcome) => {
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) expect(decide(outcome, { ...plain, method }).action).toBe("next");
    expect(decide(outcome, { ...plain, method: "PATCH" }).action).not.toBe("next");
  });

  it.each(safe)("says nothing about what was not: %j goes on for a plain POST", (outcome) => {
    expect(decide(outcome, plain).action).toBe("next");
  });

  it("is repeated for a plain POST where the rule's retry or the group's failover lists the status", () => {
    expect(decide(answer(500), { ...plain, retry: retry([500]) }).action).toBe("next");
    expect(decide(answer(500), { ...plain, retry: retry([502]) }).action).toBe("deliver");
    expect(decide(answer(500), { ...plain, failover: failover([500]) }).action).toBe("next");
    expect(decide(failures.firstByte, { ...plain, retry: retry([504]) }).action).toBe("next");
    expect(decide(failures.firstByte, { ...plain, retry: retry([]) }).action).toBe("next");
    expect(decide(failures.firstByte, { ...plain, retry: retry([500]) }).action).toBe("give_up");
    expect(decide(failures.reset, { ...plain, retry: retry([502]) }).action).toBe("next");
  });
});

describe("the caller's own fault", () => {
  it.each([400, 401, 403, 404, 409, 413, 422])("%i is never taken elsewhere, whatever is listed", (status) => {
    const verdict = decide(answer(status), { credentialOwned: false, failover: failover([status]) });
    expect(verdict).toMatchObject({ action: "deliver", health: "good" });
    expect(decide(answer(status), { credentialOwned: false, retry: retry([status]) }).action).not.toBe("next");
  });

  it("is repeated on the same backend only where HTTPRoute retry lists it, as the standard has it", () => {
    expect(decide(answer(404), { retry: retry([404]) }).action).toBe("again");
    expect(decide(answer(404), { retry: retry([500]) }).action).toBe("deliver");
  });
});

describe("our credential refused", () => {
  it("is read anew once, then the next candidate is asked, and that counts", () => {
    expect(decide(answer(401), { alreadyRefetched: true })).toMatchObject({ action: "next", health: "counts" });
    expect(decide(answer(401), { inference: false }).action).toBe("refetch_credential");
  });
  it("is 502 upstream_auth when nobody is left: the caller's own credential is fine", () => {
    expect(decide(answer(401), { alreadyRefetched: true, isLast: true })).toMatchObject({ action: "give_up", refusal: "upstream_auth" });
    expect(decide(answer(403), { replayable: false })).toMatchObject({ action: "give_up", refusal: "upstream_auth", reason: "body_not_replayable" });
  });
});

describe("nobody is left", () => {
  const last = { isLast: true } as const;

  it.each([
    [answer(429), "deliver", null],
    [answer(500), "deliver", null],
    [answer(200, { firstEventIsError: true }), "deliver", null],
    [failures.refused, "give_up", "upstream_unavailable"],
    [failures.denied, "give_up", "upstream_unavailable"],
    [failures.protocol, "give_up", "upstream_unavailable"],
    [failures.reset, "give_up", "upstream_unavailable"],
    [failures.untrusted, "give_up", "upstream_untrusted"],
    [failures.firstByte, "give_up", "upstream_timeout"],
    [failures.connectTimeout, "give_up", "upstream_timeout"],
    [{ kind: "credential_unavailable" }, "give_up", "credential_unavailable"],
  ] as const)("%j: %s %s", (outcome, action, refusal) => {
    const verdict = decide(outcome, last);
    expect(verdict).toMatchObject({ action, reason: "no_candidate" });
    if (verdict.action === "give_up") expect(verdict.refusal).toBe(refusal);
  });

  it("asks an overloaded backend once more when its Retry-After fits the time left, and no earlier than it said", () => {
    expect(decide(answer(429, { retryAfterMs: 500 }), last)).toMatchObject({ action: "again", afterMs: 500 });
    expect(decide(answer(503, { retryAfterMs: 500 }), { ...last, random: 0.99 })).toMatchObject({ action: "again", afterMs: 550 });
    expect(decide(answer(503, { retryAfterMs: 1_000 }), last)).toMatchObject({ action: "deliver", reason: "no_time" });
    expect(decide(answer(503, { retryAfterMs: 500 }), { ...last, sameBackendTries: 1 }).action).toBe("deliver");
    expect(decide(answer(503, { retryAfterMs: 500 }), { ...last, budgetAllows: false })).toMatchObject({ action: "deliver", reason: "retry_budget" });
    expect(decide(answer(503, { retryAfterMs: 30_000 }), { ...last, msLeft: null }).action).toBe("deliver");
    expect(decide(answer(503, { retryAfterMs: 0 }), last)).toMatchObject({ action: "again", afterMs: 0 });
  });

  it("repeats what the rule's retry lists, with growing backoff, up to its attempts", () => {
    const rule = { ...last, retry: retry([500], 2, 100) };
    expect(decide(answer(500), rule)).toMatchObject({ action: "again", afterMs: 100 });
    expect(decide(answer(500), { ...rule, random: 0.99 })).toMatchObject({ action: "again", afterMs: 150 });
    expect(decide(answer(500), { ...rule, sameBackendTries: 1, extraTries: 1 })).toMatchObject({ action: "again", afterMs: 200 });
    expect(decide(answer(500), { ...rule, sameBackendTries: 2, extraTries: 2 })).toMatchObject({ action: "deliver", reason: "attempts_spent" });
    expect(decide(answer(500), { ...rule, budgetAllows: false })).toMatchObject({ action: "deliver", reason: "retry_budget" });
    expect(decide(answer(500), { ...rule, msLeft: 50 })).toMatchObject({ action: "deliver", reason: "no_time" });
    expect(decide(answer(501), rule)).toMatchObject({ action: "deliver", reason: "no_candidate" });
  });

  it("repeats failed connections and timeouts under a retry without codes, never what is untrusted or denied", () => {
    const rule = { ...last, retry: retry([], 1) };
    expect(decide(failures.refused, rule).action).toBe("again");
    expect(decide(failures.firstByte, rule).action).toBe("again");
    expect(decide(answer(500), rule).action).toBe("deliver");
    expect(decide(failures.untrusted, rule).action).toBe("give_up");
    expect(decide(failures.denied, rule).action).toBe("give_up");
  });

  it("without a retry rule repeats nothing but overload and a stale connection", () => {
    expect(decide(answer(500), last).action).toBe("deliver");
    expect(decide(failures.stale, last)).toMatchObject({ action: "again", afterMs: 0, health: "counts" });
    expect(decide(failures.stale, { ...last, sameBackendTries: 1 })).toMatchObject({ action: "give_up", refusal: "upstream_unavailable" });
  });
});

describe("bounds", () => {
  it("opens a new connection for a stale one before it leaves the backend, once, for every method", () => {
    expect(decide(failures.stale, { inference: false })).toMatchObject({ action: "again", afterMs: 0 });
    expect(decide(failures.stale, { sameBackendTries: 1 }).action).toBe("next");
    expect(decide(failures.stale, { budgetAllows: false }).action).toBe("next");
  });

  it("counts every extra try against retry.attempts", () => {
    expect(decide(answer(503), { retry: retry([], 1), extraTries: 0 }).action).toBe("next");
    expect(decide(answer(503), { retry: retry([], 1), extraTries: 1 })).toMatchObject({ action: "deliver", reason: "attempts_spent" });
  });

  it("tries nothing more with a body that cannot be sent again, and says so", () => {
    expect(decide(answer(503), { replayable: false })).toMatchObject({ action: "deliver", reason: "body_not_replayable", health: "counts" });
    const verdict = decide(failures.refused, { replayable: false });
    expect(verdict).toMatchObject({
      action: "give_up",
      refusal: "upstream_unavailable",
      reason: "body_not_replayable",
      detail: expect.stringContaining("replayBytes"),
    });
  });

  it("tries nothing more when the call's time is over", () => {
    expect(decide(answer(503), { msLeft: 0 })).toMatchObject({ action: "deliver", reason: "no_time" });
    expect(decide(failures.refused, { msLeft: -1 })).toMatchObject({ action: "give_up", reason: "no_time" });
    expect(decide(failures.cancelled, { msLeft: 0 })).toMatchObject({ action: "give_up", refusal: "upstream_timeout" });
  });

  it("tells a caller's broken body from one that could not be repeated", () => {
    expect(decide(failures.body)).toMatchObject({ refusal: "request_malformed" });
    expect(decide(failures.body, { extraTries: 1 })).toMatchObject({ refusal: "upstream_unavailable" });
  });
});

describe("the law for a parent, which retries on its own", () => {
  const parent = (outcome: AttemptOutcome, parts: Partial<Judged> = {}) =>
    decide(outcome, { parent: { spoke: false }, retry: retry([500, 503, 404]), ...parts });

  it.each([
    ["429", answer(429)],
    ["503 with Retry-After, at the last", answer(503, { retryAfterMs: 1 })],
    ["500, which `retry` lists", answer(500)],
    ["404, which `retry` lists", answer(404)],
    ["401", answer(401)],
    ["an error event", answer(200, { firstEventIsError: true })],
    ["a reset after a byte", failures.reset],
    ["no first byte", failures.firstByte],
    ["no HTTP", failures.protocol],
    ["a place outside", { kind: "violated", message: "" } as const],
  ])("never again, here or elsewhere: %s", (_name, outcome) => {
    for (const isLast of [true, false]) {
      for (const alreadyRefetched of [true, false]) expect(["deliver", "give_up"]).toContain(parent(outcome, { isLast, alreadyRefetched }).action);
    }
  });

  it.each([
    ["refused", failures.refused],
    ["dns", failures.dns],
    ["connect timeout", failures.connectTimeout],
    ["untrusted", failures.untrusted],
    ["no signing key", { kind: "credential_unavailable" } as const],
  ])("elsewhere, for nothing has left: %s", (_name, outcome) => {
    expect(parent(outcome).action).toBe("next");
  });

  it("a place outside is refused for what it is, and ejects", () => {
    expect(parent({ kind: "violated", message: "" })).toMatchObject({ action: "give_up", refusal: "region_violated", health: "ejects" });
  });

  it("what the parent itself says is to its credit", () => {
    expect(parent(answer(503), { parent: { spoke: true } }).health).toBe("good");
    expect(parent(answer(503)).health).toBe("counts");
  });
});
