import { createHash } from "node:crypto";
import type { OutboundRequest, Secret } from "../../src/index.ts";
import { createClientCertificates } from "./client-certificates.ts";
import type { DialContext } from "./dial-context.ts";
import { type Connect, createGuardedConnect } from "./guarded-connect.ts";
import { createH1Pool, type H1Pool } from "./h1-pool.ts";
import { createH2Pool, type H2Pool } from "./h2-pool.ts";
import { type Revocation, revocationOf } from "./revocation.ts";

/**
 * Pools of one pool key: the one that counts and the one before it, which calls of an earlier snapshot may still use while a reload settles.
 * Lists and client certificates change for as long as the process lives, and each of their pools holds a store of certificates.
 */
const GENERATIONS = 2;

/** Pools that are kept; beyond it the one that was idle longest is closed. */
const POOLS = 2_048;

export type Pool = H1Pool | H2Pool;

interface Entry {
  readonly pool: Pool;
  readonly poolKey: string;
  /** Milliseconds since the epoch at which what its connections were checked by ends; null: never. */
  readonly goodUntil: number | null;
  connectMs: number;
  lastUse: number;
}

/** The pool that a request may use, made on first use. Throws when its connection profile cannot be read. */
export interface PoolRegistry {
  find(request: OutboundRequest): Pool;
  close(): void;
}

/**
 * A pool belongs to a pool key (backend and tenant), an origin, and everything that decides how its peer is checked:
 * after a reload with another CA, pin, revocation list or client certificate no old connection may serve, whatever the pool key says.
 */
export function createPoolRegistry(context: DialContext): PoolRegistry {
  const certificates = createClientCertificates(context.now, context.emit);
  const pools = new Map<string, Entry>();
  /** The last profile seen with a pool key: compiled objects, so comparing references is enough on the hot path. */
  const recent = new Map<string, { readonly request: OutboundRequest; readonly entry: Entry }>();
  const identities = new WeakMap<object, string>();
  let uses = 0;

  function identityOf(request: OutboundRequest, clientCertificate: Secret | null): string {
    const { origin, tls, dns, revocationLists } = request;
    const parts = [
      request.poolKey,
      origin.scheme,
      origin.hostname,
      `${origin.port}`,
      request.protocol,
      digest(tls),
      digest(dns),
      secretDigest(clientCertificate),
      ...revocationLists.map(secretDigest),
    ];
    return JSON.stringify(parts);
  }

  function digest(profile: object | null): string {
    return profile === null ? "" : remembered(profile, () => JSON.stringify(profile));
  }

  function secretDigest(secret: Secret | null): string {
    return secret === null ? "" : remembered(secret, () => secret.reveal());
  }

  function remembered(key: object, text: () => string): string {
    const known = identities.get(key);
    if (known !== undefined) return known;
    const made = createHash("sha256").update(text()).digest("base64");
    identities.set(key, made);
    return made;
  }

  function open(request: OutboundRequest, clientCertificate: Secret | null, revocation: Revocation | null): Entry {
    const h2 = request.protocol !== "http1";
    const { origin, tls, dns } = request;
    const connect: Connect = createGuardedConnect({ origin, tls, dns, clientCertificate, revocation, h2 }, context);
    const url = `${origin.scheme}://${origin.hostname}:${origin.port}`;
    const connectMs = (): number => entry.connectMs;
    const pool = h2 ? createH2Pool(url, connect, connectMs) : createH1Pool(url, connect, connectMs);
    // Lists that have ended already let no connection come about, so there is none to close.
    const ends = revocation !== null && context.now() < revocation.goodUntil;
    const entry: Entry = { pool, poolKey: request.poolKey, goodUntil: ends ? revocation.goodUntil : null, connectMs: 0, lastUse: 0 };
    return entry;
  }

  /** Connections finish what they do, and take nothing new. */
  function drop(identity: string): void {
    const entry = pools.get(identity);
    pools.delete(identity);
    for (const [poolKey, seen] of recent) {
      if (seen.entry === entry) recent.delete(poolKey);
    }
    entry?.pool.close();
  }

  function evict(): void {
    let oldest: string | null = null;
    let oldestUse = Number.POSITIVE_INFINITY;
    for (const [identity, entry] of pools) {
      if (entry.pool.busy > 0 || entry.lastUse >= oldestUse) continue;
      oldest = identity;
      oldestUse = entry.lastUse;
    }
    if (oldest !== null) drop(oldest);
  }

  /** Maps remember the order in which pools were made: the first of them is the oldest. */
  function dropSuperseded(poolKey: string): void {
    const same = [...pools].filter(([, entry]) => entry.poolKey === poolKey);
    for (const [identity] of same.slice(0, -GENERATIONS)) drop(identity);
  }

  function findEntry(request: OutboundRequest): Entry {
    const seen = recent.get(request.poolKey);
    if (seen !== undefined && sameProfile(seen.request, request) && isGood(seen.entry)) return seen.entry;
    const clientCertificate = certificates.choose(request);
    const identity = identityOf(request, clientCertificate);
    let entry = pools.get(identity);
    if (entry !== undefined && !isGood(entry)) {
      drop(identity);
      entry = undefined;
    }
    if (entry === undefined) {
      entry = open(request, clientCertificate, revocationOf(request));
      pools.set(identity, entry);
      dropSuperseded(request.poolKey);
      if (pools.size > POOLS) evict();
    }
    recent.set(request.poolKey, { request: { ...request, headers: [], body: { kind: "none" } }, entry });
    return entry;
  }

  function isGood({ goodUntil }: Entry): boolean {
    return goodUntil === null || context.now() < goodUntil;
  }

  return {
    find: (request) => {
      const entry = findEntry(request);
      entry.connectMs = request.timeouts.connectMs;
      uses += 1;
      entry.lastUse = uses;
      return entry.pool;
    },
    close: () => {
      for (const entry of pools.values()) entry.pool.close();
      pools.clear();
      recent.clear();
    },
  };
}

function sameProfile(one: OutboundRequest, other: OutboundRequest): boolean {
  return (
    one.tls === other.tls &&
    one.dns === other.dns &&
    one.clientCertificate === other.clientCertificate &&
    sameLists(one.revocationLists, other.revocationLists) &&
    one.protocol === other.protocol &&
    one.origin.hostname === other.origin.hostname &&
    one.origin.port === other.origin.port &&
    one.origin.scheme === other.origin.scheme
  );
}

function sameLists(one: readonly Secret[], other: readonly Secret[]): boolean {
  return one === other || (one.length === other.length && one.every((list, index) => list === other[index]));
}
