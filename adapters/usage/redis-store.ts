import { type AccountState, type Random, type UsageRow, type UsageStore, UsageStoreError } from "../../src/index.ts";
import type { RedisAddress } from "../redis/redis-address.ts";
import { createRedisConnection } from "../redis/redis-connection.ts";
import { runScript } from "../redis/redis-script.ts";
import { checkBatch, checkMax, checkQuery, MAX_INCIDENTS } from "./check-batch.ts";
import { checkExchange, checkRealm } from "./check-exchange.ts";
import { EXCHANGE, exchangeKeys, exchangeValues, readExchangeAnswer, readStates, STATES } from "./redis-exchange.ts";
import { RECORD, readIncident, readRow, recordParts } from "./redis-ledger.ts";
import { redisNames } from "./redis-names.ts";

export interface RedisUsageStoreOptions {
  readonly address: RedisAddress;
  /** Milliseconds for one command; 3,000 when left out. Whoever asks may leave earlier. */
  readonly timeoutMs?: number;
  /** Commands under way at the same time; the next one is refused. */
  readonly maxPending?: number;
  readonly random?: Random;
}

/** Accounts that one script looks at. */
const PAGE = 200;
/** Rows that one command gives, about. */
const SCAN = 1_000;
/** Hours or days that are read at the same time. */
const READERS = 8;
/** Rows that one question may have for an answer. */
const MAX_ROWS_READ = 500_000;

/**
 * Limits and usage in Redis 6 or newer, or Valkey: an exchange is one script and one round trip, by the server's clock. Wants `maxmemory-policy noeviction`, since what is
 * pushed out counts as never used; where a replica takes over, the last exchanges may be lost as Redis loses them.
 */
export function createRedisUsageStore(options: RedisUsageStoreOptions): UsageStore {
  const { address, timeoutMs = 3_000, maxPending = 1_000, random = Math.random } = options;
  const connection = createRedisConnection({ address, timeoutMs, maxPending, random, errorOf: (message) => new UsageStoreError(message) });

  /** Adds the rows of an hour or a day; a scan may give one twice. */
  async function scan(key: string, from: number, rows: UsageRow[], signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    let cursor = "0";
    do {
      const [next, fields] = await connection.run(signal, (redis) => redis.hscan(key, cursor, "COUNT", SCAN));
      for (let at = 0; at + 1 < fields.length; at += 2) {
        const [whose = "", counts = ""] = fields.slice(at, at + 2);
        if (seen.has(whose)) continue;
        seen.add(whose);
        if (rows.length >= MAX_ROWS_READ) throw new UsageStoreError(`there are more than ${MAX_ROWS_READ} rows: ask for a shorter time`);
        rows.push(readRow(from, whose, counts));
      }
      cursor = next;
    } while (cursor !== "0");
  }

  return {
    shared: true,
    async exchange(exchange, signal) {
      checkExchange(exchange, signal);
      const names = redisNames(exchange.realm);
      const [keys, values] = [exchangeKeys(exchange, names), exchangeValues(exchange, names)];
      const answer = await connection.run(signal, (redis) => runScript(redis, EXCHANGE, keys, values));
      return readExchangeAnswer(answer, exchange.changes.length);
    },
    async accounts(realm, max, signal) {
      checkRealm(realm, signal);
      checkMax(max);
      const names = redisNames(realm);
      // The list changes while it is read: an account may stand in two pages.
      const found = new Map<string, AccountState>();
      for (let start = 0; found.size < max; ) {
        const page = await connection.run(signal, (redis) => redis.zrevrange(names.accounts, start, start + PAGE - 1));
        if (page.length === 0) break;
        const keys = [...page.map((text) => `${names.accountPrefix}${text}`), names.accounts];
        const { gone, states } = readStates(await connection.run(signal, (redis) => runScript(redis, STATES, keys, page)), page);
        for (const state of states) if (found.size < max && !found.has(state.account)) found.set(state.account, state);
        start += page.length - gone;
      }
      return [...found.values()];
    },
    async record(batch, signal) {
      checkBatch(batch, signal);
      const { keys, values } = recordParts(batch, redisNames(batch.realm));
      await connection.run(signal, (redis) => runScript(redis, RECORD, keys, values));
    },
    async usage(query, signal) {
      checkQuery(query, signal);
      const names = redisNames(query.realm);
      const starts = await connection.run(signal, (redis) => redis.zrangebyscore(names.starts(query.interval), query.from, `(${query.to}`));
      const rows: UsageRow[] = [];
      const left = starts.map(Number);
      const read = async () => {
        for (let from = left.shift(); from !== undefined; from = left.shift()) await scan(names.rows(query.interval, from), from, rows, signal);
      };
      await Promise.all(Array.from({ length: READERS }, read));
      return rows;
    },
    async incidents(realm, max, signal) {
      checkRealm(realm, signal);
      checkMax(max);
      const last = Math.min(max, MAX_INCIDENTS) - 1;
      const texts = await connection.run(signal, (redis) => redis.zrevrange(redisNames(realm).incidents, 0, last));
      return texts.map(readIncident);
    },
    close: () => connection.close(),
  };
}
