import { placeFault } from "../model/cleared.ts";
import { lockOn } from "../model/lock-on.ts";
import type { BoundOutlets, RegionLock } from "../model/region.ts";
import { JURISDICTIONS, REGION_DATA_CHECKED_AT } from "../model/region-data.ts";
import type { CompiledGateway, CompiledRule, Snapshot, Target } from "../model/snapshot.ts";
import { type ProofContext, type ProvenDestination, proveDestination } from "./prove-destination.ts";

export type { ProvenDestination } from "./prove-destination.ts";

/** Where every call of every caller may be processed, for auditors. The form is kept: docs/prove.md. */
export interface RegionProof {
  readonly snapshot: string;
  /** RFC 3339. */
  readonly at: string;
  /** When the built-in tables were last compared with their sources. */
  readonly regionData: string;
  readonly rules: readonly ProvenRule[];
  /** What in a lock rests on nothing. */
  readonly holes: readonly string[];
}

/** One rule for one class of callers. */
export interface ProvenRule {
  readonly gateway: string;
  readonly rule: string;
  readonly callers: CallerClass;
  /** Empty: nothing locks these callers here. */
  readonly lock: readonly ProvenConstraint[];
  /** Every country that any request could reach, by whichever destination; null: anywhere. */
  readonly countries: readonly string[] | null;
  /** A name for exactly these countries, such as `EU`; null: they have none. */
  readonly jurisdiction: string | null;
  readonly destinations: readonly ProvenDestination[];
  /** Why no call is forwarded at all: the rule was refused, or redirects. Null: it forwards. */
  readonly forwardsNothing: string | null;
  /** Why a broker that runs where it was said to run refuses these calls; null: it does not, or nobody said where it runs. */
  readonly brokerOutside: string | null;
}

/** Callers that the same locks bind. */
export interface CallerClass {
  /** Empty with `others`: all. */
  readonly namespaces: readonly string[];
  /** Callers of every namespace that is not named by another class of the rule. */
  readonly others: boolean;
}

export interface ProvenConstraint {
  readonly policy: string;
  readonly countries: readonly string[];
  readonly regions: readonly string[];
  readonly minimumEvidence: string;
  readonly maxAgeMs: number | null;
  /** What else it binds, such as `brokerRegion`: each instance that serves must show that, or it refuses. */
  readonly also: readonly string[];
}

/**
 * For every caller class and rule, the set of countries that any request could reach, how each is known, and what is refused and why. From the facts that
 * the doors themselves ask, so that it is never narrower than they are. Pure.
 */
export function prove(snapshot: Snapshot, context: ProofContext & { readonly namespace?: string | null }): RegionProof {
  const { namespace = null } = context;
  const rules = snapshot.gateways.flatMap((gateway) =>
    rulesOf(gateway).flatMap((rule) => classesOf(gateway, rule, namespace).map(({ callers, lock }) => proveRule(gateway, rule, callers, lock, context))),
  );
  return {
    snapshot: snapshot.id,
    at: new Date(context.now).toISOString(),
    regionData: REGION_DATA_CHECKED_AT,
    rules,
    holes: [...new Set(rules.flatMap((rule) => rule.destinations.flatMap(({ hole }) => (hole === null ? [] : [`${rule.rule}: ${hole}`]))))],
  };
}

/** Once each, whatever number of listeners it is attached to. */
function rulesOf(gateway: CompiledGateway): readonly CompiledRule[] {
  const rules = gateway.listeners.flatMap((listener) => listener.routes.rules);
  return [...new Map(rules.map((rule) => [rule.id, rule])).values()];
}

interface BoundCallers {
  readonly callers: CallerClass;
  readonly lock: RegionLock | null;
}

function classesOf(gateway: CompiledGateway, rule: CompiledRule, only: string | null): readonly BoundCallers[] {
  const lockOf = (name: string): RegionLock | null => known(rule.namespaceLocks.get(name) ?? rule.lock);
  const own = rule.route.namespace;
  const shared = gateway.scope === "Shared" || own === gateway.namespace;
  if (only !== null) return shared || only === own ? [{ callers: { namespaces: [only], others: false }, lock: lockOf(only) }] : [];
  // Nobody else sees the rule (`routing.scope: CallerNamespace`).
  if (!shared) return [{ callers: { namespaces: [own], others: false }, lock: lockOf(own) }];
  const others = known(rule.lock);
  const classes = new Map<string, { readonly namespaces: string[]; readonly lock: RegionLock | null }>();
  for (const name of [...rule.namespaceLocks.keys()].sort()) {
    const lock = lockOf(name);
    if (keyOf(lock) === keyOf(others)) continue;
    const found = classes.get(keyOf(lock)) ?? { namespaces: [], lock };
    found.namespaces.push(name);
    classes.set(keyOf(lock), found);
  }
  const named = [...classes.values()].map(({ namespaces, lock }) => ({ callers: { namespaces, others: false }, lock }));
  return [...named, { callers: { namespaces: [], others: true }, lock: others }];
}

function known(lock: RegionLock | null): RegionLock | null {
  return lock === null || lock.constraints.length === 0 ? null : lock;
}

function keyOf(lock: RegionLock | null): string {
  return JSON.stringify((lock?.constraints ?? []).map((constraint) => constraint.policy).sort());
}

function proveRule(gateway: CompiledGateway, rule: CompiledRule, callers: CallerClass, lock: RegionLock | null, context: ProofContext): ProvenRule {
  const refused = gateway.rejected ?? (rule.action.kind === "rejected" ? rule.action.reason : null);
  const forwardsNothing = refused ?? (rule.action.kind === "redirect" ? "it answers with a redirect, and the caller goes on by itself" : null);
  const destinations = forwardsNothing !== null ? [] : destinationsOf(rule, lock, context);
  const isOpen = destinations.some(({ locked }) => !locked);
  const countries = isOpen ? null : [...new Set(destinations.flatMap(({ places }) => places.flatMap((place) => place.countries)))].sort();
  return {
    gateway: gateway.id,
    rule: rule.id,
    callers,
    lock: (lock?.constraints ?? []).map((constraint) => ({
      policy: constraint.policy,
      countries: [...constraint.countries].sort(),
      regions: [...constraint.regions].sort(),
      minimumEvidence: constraint.minimumEvidence,
      maxAgeMs: constraint.maxAgeMs,
      also: alsoOf(constraint.binds),
    })),
    countries,
    jurisdiction: countries === null ? null : jurisdictionOf(countries),
    destinations,
    forwardsNothing,
    brokerOutside: context.here === null ? null : placeFault(context.here, lock),
  };
}

function destinationsOf(rule: CompiledRule, lock: RegionLock | null, context: ProofContext): readonly ProvenDestination[] {
  const found: ProvenDestination[] = [];
  const add = (target: Target, tier: number) => found.push(proveDestination(target, { role: "target", tier }, lock, context));
  for (const { target } of rule.action.kind === "forward" ? rule.action.targets : []) {
    if (target.kind === "backend") add(target.target, 0);
    if (target.kind !== "group") continue;
    for (const [tier, members] of target.group.tiers.entries()) for (const member of members.targets) add(member.target, tier);
  }
  for (const { target } of rule.mirrors) found.push(proveDestination(target, { role: "mirror", tier: 0 }, lockOn(lock, "mirrors"), context));
  const auth = rule.externalAuth?.target ?? null;
  if (auth !== null) found.push(proveDestination(auth, { role: "auth", tier: 0 }, lockOn(lock, "authCallouts"), context));
  return found;
}

/** As the manifest writes them. */
function alsoOf({ broker, ...others }: BoundOutlets): readonly string[] {
  const named = Object.entries({ brokerRegion: broker, ...others });
  return named.flatMap(([name, binds]) => (binds ? [name] : []));
}

/** The name of exactly these countries among the jurisdictions that are built in; null: they have none. */
export function jurisdictionOf(countries: readonly string[]): string | null {
  const key = [...countries].sort().join();
  return Object.entries(JURISDICTIONS).find(([, members]) => members.length > 1 && [...members].sort().join() === key)?.[0] ?? null;
}
