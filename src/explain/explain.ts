import { planRequest } from "../call/plan-request.ts";
import { bodyFacts } from "../call/read-call-body.ts";
import { find } from "../lib/header-list.ts";
import { imaginedExchange } from "../listener/imagined-exchange.ts";
import { receive } from "../listener/receive.ts";
import type { Identified } from "../model/call.ts";
import { Refusal, type RefusalCode } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";
import type { Exclusion } from "../model/planned.ts";
import type { Clock, Random } from "../model/ports.ts";
import type { RegionEvidence } from "../model/region.ts";
import type { CompiledRule, RuleMatch, Snapshot } from "../model/snapshot.ts";
import { createHealth } from "../plan/health.ts";
import { plan } from "../plan/plan.ts";
import { PlanRefusal } from "../plan/plan-refusal.ts";
import { handshakeFacts } from "../providers/handshake-model.ts";
import { operationOf } from "../providers/operation-of.ts";
import { buildRouteTable } from "../routing/build-route-table.ts";
import { route, routeQuery } from "../routing/decide.ts";
import { describePrecedence } from "../routing/describe-precedence.ts";
import { findRule } from "../routing/find-rule.ts";
import {
  type ExplainedCors,
  type ExplainedLimits,
  type ExplainedMirror,
  explainCors,
  explainLimits,
  explainMirrors,
  explainPreflight,
  WHY_EXCLUDED,
} from "./explain-rule.ts";
import { type ExplainedUsageLimit, explainUsageLimits } from "./explain-usage-limits.ts";

/** A call that is only thought of. */
export interface ExplainRequest {
  readonly caller: { readonly namespace: string; readonly serviceAccount: string | null };
  readonly method: string;
  /** `host/path?query`, already split. */
  readonly authority: string;
  /** Left out: `http`. HTTPS listeners take `https` alone. */
  readonly scheme?: "http" | "https";
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: string | null;
}

/** What would happen, stage by stage; `refusal` says where it would end. */
export interface Explanation {
  readonly snapshot: string;
  readonly gateway: string | null;
  readonly listener: string | null;
  readonly operation: string | null;
  readonly model: string | null;
  readonly rule: { readonly id: string; readonly match: string; readonly why: string } | null;
  /** Rules that match too and lose, with the reason. */
  readonly beaten: readonly { readonly id: string; readonly match: string; readonly why: string }[];
  readonly lock: readonly string[];
  readonly redirect: number | null;
  /** The call is a preflight, which the broker answers before it asks who calls; null: it is none that a rule answers. */
  readonly preflight: ExplainedCors | null;
  /** Time limits and repeats of the rule. */
  readonly limits: ExplainedLimits | null;
  /** Limits of UsageLimitPolicies that the call would be charged to. */
  readonly usageLimits: readonly ExplainedUsageLimit[];
  readonly mirrors: readonly ExplainedMirror[];
  /** What a page of the `Origin` of the call is told; null: it names none, or the rule has no CORS filter. */
  readonly cors: ExplainedCors | null;
  readonly candidates: readonly {
    readonly backend: string;
    readonly tier: number;
    readonly host: string;
    readonly region: RegionEvidence;
    readonly model: string | null;
  }[];
  /** `why` is for people. Told for a refused call too. */
  readonly excluded: readonly { readonly backend: string; readonly reason: Exclusion["reason"]; readonly why: string }[];
  readonly refusal: { readonly code: RefusalCode; readonly status: number; readonly detail: string } | null;
}

/** Runs the pure stages (1, 3 and 5) on a call as if this caller had proved itself. Sends nothing, reads no secret. */
export function explain(snapshot: Snapshot, request: ExplainRequest, clock: Clock, random: Random): Explanation {
  const found: Mutable<Explanation> = {
    snapshot: snapshot.id,
    gateway: null,
    listener: null,
    operation: null,
    model: null,
    rule: null,
    beaten: [],
    lock: [],
    redirect: null,
    preflight: null,
    limits: null,
    usageLimits: [],
    mirrors: [],
    cors: null,
    candidates: [],
    excluded: [],
    refusal: null,
  };
  try {
    const upgrades = find(request.headers, "upgrade") !== null;
    const received = receive(imaginedExchange(request), snapshot, "explain", operationOf(request.method, request.target.split("?", 1)[0] ?? "", upgrades));
    found.gateway = received.gateway.id;
    found.listener = received.listener.name;
    found.operation = received.operation.name;
    found.preflight = explainPreflight(received);
    if (found.preflight !== null) return found;
    const caller = { ...request.caller, workload: null, proof: { kind: "jwt", issuer: "explain" } } as const;
    const identified: Identified = { ...received, caller, tokenSlot: null, chain: null };
    const facts =
      received.handshake !== null ? handshakeFacts(received.query) : request.body === null ? null : bodyFacts(received, new TextEncoder().encode(request.body));
    found.model = facts?.model ?? null;
    const matching = matchingRules(identified, found.model);
    const routed = route(identified, found.model);
    const winner = { rule: routed.rule, match: routed.match };
    const losers = matching.filter((other) => other.rule !== routed.rule);
    found.rule = {
      id: routed.rule.id,
      match: describeMatch(routed.match),
      why: losers.length === 0 ? "the only rule that matches" : "wins over the others by precedence",
    };
    found.beaten = losers.map((other) => ({ id: other.rule.id, match: describeMatch(other.match), why: describePrecedence(received.host, winner, other) }));
    found.lock = routed.lock?.constraints.map((constraint) => constraint.policy) ?? [];
    found.cors = explainCors(routed);
    if (routed.rule.action.kind === "redirect") {
      found.redirect = routed.rule.action.redirect.statusCode;
      return found;
    }
    found.limits = explainLimits(routed.rule);
    const asked = planRequest(routed.operation, found.model);
    const planned = plan(
      routed,
      asked,
      createHealth(clock, random, () => {}),
      random,
    );
    if (planned.redirect !== null) found.redirect = planned.redirect.statusCode;
    found.candidates = planned.candidates.map(({ target, tier, evidence }) => ({
      backend: target.backend.key,
      tier,
      host: target.backend.authority,
      region: evidence,
      model: target.model,
    }));
    found.excluded = planned.excluded.map(describeExclusion);
    const targets = planned.candidates.map(({ target }) => target);
    found.usageLimits = explainUsageLimits(routed, found.model, targets);
    found.mirrors = explainMirrors(routed, asked, targets[0] ?? null);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error instanceof PlanRefusal) found.excluded = error.excluded.map(describeExclusion);
    found.refusal = { code: error.code, status: error.status, detail: error.detail };
  }
  return found;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface MatchingRule {
  readonly rule: CompiledRule;
  readonly match: RuleMatch;
}

function matchingRules(identified: Identified, model: string | null): readonly MatchingRule[] {
  const query = routeQuery(identified, model);
  return identified.listener.routes.rules.flatMap((rule) => {
    const hit = findRule(buildRouteTable([rule]), query);
    return hit === null ? [] : [{ rule, match: hit.match }];
  });
}

function describeExclusion({ backend, reason, evidence }: Exclusion): Explanation["excluded"][number] {
  return { backend, reason, why: evidence?.reason ?? WHY_EXCLUDED[reason] };
}

/** A match in the words of the manifest. */
function describeMatch(match: RuleMatch): string {
  const parts = [`${match.path.type} ${match.path.value}`];
  if (match.method !== null) parts.push(`method ${match.method}`);
  for (const header of match.headers) parts.push(`header ${header.name}=${header.value}`);
  for (const parameter of match.queryParams) parts.push(`query ${parameter.name}=${parameter.value}`);
  return parts.join(", ");
}
