import { describe, expect, it } from "vitest";
import { accountValues, type LimitSubject, matchesLimit } from "../../../../src/policy/limits/match-limit.ts";

const SUBJECT: LimitSubject = { namespace: "team-a", serviceAccount: "batch-7", workload: null, model: "gpt-5", route: "team-a/chat", backend: null };
const NONE = { namespaces: null, serviceAccounts: null, models: null };

describe("whom a limit is for", () => {
  it.each([
    [NONE, true],
    [{ ...NONE, namespaces: ["team-a"] }, true],
    [{ ...NONE, namespaces: ["team-*"] }, true],
    [{ ...NONE, namespaces: ["x", "*-a"] }, true],
    [{ ...NONE, namespaces: ["team"] }, false],
    [{ ...NONE, serviceAccounts: ["batch-*"] }, true],
    [{ ...NONE, serviceAccounts: ["team-a/batch-7"] }, true],
    [{ ...NONE, serviceAccounts: ["team-a/*"] }, true],
    [{ ...NONE, serviceAccounts: ["team-b/batch-7"] }, false],
    [{ ...NONE, serviceAccounts: ["nobody", "batch-7"] }, true],
    [{ ...NONE, serviceAccounts: ["nobody", "team-b/*"] }, false],
    [{ ...NONE, models: ["gpt-*"] }, true],
    [{ ...NONE, models: ["claude-*"] }, false],
    [{ namespaces: ["team-a"], serviceAccounts: ["batch-*"], models: ["claude-*"] }, false],
  ])("%j: %s", (match, expected) => {
    expect(matchesLimit(match, SUBJECT)).toBe(expected);
  });

  it("a call that names no model, or no service account, is matched by * alone", () => {
    const nameless = { ...SUBJECT, model: null, serviceAccount: null };
    expect(matchesLimit({ ...NONE, models: ["*"] }, nameless)).toBe(true);
    expect(matchesLimit({ ...NONE, models: ["gpt-*"] }, nameless)).toBe(false);
    expect(matchesLimit({ ...NONE, serviceAccounts: ["*"] }, nameless)).toBe(true);
    expect(matchesLimit({ ...NONE, serviceAccounts: ["batch-*"] }, nameless)).toBe(false);
    expect(matchesLimit({ ...NONE, serviceAccounts: ["team-a/*"] }, nameless)).toBe(true);
    // Not even by one that asks for a single character of it.
    for (const pattern of ["?*", "S*", "*!", "*a*"]) {
      expect(matchesLimit({ ...NONE, serviceAccounts: [pattern] }, nameless)).toBe(false);
      expect(matchesLimit({ ...NONE, models: [pattern] }, nameless)).toBe(false);
    }
    expect(matchesLimit({ ...NONE, serviceAccounts: ["team-a/*!"] }, nameless)).toBe(false);
  });
});

describe("whose account it is", () => {
  const rule = { per: ["namespace", "serviceAccount", "model", "backend"] } as unknown as Parameters<typeof accountValues>[0]; // as: nothing else of it is read

  it("has a value for each part, in order; what is not known is empty", () => {
    expect(accountValues(rule, SUBJECT)).toEqual(["team-a", "batch-7", "gpt-5", ""]);
  });

  it("is bounded, whatever a caller calls its model", () => {
    expect(accountValues(rule, { ...SUBJECT, model: "m".repeat(5_000) }).join("").length).toBeLessThan(500);
  });
});
