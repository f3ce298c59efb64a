import type { Candidate } from "../model/call.ts";
import { clear } from "../model/cleared.ts";
import type { LimitRule } from "../model/limit.ts";
import { lockOn } from "../model/lock-on.ts";
import type { RegionLock } from "../model/region.ts";
import {
  type CompiledRule,
  DEFAULT_HEALTH,
  DEFAULT_TIMEOUTS,
  type RetryRule,
  type RuleAction,
  type RuleTimeouts,
  type WeightedTarget,
} from "../model/snapshot.ts";
import type { BackendDirectory } from "./backend-directory.ts";
import { compileExternalAuth } from "./compile-external-auth.ts";
import { type AuthoredMirror, type CompiledFilters, compileFilters } from "./compile-filters.ts";
import { compileMatches } from "./compile-match-list.ts";
import { type CompiledMirrors, compileMirrors, targetsOf } from "./compile-mirrors.ts";
import { type CompiledTargets, compileTargets, type TargetScope } from "./compile-targets.ts";
import { durationMs } from "./duration.ts";
import { type LinkContext, type Resolved, resolved, type Unresolved, unresolved } from "./link-context.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import type { RegionLocks } from "./region-locks.ts";
import type { RuleSpec } from "./standard/http-route.ts";
import type { UsageLimits } from "./usage-limits.ts";

/** Everything about one rule toward one Gateway, but for its hostnames, which depend on the listener. */
export interface RuleDraft {
  readonly rule: Omit<CompiledRule, "hostnames">;
  /** The rule is not carried out as written (`Accepted`, `PartiallyInvalid`). */
  readonly refused: Unresolved | null;
  /** References that failed (`ResolvedRefs`). */
  readonly unresolved: readonly Unresolved[];
  /** No target lies inside the lock (`Programmed`). */
  readonly locked: string | null;
}

export interface RuleContext {
  readonly link: LinkContext;
  readonly backends: BackendDirectory;
  readonly locks: RegionLocks;
  readonly limits: UsageLimits;
  readonly gateway: string;
  readonly allow: TargetScope["allow"];
}

const NO_FILTERS: CompiledFilters = { requestHeaders: null, responseHeaders: null, rewrite: null, redirect: null, cors: null, mirrors: [], externalAuth: null };
const NO_LIMITS: readonly LimitRule[] = [];
const MODEL_HEADER = "x-gateway-model-name";
/** The least wait between two tries where the rule says nothing. */
const DEFAULT_BACKOFF_MS = 100;
const PROPAGATE_TRACE = "spillway.dev/propagate-trace";

/** Compiles one rule. A rule that is refused keeps its matches, so that no broader route takes its traffic. */
export function compileRule(context: RuleContext, route: ManifestOf<"HTTPRoute">, index: number, spec: RuleSpec): RuleDraft {
  const ruleName = spec.name ?? null;
  const { matches, fault } = compileMatches(spec.matches);
  const prefixOnly = matches.every((match) => match.path.type === "PathPrefix");
  const filters = compileFilters(spec.filters ?? [], prefixOnly, context.link.platform);
  const timeouts = compileTimeouts(spec);
  const path = { gateway: context.gateway, route, ruleName };
  // Copies, and questions to an authorization server, are not in the caller's account.
  const beside: TargetScope = { routeNamespace: namespaceOf(route), allow: context.allow, limitsOf: () => NO_LIMITS };
  const scope: TargetScope = { ...beside, limitsOf: (backend, group) => context.limits.ofTarget(path, backend, group) };
  const targets = compileTargets(context.link, context.backends, route, spec.backendRefs ?? [], scope, prefixOnly);
  const mirrors = compileAllMirrors(context, route, filters.ok ? filters.value.mirrors : [], targets, beside);
  const corsAtRefs = targets.ok ? targets.value.cors : null;
  const auth = compileExternalAuth(context.link, context.backends, route, filters.ok ? filters.value.externalAuth : null, beside);
  const locks = context.locks.locksOf(path);

  const policyRefusal = context.locks.refusalOf(route) ?? context.limits.refusalOf(route);
  const refused =
    (fault === null ? null : unresolved("UnsupportedValue", fault)) ??
    failureOf(filters) ??
    failureOf(targets) ??
    failureOf(mirrors) ??
    failureOf(auth) ??
    failureOf(timeouts) ??
    (spec.sessionPersistence === undefined ? null : unresolved("UnsupportedValue", "sessionPersistence is not carried out by this release")) ??
    (filters.ok && filters.value.redirect !== null && (spec.backendRefs ?? []).length > 0
      ? unresolved("IncompatibleFilters", "RequestRedirect and backendRefs exclude each other")
      : null) ??
    (corsAtRefs !== null && filters.ok && filters.value.cors !== null
      ? unresolved("IncompatibleFilters", "CORS stands on the rule and at its backendRefs: keep one of the two")
      : null) ??
    (policyRefusal === null ? null : unresolved("Invalid", policyRefusal));

  const compiledFilters = filters.ok ? filters.value : NO_FILTERS;
  const weighted = targets.ok ? targets.value.targets : [];
  const locked = refused === null ? outsideLock(weighted, locks.base) : null;
  const unasked = auth.ok ? auth.value.unresolved : null;
  return {
    refused,
    unresolved: [
      ...(unasked === null ? [] : [unasked]),
      ...(targets.ok ? targets.value.unresolved : []),
      ...(mirrors.ok ? mirrors.value.unresolved : []),
      ...mirrorsOutside(mirrors, locks.base),
    ],
    locked,
    rule: {
      id: `${idOf(route)}/${ruleName ?? index}`,
      route: { namespace: namespaceOf(route), name: route.name, createdAt: route.createdAt },
      ruleIndex: index,
      ruleName,
      matches,
      action: actionOf(refused?.message ?? unasked?.message ?? locked, compiledFilters, weighted),
      requestHeaders: compiledFilters.requestHeaders,
      responseHeaders: compiledFilters.responseHeaders,
      rewrite: compiledFilters.rewrite,
      cors: compiledFilters.cors ?? corsAtRefs,
      mirrors: mirrors.ok ? mirrors.value.mirrors : [],
      externalAuth: auth.ok ? auth.value.rule : null,
      timeouts: timeouts.ok ? timeouts.value : DEFAULT_TIMEOUTS,
      retry: compileRetry(spec),
      lock: locks.lock,
      namespaceLocks: locks.byNamespace,
      limits: context.limits.ofRule(path),
      matchesModel: matches.some((match) => match.headers.some((header) => header.name === MODEL_HEADER)),
      propagateTrace: Object.hasOwn(route.annotations, PROPAGATE_TRACE) && route.annotations[PROPAGATE_TRACE] === "true",
    },
  };
}

function actionOf(reason: string | null, filters: CompiledFilters, targets: readonly WeightedTarget[]): RuleAction {
  if (reason !== null) return { kind: "rejected", reason };
  return filters.redirect === null ? { kind: "forward", targets } : { kind: "redirect", redirect: filters.redirect };
}

/** Door one of three: a rule none of whose usable targets its lock allows is refused here, before any request. Null: something is allowed, or there is nothing to lock. */
function outsideLock(targets: readonly WeightedTarget[], lock: RegionLock | null): string | null {
  const candidates = targets.flatMap(({ target }): Candidate[] => {
    if (target.kind === "backend") return [{ target: target.target, tier: 0, failover: null, health: DEFAULT_HEALTH }];
    if (target.kind !== "group") return [];
    const { failover, health } = target.group;
    return target.group.tiers.flatMap((tier, index) => tier.targets.map((member) => ({ target: member.target, tier: index, failover, health })));
  });
  let reason: string | null = null;
  for (const candidate of candidates) {
    const clearance = clear(candidate, lock);
    if (clearance.ok) return null;
    reason ??= `no target lies inside the allowed regions: ${candidate.target.backend.key}: ${clearance.evidence.reason}`;
  }
  return reason;
}

/** Those of the rule, and those at its backendRefs. */
function compileAllMirrors(
  { link, backends }: RuleContext,
  route: ManifestOf<"HTTPRoute">,
  ofRule: readonly AuthoredMirror[],
  targets: Resolved<CompiledTargets>,
  scope: TargetScope,
): Resolved<CompiledMirrors> {
  const atRefs = targets.ok ? targets.value.mirrors : [];
  const parts = [compileMirrors(link, backends, route, ofRule, scope, null)];
  for (const { target, authored } of atRefs) parts.push(compileMirrors(link, backends, route, authored, scope, targetsOf(target)));
  const mirrors: CompiledMirrors["mirrors"][number][] = [];
  const failures: Unresolved[] = [];
  for (const part of parts) {
    if (!part.ok) return part;
    mirrors.push(...part.value.mirrors);
    failures.push(...part.value.unresolved);
  }
  return resolved({ mirrors, unresolved: failures });
}

/** Told, and kept: a lock that binds some callers only may let others' copies go there. */
function mirrorsOutside(mirrors: Resolved<CompiledMirrors>, lock: RegionLock | null): readonly Unresolved[] {
  if (!mirrors.ok) return [];
  return mirrors.value.mirrors.flatMap(({ target }): Unresolved[] => {
    const clearance = clear({ target, tier: 0, failover: null, health: DEFAULT_HEALTH }, lockOn(lock, "mirrors"));
    return clearance.ok ? [] : [unresolved("RegionDenied", `the mirror ${target.backend.key} gets no copies: ${clearance.evidence.reason}`)];
  });
}

function compileTimeouts(spec: RuleSpec): Resolved<RuleTimeouts> {
  const request = spec.timeouts?.request;
  const backendRequest = spec.timeouts?.backendRequest;
  // `0s` switches a limit off (the standard); left out is our default, for a call without any limit holds its resources for ever.
  const requestMs = request === undefined ? DEFAULT_TIMEOUTS.requestMs : durationMs(request) || null;
  const backendRequestMs = backendRequest === undefined ? DEFAULT_TIMEOUTS.backendRequestMs : durationMs(backendRequest) || null;
  if (request !== undefined && requestMs !== null && backendRequestMs !== null && backendRequestMs > requestMs) {
    return unresolved("UnsupportedValue", "timeouts.backendRequest is longer than timeouts.request");
  }
  const upgradedMs = request === undefined ? DEFAULT_TIMEOUTS.upgradedMs : requestMs;
  return resolved({ requestMs, backendRequestMs, upgradedMs });
}

function compileRetry(spec: RuleSpec): RetryRule | null {
  if (spec.retry === undefined) return null;
  const { codes, attempts, backoff } = spec.retry;
  return { codes: new Set(codes ?? []), attempts: attempts ?? null, backoffMs: backoff === undefined ? DEFAULT_BACKOFF_MS : durationMs(backoff) };
}

function failureOf(result: Resolved<unknown>): Unresolved | null {
  return result.ok ? null : result;
}
