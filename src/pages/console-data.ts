import type { Compiled } from "../config/compile.ts";
import { isBad, type ObjectConditions } from "../config/conditions.ts";
import { describeSnapshot } from "../console/describe-state.ts";
import { jurisdictionOf, prove, type RegionProof } from "../explain/prove.ts";
import { unattachedLocks } from "../explain/unattached-locks.ts";
import type { BrokerPlace } from "../model/exchange.ts";
import type { BrokerStatus } from "./broker-status.ts";

/** What runs, for the page: `/-/status` with the snapshot in words, and of the conditions those that tell of trouble. */
export function consoleState(loaded: Compiled | null, status: Readonly<Partial<Record<keyof BrokerStatus, unknown>>>, now: number): unknown {
  const { conditions: _, ...rest } = status;
  return {
    at: new Date(now).toISOString(),
    ...rest,
    troubles: (loaded?.conditions ?? []).flatMap(troublesOf),
    ...(loaded?.snapshot == null ? { gateways: [], routes: [], backendList: [] } : stateOf(loaded.snapshot)),
  };
}

function stateOf(snapshot: NonNullable<Compiled["snapshot"]>) {
  const { gateways, routes, backends } = describeSnapshot(snapshot);
  return { gateways, routes, backendList: backends };
}

function troublesOf({ kind, namespace, name, file, line, parent, conditions }: ObjectConditions) {
  const object = `${kind} ${namespace === null ? "" : `${namespace}/`}${name}`;
  return conditions.filter(isBad).map(({ type, status, reason, message }) => ({ object, parent, type, status, reason, message, file, line }));
}

/** The proof as `spillway prove --json` gives it for a broker that runs here, and the names of the sets of countries in it. Null: nothing is loaded. */
export function consoleProof(loaded: Compiled | null, place: BrokerPlace, now: number): unknown {
  if (loaded?.snapshot == null) return null;
  const isKnown = place.region !== null || place.country !== null;
  const proof = prove(loaded.snapshot, { now, here: isKnown ? place : null });
  const holes = [...proof.holes, ...unattachedLocks(loaded.conditions)];
  return { ok: holes.length === 0, ...proof, holes, jurisdictions: namesOf(proof) };
}

function namesOf({ rules }: RegionProof): Readonly<Record<string, string>> {
  const sets = rules.flatMap(({ countries, lock, destinations }) => [
    countries,
    ...lock.map((constraint) => constraint.countries),
    ...destinations.flatMap(({ places, refused }) => [...places, ...refused].map((place) => place.countries)),
  ]);
  const names: Record<string, string> = {};
  for (const countries of sets) {
    if (countries === null || countries.length < 2) continue;
    names[countries.join()] ??= jurisdictionOf(countries) ?? "";
  }
  return Object.fromEntries(Object.entries(names).filter(([, name]) => name !== ""));
}
