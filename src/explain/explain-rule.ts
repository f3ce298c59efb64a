import { find } from "../lib/header-list.ts";
import type { Received, Routed } from "../model/call.ts";
import type { HeaderList } from "../model/http.ts";
import type { Exclusion } from "../model/planned.ts";
import type { CompiledRule, Target } from "../model/snapshot.ts";
import type { PlanRequest } from "../plan/plan.ts";
import { planMirrors } from "../plan/plan-mirrors.ts";
import { preflightHeaders, withCors } from "../routing/cors-headers.ts";
import { findPreflight } from "../routing/find-preflight.ts";

/** How long and how often a rule lets a call be tried. Milliseconds; null: no limit, or none written. */
export interface ExplainedLimits {
  readonly requestMs: number | null;
  readonly backendRequestMs: number | null;
  readonly retry: { readonly codes: readonly number[]; readonly attempts: number | null; readonly backoffMs: number } | null;
}

/** Who would get a copy, of what share of the calls (`1`: all); `why` it would not after all, else null. */
export interface ExplainedMirror {
  readonly backend: string;
  readonly share: number;
  readonly why: string | null;
}

/** What a page of another origin is told. `headers` are those that the CORS filter gives; without `access-control-allow-origin` a browser refuses. */
export interface ExplainedCors {
  readonly rule: string;
  readonly origin: string;
  readonly allowed: boolean;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export function explainLimits({ timeouts, retry }: CompiledRule): ExplainedLimits {
  const { requestMs, backendRequestMs } = timeouts;
  return {
    requestMs,
    backendRequestMs,
    retry: retry === null ? null : { codes: [...retry.codes].sort((a, b) => a - b), attempts: retry.attempts, backoffMs: retry.backoffMs },
  };
}

/** The mirrors of a call that goes to `first`, whatever share of the calls they get. */
export function explainMirrors(routed: Routed, request: PlanRequest, first: Target | null): readonly ExplainedMirror[] {
  const { mirrors } = routed.rule;
  return mirrors.flatMap((mirror): ExplainedMirror[] => {
    const [planned] = planMirrors({ ...routed, rule: { ...routed.rule, mirrors: [mirror] } }, request, first, () => 0);
    if (planned === undefined) return [];
    const share = mirror.numerator / mirror.denominator;
    return [{ backend: mirror.target.backend.key, share, why: planned.kind === "send" ? null : WHY_EXCLUDED[planned.reason] }];
  });
}

/** Why a backend that a rule names gets no call, for people. */
export const WHY_EXCLUDED: Readonly<Record<Exclusion["reason"], string>> = {
  region: "outside the region lock",
  dialect: "it speaks another API than the one that is called",
  model: "it does not offer this model",
  protocol: "its HTTP version cannot carry the call: gRPC needs HTTP/2, a WebSocket HTTP/1.1",
  hops: "the call has passed as many brokers as it may",
  evicted: "it failed lately, or asked to be left alone",
};

/** A preflight that the broker answers itself; null: it is none, or no rule answers it. */
export function explainPreflight(received: Received): ExplainedCors | null {
  const rule = findPreflight(received);
  return rule === null ? null : corsOf(rule.id, received, preflightHeaders(rule.cors, received.exchange.headers));
}

/** What the answer of a call with an `Origin` would carry; null: the call names none, or the rule has no CORS filter. */
export function explainCors(routed: Routed): ExplainedCors | null {
  const { rule, exchange } = routed;
  if (rule.cors === null || find(exchange.headers, "origin") === null) return null;
  return corsOf(rule.id, routed, withCors(rule.cors, exchange.headers, []));
}

function corsOf(rule: string, { exchange }: Pick<Received, "exchange">, list: HeaderList): ExplainedCors {
  const headers: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < list.length; at += 2) headers.push([list[at] ?? "", list[at + 1] ?? ""]);
  return { rule, origin: find(exchange.headers, "origin") ?? "", allowed: headers.some(([name]) => name === "access-control-allow-origin"), headers };
}
