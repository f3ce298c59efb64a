import { describe, expect, it } from "vitest";
import { limitsOfNamespace } from "../../../../src/policy/limits/limits-of-namespace.ts";
import { matchesLimit } from "../../../../src/policy/limits/match-limit.ts";
import { makeLimit } from "../../../fakes/limit-world.ts";

const ANY = { namespaces: null, serviceAccounts: null, models: null };
const of = (...namespaces: readonly string[]) => makeLimit({ id: `a/p/${namespaces.join("-")}`, match: { ...ANY, namespaces } });
const rules = [makeLimit({ id: "a/p/all" }), of("team-*"), of("*-a", "team-b"), ...Array.from({ length: 50 }, (_, index) => of(`team-${index}`))];

describe("limits of a namespace", () => {
  it.each(["team-a", "team-b", "team-7", "team-49", "other-a", "other", "*"])("are those that a look at each would leave for %s", (namespace) => {
    const subject = { namespace, serviceAccount: null, workload: null, model: null, route: "a/r", backend: null };
    expect(limitsOfNamespace(rules, namespace)).toEqual(rules.filter(({ match }) => matchesLimit(match, subject)));
  });

  it("are found once, as long as the list lives, and never for another list", () => {
    const first = limitsOfNamespace(rules, "team-3");
    expect(limitsOfNamespace(rules, "team-3")).toBe(first);
    const changed = [...rules.slice(0, -1), of("team-3")];
    expect(limitsOfNamespace(changed, "team-3")).toHaveLength(first.length + 1);
  });

  it("are bounded: namespaces without end do not fill the memory", () => {
    const first = limitsOfNamespace(rules, "team-5");
    for (let index = 0; index < 10_000; index += 1) limitsOfNamespace(rules, `n-${index}`);
    expect(limitsOfNamespace(rules, "team-5")).not.toBe(first);
    expect(limitsOfNamespace(rules, "team-5")).toEqual(first);
  });

  it("a short list is left as it is: what is not meant is sorted out anyway", () => {
    const few = rules.slice(0, 4);
    expect(limitsOfNamespace(few, "other")).toBe(few);
  });
});
