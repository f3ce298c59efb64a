import { describe, expect, it } from "vitest";
import type { Identified } from "../../../src/model/call.ts";
import { Refusal } from "../../../src/model/errors.ts";
import { NOTHING_ATTESTED } from "../../../src/model/exchange.ts";
import type { RegionLock } from "../../../src/model/region.ts";
import type { CompiledRule } from "../../../src/model/snapshot.ts";
import { buildRouteTable } from "../../../src/routing/build-route-table.ts";
import { route } from "../../../src/routing/decide.ts";
import { makeConstraint } from "../../fakes/regions.ts";
import { makeRule } from "./make-rule.ts";

/** Only what routing reads of a call; the rest of `Identified` is other stages' business. */
function call(rules: readonly CompiledRule[], parts: { readonly namespace?: string; readonly rejected?: string } = {}): Identified {
  const known = {
    gateway: { namespace: "egress-system", scope: "CallerNamespace", rejected: parts.rejected ?? null },
    listener: { routes: buildRouteTable(rules) },
    exchange: { ...NOTHING_ATTESTED, headers: [] },
    host: "example.com",
    method: "GET",
    path: "/x",
    query: "",
    caller: { namespace: parts.namespace ?? "team-a" },
    chain: null,
    handshake: null,
  };
  return known as unknown as Identified; // a part of it, as said above
}

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const lock = (policy: string): RegionLock => ({ constraints: [makeConstraint(policy, { regions: new Set(["eu"]) })] });

describe("route", () => {
  it("gives the rule, the match and everything that was known before", () => {
    const rule = makeRule();
    const identified = call([rule]);
    const routed = route(identified, null);
    expect(routed.rule).toBe(rule);
    expect(routed.match).toBe(rule.matches[0]);
    expect(routed.caller).toBe(identified.caller);
    expect(routed.lock).toBeNull();
  });

  it("refuses what no route of the caller matches with 404", () => {
    const foreign = makeRule({ route: { namespace: "team-b" } });
    expect(refusalOf(() => route(call([foreign]), null))).toMatchObject({ code: "route_not_found", status: 404 });
  });

  it("answers for a rejected rule with its reason and 500, although a broader rule would match", () => {
    const rejected = makeRule({ matches: [{ path: { value: "/x" } }], action: { kind: "rejected", reason: "RegionDenied: no target is allowed" } });
    const refusal = refusalOf(() => route(call([makeRule(), rejected]), null));
    expect(refusal).toMatchObject({ code: "route_rejected", status: 500, detail: "RegionDenied: no target is allowed" });
  });

  it("refuses every call of a rejected Gateway, also where no route would match", () => {
    expect(refusalOf(() => route(call([], { rejected: "InvalidParameters" }), null))).toMatchObject({ code: "route_rejected", detail: "InvalidParameters" });
  });

  it("returns a redirect, which is no refusal", () => {
    const redirect = { scheme: "https", hostname: null, port: null, path: null, statusCode: 301 } as const;
    expect(route(call([makeRule({ action: { kind: "redirect", redirect } })]), null).rule.action.kind).toBe("redirect");
  });

  it("takes the lock of the caller's namespace where there is one, else the rule's", () => {
    const rule = makeRule({ route: { namespace: "egress-system" }, lock: lock("all"), namespaceLocks: new Map([["team-a", lock("team-a")]]) });
    expect(route(call([rule]), null).lock?.constraints[0]?.policy).toBe("team-a");
    expect(route(call([rule], { namespace: "team-b" }), null).lock?.constraints[0]?.policy).toBe("all");
  });
});
