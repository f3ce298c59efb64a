import type { RegionConstraint, RegionLock } from "../model/region.ts";
import { JURISDICTIONS } from "../model/region-data.ts";
import { ageMs } from "./duration.ts";
import { hasLabels } from "./label-selector.ts";
import { type LinkContext, warn } from "./link-context.ts";
import { idOf, type Manifest, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { alike, notAmong } from "./not-among.ts";

/** The locks of one rule, in the form that the snapshot keeps. */
export interface RuleLocks {
  /** What binds every caller, whoever it is: a rule without a target inside it can never be used. */
  readonly base: RegionLock | null;
  /** For callers of a namespace that is not in `byNamespace`. Unknown labels count as matched, so it is never wider than `base`. */
  readonly lock: RegionLock | null;
  /** Complete locks for callers of the known namespaces; empty when no lock depends on the caller. */
  readonly byNamespace: ReadonlyMap<string, RegionLock>;
}

export interface RulePath {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  readonly route: Manifest;
  readonly ruleName: string | null;
}

export interface RegionLocks {
  locksOf(path: RulePath): RuleLocks;
  /** A reason to refuse all rules of the route: a lock is meant for a rule of it that does not exist, so nobody can tell which one. */
  refusalOf(route: Manifest): string | null;
}

interface Entry {
  readonly constraint: RegionConstraint;
  /** Only callers from this namespace; null: any. */
  readonly caller: string | null;
  /** Only callers whose namespace has these labels; null: any. */
  readonly labels: Readonly<Record<string, string>> | null;
}

type PolicyManifest = ManifestOf<"RegionPolicy">;
type PolicyTarget = PolicyManifest["body"]["spec"]["targetRefs"][number];

const MINIMUM = { Label: "label", Attested: "attested", ControlPlane: "control-plane", Body: "body", Host: "host" } as const;

const NO_LOCK: RuleLocks = { base: null, lock: null, byNamespace: new Map() };

/**
 * Reads every RegionPolicy. `gateways` are those of this broker. Locks combine by intersection: each applicable policy is a constraint of its own,
 * and a destination has to satisfy all of them.
 */
export function compileRegionLocks(context: LinkContext, gateways: ReadonlySet<string>): RegionLocks {
  const byTarget = new Map<string, { readonly policy: PolicyManifest; readonly constraint: RegionConstraint }[]>();
  const refusals = new Map<string, string>();
  const adminNamespaces = new Set([...gateways].map((id) => id.split("/")[0] ?? ""));
  for (const policy of context.set.RegionPolicy.values()) {
    const constraint = compileConstraint(context, policy);
    for (const [index, target] of policy.body.spec.targetRefs.entries()) {
      const key = attach(context, policy, target, index, { gateways, adminNamespaces, refusals });
      if (key === null) continue;
      const attached = byTarget.get(key) ?? [];
      attached.push({ policy, constraint });
      byTarget.set(key, attached);
    }
  }
  if (byTarget.size === 0) return { locksOf: () => NO_LOCK, refusalOf: (route) => refusals.get(idOf(route)) ?? null };

  const cache = new Map<string, RuleLocks>();
  const namespaceKeys = [...byTarget.keys()].filter((key) => key.startsWith("Namespace/"));

  function entriesOf({ gateway, route, ruleName }: RulePath): readonly Entry[] {
    const keys = [`Gateway/${gateway}`, `Namespace/${route.namespace}`, `HTTPRoute/${idOf(route)}`];
    if (ruleName !== null) keys.push(`HTTPRoute/${idOf(route)}/${ruleName}`);
    const entries: Entry[] = [];
    const add = (key: string, caller: string | null) => {
      for (const { policy, constraint } of byTarget.get(key) ?? [])
        entries.push({ constraint, caller, labels: policy.body.spec.appliesTo?.namespaces.matchLabels ?? null });
    };
    for (const key of keys) add(key, null);
    // A lock on a Namespace also binds its workloads when they use a route that stands elsewhere.
    for (const key of namespaceKeys) if (key !== `Namespace/${route.namespace}`) add(key, key.slice("Namespace/".length));
    return entries;
  }

  return {
    refusalOf: (route) => refusals.get(idOf(route)) ?? null,
    locksOf(path) {
      const entries = entriesOf(path);
      if (entries.length === 0) return NO_LOCK;
      const key = JSON.stringify(entries.map((entry) => [entry.constraint.policy, entry.caller, entry.labels]));
      const known = cache.get(key) ?? combine(context, entries);
      cache.set(key, known);
      return known;
    },
  };
}

function combine(context: LinkContext, entries: readonly Entry[]): RuleLocks {
  const base = lockOf(entries.filter((entry) => entry.caller === null && entry.labels === null));
  if (entries.every((entry) => entry.caller === null && entry.labels === null)) return { base, lock: base, byNamespace: new Map() };
  const lock = lockOf(entries.filter((entry) => entry.caller === null));
  const names = new Set([...context.set.Namespace.keys(), ...entries.flatMap((entry) => entry.caller ?? [])]);
  const byNamespace = new Map<string, RegionLock>();
  for (const name of names) {
    const labels = context.set.Namespace.get(name)?.labels ?? null;
    const applicable = entries.filter(
      // Unknown labels count as matched: a lock must not open because a Namespace manifest was forgotten.
      (entry) => (entry.caller === null || entry.caller === name) && (entry.labels === null || labels === null || hasLabels(labels, entry.labels)),
    );
    byNamespace.set(name, lockOf(applicable) ?? { constraints: [] });
  }
  return { base, lock, byNamespace };
}

function lockOf(entries: readonly Entry[]): RegionLock | null {
  const constraints = [...new Set(entries.map((entry) => entry.constraint))];
  return constraints.length === 0 ? null : { constraints };
}

/** The key of the target; null when the policy cannot attach there, and then its condition says why. */
function attach(
  context: LinkContext,
  policy: PolicyManifest,
  target: PolicyTarget,
  index: number,
  known: { readonly gateways: ReadonlySet<string>; readonly adminNamespaces: ReadonlySet<string>; readonly refusals: Map<string, string> },
): string | null {
  const namespace = namespaceOf(policy);
  const key = target.kind === "Namespace" ? `Namespace/${target.name}` : `${target.kind}/${namespace}/${target.name}`;
  const ancestor = target.sectionName === undefined ? key : `${key}/${target.sectionName}`;
  const refuse = (reason: string, message: string) => {
    context.conditions.write(policy, ancestor, { type: "Accepted", status: "False", reason, message });
    // Louder than a condition: somebody believes that calls are locked, and they are not.
    warn(context, policy, ["spec", "targetRefs", index], `this lock is not attached: ${message}`);
    return null;
  };
  if (target.kind === "Namespace") {
    // Otherwise anybody could cut off another team. The namespaces of the Gateways belong to the administrators.
    if (target.name !== namespace && !known.adminNamespaces.has(namespace)) {
      return refuse("RefNotPermitted", `only policies in Namespace ${target.name} or in the namespace of a Gateway may lock it`);
    }
    if (!context.set.Namespace.has(target.name)) {
      context.conditions.write(policy, ancestor, {
        type: "Accepted",
        status: "True",
        reason: "Accepted",
        message: "the Namespace is not among the manifests; the lock holds for it all the same",
      });
    }
  } else if (target.kind === "Gateway") {
    if (!known.gateways.has(`${namespace}/${target.name}`))
      return refuse(
        "TargetNotFound",
        `no Gateway ${namespace}/${target.name} of this broker is among the manifests${alike(namespace, target.name, context.set.Gateway)}`,
      );
  } else {
    const route = context.set.HTTPRoute.get(`${namespace}/${target.name}`);
    if (route === undefined) return refuse("TargetNotFound", notAmong("HTTPRoute", namespace, target.name, context.set.HTTPRoute));
    if (target.sectionName !== undefined && !route.body.spec.rules.some((rule) => rule.name === target.sectionName)) {
      // Fails closed: a lock was meant for some rule of this route.
      known.refusals.set(idOf(route), `RegionPolicy ${idOf(policy)} names a rule ${target.sectionName} that this route does not have`);
      return refuse("TargetNotFound", `HTTPRoute ${namespace}/${target.name} has no rule named ${target.sectionName}; all its rules are refused`);
    }
  }
  context.conditions.approve(policy, ancestor, "Accepted");
  return ancestor;
}

/** An unknown jurisdiction adds no country, so the lock only gets tighter, and the condition tells. */
function compileConstraint(context: LinkContext, policy: PolicyManifest): RegionConstraint {
  const { allow, also, evidence, jurisdictions: ownJurisdictions = {} } = policy.body.spec;
  const countries = new Set(allow.countries ?? []);
  const invalid = (message: string) => context.conditions.write(policy, null, { type: "Accepted", status: "False", reason: "Invalid", message });
  for (const name of Object.keys(ownJurisdictions)) {
    if (Object.hasOwn(JURISDICTIONS, name)) invalid(`the jurisdiction ${name} is built in and cannot be redefined; the built-in meaning counts`);
  }
  for (const name of allow.jurisdictions ?? []) {
    const members = Object.hasOwn(JURISDICTIONS, name) ? JURISDICTIONS[name] : Object.hasOwn(ownJurisdictions, name) ? ownJurisdictions[name] : undefined;
    if (members === undefined) invalid(`the jurisdiction ${name} is not known: ${Object.keys(JURISDICTIONS).join(", ")}, or one of spec.jurisdictions`);
    for (const country of members ?? []) countries.add(country);
  }
  return {
    policy: idOf(policy),
    regions: new Set(allow.regions ?? []),
    countries,
    minimumEvidence: MINIMUM[evidence?.minimum ?? "Label"],
    maxAgeMs: evidence?.maxAge === undefined ? null : ageMs(evidence.maxAge),
    binds: {
      broker: also?.brokerRegion ?? false,
      secretSources: also?.secretSources ?? false,
      tokenEndpoints: also?.tokenEndpoints ?? false,
      mirrors: also?.mirrors ?? true,
      telemetry: also?.telemetry ?? false,
      eventSinks: also?.eventSinks ?? false,
      authCallouts: also?.authCallouts ?? true,
    },
  };
}
