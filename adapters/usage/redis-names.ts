/** Names of a realm's keys. They share a hash tag, so that a cluster keeps them on one node, whatever the realm is called. */
export interface RedisNames {
  /** Every account's key begins with it. */
  readonly accountPrefix: string;
  account(account: string): string;
  /** The accounts by the time of their last change. */
  readonly accounts: string;
  batch(id: string): string;
  /** The rows of one hour or day. */
  rows(interval: "hour" | "day", from: number): string;
  /** The hours or days that have rows. */
  starts(interval: "hour" | "day"): string;
  readonly incidents: string;
}

export function redisNames(realm: string): RedisNames {
  const prefix = `spillway:{${textOf(realm).replaceAll(/[%{}]/g, encodeURIComponent)}}:`;
  return {
    accountPrefix: `${prefix}account:`,
    account: (account) => `${prefix}account:${textOf(account)}`,
    accounts: `${prefix}accounts`,
    batch: (id) => `${prefix}batch:${textOf(id)}`,
    rows: (interval, from) => `${prefix}${interval}:${from}`,
    starts: (interval) => `${prefix}${interval}s`,
    incidents: `${prefix}incidents`,
  };
}

/** Escaped as JSON: half of a pair of surrogates has no UTF-8 of its own, and two names would become one. */
export function textOf(name: string): string {
  return JSON.stringify(name).slice(1, -1);
}

/** The name that was written so; null: it was not. */
export function nameOf(text: string): string | null {
  try {
    const name: unknown = JSON.parse(`"${text}"`);
    return typeof name === "string" ? name : null;
  } catch {
    return null;
  }
}
