import type { CallSignal } from "../../model/call-signal.ts";
import type { Hold, HoldResult, LimitClaim } from "./limit-desk.ts";
import type { LimitRealm } from "./limit-realm.ts";

const NONE: readonly never[] = [];
const NOTHING: HoldResult = { ok: true, hold: { unavailable: NONE, settle() {}, release() {} }, exceededShadows: NONE };

/** Rules of one call are nearly always of one Gateway; where they are of several, each has its own store, and one after the other is asked. All or none. */
export function holdInRealms(claims: readonly LimitClaim[], signal: CallSignal, realmOf: (gateway: string) => LimitRealm): HoldResult | Promise<HoldResult> {
  const [first] = claims;
  if (first === undefined) return NOTHING;
  const { gateway } = first.rule;
  if (claims.every(({ rule }) => rule.gateway === gateway)) return realmOf(gateway).hold(claims, signal);
  return holdOneByOne(claims, signal, realmOf);
}

async function holdOneByOne(claims: readonly LimitClaim[], signal: CallSignal, realmOf: (gateway: string) => LimitRealm): Promise<HoldResult> {
  const held: { readonly places: readonly number[]; readonly hold: Hold }[] = [];
  const exceededShadows: LimitClaim[] = [];
  const release = (): void => {
    for (const { hold } of held) hold.release();
  };
  for (const gateway of new Set(claims.map(({ rule }) => rule.gateway))) {
    const places = claims.flatMap(({ rule }, at) => (rule.gateway === gateway ? [at] : []));
    let result: HoldResult;
    try {
      result = await realmOf(gateway).hold(
        claims.filter(({ rule }) => rule.gateway === gateway),
        signal,
      );
    } catch (error) {
      release();
      throw error;
    }
    if (!result.ok) {
      release();
      return result;
    }
    held.push({ places, hold: result.hold });
    exceededShadows.push(...result.exceededShadows);
  }
  const unavailable = claims.map(() => false);
  for (const { places, hold } of held) for (const [at, place] of places.entries()) unavailable[place] = hold.unavailable[at] ?? false;
  const settle = (used: readonly number[]): void => {
    for (const { places, hold } of held) hold.settle(places.map((place) => used[place] ?? 0));
  };
  return { ok: true, hold: { unavailable, settle, release }, exceededShadows };
}
