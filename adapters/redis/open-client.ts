import type { ClusterOptions, Redis, RedisOptions } from "ioredis";
import type { Random } from "../../src/index.ts";
import type { RedisAddress } from "./redis-address.ts";

/** What the stores use of a server or of a cluster. */
export interface RedisClient extends Pick<Redis, "get" | "eval" | "evalsha" | "hscan" | "zrevrange" | "zrangebyscore" | "quit" | "disconnect"> {
  readonly status: string;
  on(event: "ready" | "end", listener: () => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  off(event: "ready" | "end", listener: () => void): unknown;
}

export interface OpenClientOptions {
  readonly address: RedisAddress;
  /** Milliseconds for one operation. */
  readonly timeoutMs: number;
  readonly random: Random;
}

/** Begins to connect, and connects again when it breaks. `clustered`: the address is one node of a cluster, and each command goes to the node that has its keys. */
export async function openClient({ address, timeoutMs, random }: OpenClientOptions, clustered: boolean): Promise<RedisClient> {
  // 80 ms of CPU: not before it is needed.
  const { default: ioredis } = await import("ioredis");
  const again = (times: number): number => Math.ceil((0.5 + random() / 2) * Math.min(2_000, 25 * 2 ** Math.min(times, 10)));
  const shared = {
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    // Nodes of a cluster call themselves by addresses or by names of the same certificate.
    ...(address.tls ? { tls: { rejectUnauthorized: true, ...(isName(address.host) ? { servername: address.host } : {}) } } : {}),
    connectTimeout: Math.min(2_000, timeoutMs),
    // A connection that died silently (a frozen Lambda, a NAT that forgot it) is found out while there is still time for a new one.
    socketTimeout: Math.ceil(timeoutMs / 3),
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    protocol: 2,
  } satisfies RedisOptions;
  // Nothing waits inside: what is sent long after its asker has gone would take leases for nobody.
  const unqueued = { lazyConnect: true, enableOfflineQueue: false } as const;
  // By way of the default export: once bundled, a CommonJS module that is loaded by import() has no other.
  const client = clustered
    ? new ioredis.Cluster([{ host: address.host, port: address.port }], {
        ...unqueued,
        redisOptions: shared,
        clusterRetryStrategy: again,
        clusterNodeRetryStrategy: again,
        slotsRefreshTimeout: Math.min(2_000, timeoutMs),
        // A name stays a name: it stands in the certificate.
        dnsLookup: (host, callback) => callback(null, host),
      } satisfies ClusterOptions)
    : new ioredis.Redis({
        ...unqueued,
        ...shared,
        host: address.host,
        port: address.port,
        db: address.database,
        retryStrategy: again,
        reconnectOnError: (error) => error.message.startsWith("READONLY"),
      });
  client.connect().catch(() => {});
  return client;
}

/** Not an IP address, which has no name to be asked for by TLS. */
function isName(host: string): boolean {
  return !/^[0-9.]+$/.test(host) && !host.includes(":");
}
