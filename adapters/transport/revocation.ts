import { type OutboundRequest, type RevocationList, readRevocationLists, type UntrustedReason } from "../../src/index.ts";

/** The revocation lists of one backend as they are now. */
export interface Revocation {
  /** Empty where they cannot be used. */
  readonly lists: readonly RevocationList[];
  /** Milliseconds since the Unix epoch at which the first of them ends: what was checked by it must be checked anew then. */
  readonly goodUntil: number;
  /** Why nothing can be checked by them at this moment; null: it can. Fails closed. */
  fault(now: number): UntrustedReason | null;
}

/** Null: the request asks for no revocation lists. */
export function revocationOf({ tls, revocationLists }: Pick<OutboundRequest, "tls" | "revocationLists">): Revocation | null {
  if (tls === null || tls.crl === null) return null;
  const texts = [...(tls.crl.pem === "" ? [] : [tls.crl.pem]), ...revocationLists.map((list) => list.reveal())];
  const read = texts.map(readRevocationLists);
  const lists = read.flatMap((found) => found ?? []);
  // Every source must have been read, and each must hold lists.
  const whole = lists.length > 0 && !read.includes(null) && revocationLists.length === tls.crl.sources.length;
  const goodUntil = Math.min(...lists.map((list) => list.nextUpdate));
  return {
    lists,
    goodUntil: whole ? goodUntil : Number.POSITIVE_INFINITY,
    fault: (now) => {
      if (!whole || lists.some((list) => now < list.thisUpdate)) return "crl_unavailable";
      return now < goodUntil ? null : "crl_expired";
    },
  };
}
