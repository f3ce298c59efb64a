import { matchesStar } from "../lib/star-pattern.ts";
import type { Backend } from "../model/backend.ts";
import type { LimitRule } from "../model/limit.ts";
import { compileLimit, type LimitDraft } from "./compile-limit.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type LinkContext, warn } from "./link-context.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { alike, notAmong } from "./not-among.ts";
import type { RulePath } from "./region-locks.ts";

/** Which limits count where. All that apply count: no policy takes the place of another. */
export interface UsageLimits {
  /** Of the Gateway, the route and the rule, charged once for a call. */
  ofRule(path: RulePath): readonly LimitRule[];
  /** What comes to those when the destination is tried; `group` is `namespace/name` of the BackendGroup that it stands in, or null. */
  ofTarget(path: RulePath, backend: Backend, group: string | null): readonly LimitRule[];
  /** A reason to refuse all rules of the route: a limit is meant for a rule of it that does not exist, so nobody can tell which one. */
  refusalOf(route: RulePath["route"]): string | null;
}

type PolicyManifest = ManifestOf<"UsageLimitPolicy">;
type PolicyTarget = PolicyManifest["body"]["spec"]["targetRefs"][number];

/** A limit with what is settled before any call. */
interface Attached {
  readonly draft: LimitDraft;
  /** Patterns of `namespace/name`; null: every one. */
  readonly routes: readonly string[] | null;
  readonly backends: readonly string[] | null;
  /** It is for destinations, whatever it is attached to. */
  readonly ofBackends: boolean;
  /** By scope and Gateway. */
  readonly made: Map<string, LimitRule>;
}

const NONE: readonly LimitRule[] = [];
const NOTHING: UsageLimits = { ofRule: () => NONE, ofTarget: () => NONE, refusalOf: () => null };

/** Reads every UsageLimitPolicy. `gateways` are those of this broker. */
export function compileUsageLimits(context: LinkContext, gateways: ReadonlySet<string>): UsageLimits {
  if (context.set.UsageLimitPolicy.size === 0) return NOTHING;
  const byTarget = new Map<string, Attached[]>();
  const refusals = new Map<string, string>();
  // The order of the files must not be seen in the snapshot.
  const policies = [...context.set.UsageLimitPolicy.values()].sort((left, right) => (idOf(left) < idOf(right) ? -1 : 1));
  for (const policy of policies) {
    const limits = policy.body.spec.limits.flatMap((_, index) => attachable(context, policy, index));
    for (const [index, target] of policy.body.spec.targetRefs.entries()) {
      const key = attach(context, policy, target, index, gateways, refusals);
      if (key === null) continue;
      const attached = byTarget.get(key) ?? [];
      attached.push(...limits);
      byTarget.set(key, attached);
    }
  }

  const ways = new Map<string, Way>();
  const known = new WeakMap<RulePath, Way>();

  /** Rules for which the same limits count share one way: with a thousand teams nothing is made a thousand times over. */
  function wayOf(path: RulePath): Way {
    const before = known.get(path);
    if (before !== undefined) return before;
    const { gateway, route, ruleName } = path;
    const id = idOf(route);
    const keys = [`Gateway/${gateway}`, `HTTPRoute/${id}`, ...(ruleName === null ? [] : [`HTTPRoute/${id}/${ruleName}`])].filter((key) => byTarget.has(key));
    const attached = keys.flatMap((key) => byTarget.get(key) ?? []);
    const key = JSON.stringify([gateway, keys, attached.some(({ routes }) => routes !== null) ? id : null]);
    const way =
      ways.get(key) ??
      makeWay(
        gateway,
        attached.filter(({ routes }) => fits(routes, id)),
      );
    ways.set(key, way);
    known.set(path, way);
    return way;
  }

  return {
    ofRule: (path) => wayOf(path).ofCall,
    ofTarget(path, backend, group) {
      const way = wayOf(path);
      const id = `${backend.namespace}/${backend.name}`;
      const meant = ({ routes, backends }: Attached) => fits(routes, idOf(path.route)) && fits(backends, id);
      const onTheWay = way.ofSomeBackends.filter(meant);
      const ofGroup = (group === null ? [] : (byTarget.get(`BackendGroup/${group}`) ?? [])).filter(meant);
      const ofBackend = (byTarget.get(`${backend.kind}/${id}`) ?? []).filter(meant);
      if (onTheWay.length + ofGroup.length + ofBackend.length === 0) return way.ofEveryBackend;
      const own = [
        ...onTheWay.map((one) => ruleOf(path.gateway, one, "attempt")),
        ...ofGroup.map((one) => ruleOf(path.gateway, one, one.ofBackends ? "attempt" : "call")),
        ...ofBackend.map((one) => ruleOf(path.gateway, one, "attempt")),
      ];
      // A policy may name a Gateway and a backend behind it: a call has one share of a limit, not two.
      return once([...way.ofEveryBackend, ...own.filter((rule) => !way.covered.has(rule.id))]);
    },
    refusalOf: (route) => refusals.get(idOf(route)) ?? null,
  };
}

/** What of the Gateway, the route and the rule counts for a call. */
interface Way {
  readonly ofCall: readonly LimitRule[];
  /** Ids of these. */
  readonly covered: ReadonlySet<string>;
  readonly ofEveryBackend: readonly LimitRule[];
  readonly ofSomeBackends: readonly Attached[];
}

function makeWay(gateway: string, attached: readonly Attached[]): Way {
  const ofCall = once(attached.flatMap((one) => (one.ofBackends ? [] : [ruleOf(gateway, one, "call")])));
  const ofEvery = attached.filter((one) => one.ofBackends && one.backends === null);
  return {
    ofCall,
    covered: new Set(ofCall.map((rule) => rule.id)),
    ofEveryBackend: once(ofEvery.map((one) => ruleOf(gateway, one, "attempt"))),
    ofSomeBackends: attached.filter((one) => one.ofBackends && one.backends !== null),
  };
}

/** One object for each limit of a Gateway, wherever it is met. */
function ruleOf(gateway: string, { draft, made }: Attached, scope: LimitRule["scope"]): LimitRule {
  const key = `${scope} ${gateway}`;
  const rule = made.get(key) ?? { ...draft, gateway, scope };
  made.set(key, rule);
  return rule;
}

function once(rules: readonly LimitRule[]): readonly LimitRule[] {
  if (rules.length === 0) return NONE;
  const seen = new Set<string>();
  return rules.filter(({ id }) => {
    const isFirst = !seen.has(id);
    seen.add(id);
    return isFirst;
  });
}

function fits(patterns: readonly string[] | null, id: string): boolean {
  return patterns === null || patterns.some((pattern) => matchesStar(pattern, id));
}

function attachable(context: LinkContext, policy: PolicyManifest, index: number): readonly Attached[] {
  const { spec } = policy.body;
  const authored = spec.limits[index];
  if (authored === undefined) return [];
  const { match, per } = authored;
  const namespace = namespaceOf(policy);
  const path = ["spec", "limits", index, "match"] as const;
  const routes = match?.routes?.map((pattern) => absolute(pattern, namespace)) ?? null;
  const backends = match?.backends?.map((pattern) => absolute(pattern, namespace)) ?? null;
  warnOfNamespaces(context, policy, [...path, "namespaces"], match?.namespaces ?? []);
  warnOfStrangers(context, policy, [...path, "routes"], routes ?? [], "HTTPRoute", [context.set.HTTPRoute]);
  warnOfStrangers(context, policy, [...path, "backends"], backends ?? [], "XBackend or Service", [context.set.XBackend, context.set.Service]);
  return [
    { draft: compileLimit(idOf(policy), spec, authored), routes, backends, ofBackends: backends !== null || (per ?? []).includes("Backend"), made: new Map() },
  ];
}

/** A pattern of `namespace/name`. One that begins with `*` says by itself that it is of any namespace. */
function absolute(pattern: string, namespace: string): string {
  return pattern.includes("/") || pattern.startsWith("*") ? pattern : `${namespace}/${pattern}`;
}

/** A slip of the pen in a pattern leaves calls without the limit that somebody believes in. */
function warnOfStrangers(
  context: LinkContext,
  policy: PolicyManifest,
  path: readonly (string | number)[],
  patterns: readonly string[],
  kind: string,
  known: readonly ReadonlyMap<string, unknown>[],
): void {
  for (const [index, pattern] of patterns.entries()) {
    if (known.some((manifests) => manifests.has(pattern))) continue;
    const names = known.flatMap((manifests) => [...manifests.keys()]);
    if (names.some((name) => matchesStar(pattern, name))) continue;
    const meant = names.length > MAX_COMPARED ? null : didYouMean(pattern, names);
    const advice = meant === null ? "write namespace/name, or a name in the namespace of this policy" : `did you mean ${meant}?`;
    warn(context, policy, [...path, index], `no ${kind} ${pattern} is among the manifests: the limit is for none`, advice);
  }
}

/** Files need not hold the Namespaces: only a name that is much like one of them is told. */
function warnOfNamespaces(context: LinkContext, policy: PolicyManifest, path: readonly (string | number)[], patterns: readonly string[]): void {
  const { Namespace } = context.set;
  for (const [index, pattern] of patterns.entries()) {
    if (pattern.includes("*") || Namespace.has(pattern) || Namespace.size > MAX_COMPARED) continue;
    const meant = didYouMean(pattern, [...Namespace.keys()]);
    if (meant !== null) warn(context, policy, [...path, index], `no Namespace ${pattern} is among the manifests`, `did you mean ${meant}?`);
  }
}

/** Beyond so many names nobody looks for one that is alike: a large set with many slips would take long. */
const MAX_COMPARED = 1_000;

/** The key of the target; null when the policy cannot attach there, and then its condition says why. */
function attach(
  context: LinkContext,
  policy: PolicyManifest,
  target: PolicyTarget,
  index: number,
  gateways: ReadonlySet<string>,
  refusals: Map<string, string>,
): string | null {
  const id = `${namespaceOf(policy)}/${target.name}`;
  const key = `${target.kind}/${id}`;
  const ancestor = target.sectionName === undefined ? key : `${key}/${target.sectionName}`;
  const refuse = (message: string) => {
    context.conditions.write(policy, ancestor, { type: "Accepted", status: "False", reason: "TargetNotFound", message });
    // Louder than a condition: somebody believes that calls are limited, and they are not.
    warn(context, policy, ["spec", "targetRefs", index], `these limits are not attached: ${message}`);
    return null;
  };
  if (target.kind === "Gateway") {
    if (!gateways.has(id))
      return refuse(`no Gateway ${id} of this broker is among the manifests${alike(namespaceOf(policy), target.name, context.set.Gateway)}`);
  } else if (!context.set[target.kind].has(id)) return refuse(notAmong(target.kind, namespaceOf(policy), target.name, context.set[target.kind]));
  const { sectionName } = target;
  if (sectionName !== undefined && context.set.HTTPRoute.get(id)?.body.spec.rules.some((rule) => rule.name === sectionName) !== true) {
    // Fails closed: a limit was meant for some rule of this route.
    refusals.set(id, `UsageLimitPolicy ${idOf(policy)} names a rule ${sectionName} that this route does not have`);
    return refuse(`HTTPRoute ${id} has no rule named ${sectionName}; all its rules are refused`);
  }
  context.conditions.approve(policy, ancestor, "Accepted");
  return ancestor;
}
