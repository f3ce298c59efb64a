import { type Random, type StateStore, StateStoreError } from "../../src/index.ts";
import type { RedisAddress } from "../redis/redis-address.ts";
import { createRedisConnection } from "../redis/redis-connection.ts";
import { checkStateKey, checkStateValue } from "./state-limits.ts";

export interface RedisStoreOptions {
  readonly address: RedisAddress;
  /** Milliseconds for one operation; 3,000 when left out. */
  readonly timeoutMs?: number;
  /** Operations under way at the same time; the next one is refused. */
  readonly maxPending?: number;
  readonly random?: Random;
}

/** A version is a UUID and stands before the value: its length is known. */
const VERSION_LENGTH = 36;

/** Gives 1: written; 0: the latest version is another one. Our own version there already: an earlier sending was carried out and its answer was lost. */
const PUT = `
local held = redis.call('GETRANGE', KEYS[1], 0, ${VERSION_LENGTH - 1})
if held == ARGV[2] then return 1 end
if held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ARGV[3], 'PX', ARGV[4])
return 1`;

/** Gives 1: removed; 0: the latest version is another one; -1: there is none. */
const REMOVE = `
local held = redis.call('GETRANGE', KEYS[1], 0, ${VERSION_LENGTH - 1})
if held == '' then return -1 end
if held ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1`;

/**
 * State in Redis or Valkey, one key an entry, each operation atomic on the server and by its clock. Wants `maxmemory-policy noeviction`, since
 * what is pushed out counts as never written; where a replica takes over, the last writes may be lost as Redis loses them.
 */
export function createRedisStore(options: RedisStoreOptions): StateStore {
  const { address, timeoutMs = 3_000, maxPending = 1_000, random = Math.random } = options;
  const connection = createRedisConnection({ address, timeoutMs, maxPending, random, errorOf: (message) => new StateStoreError(message) });

  return {
    shared: true,
    async get(key, signal) {
      checkStateKey(key, signal);
      const text = await connection.run(signal, (redis) => redis.get(nameOf(key)));
      if (text === null) return null;
      if (text.length < VERSION_LENGTH) throw new StateStoreError("Redis: the value is not one of ours");
      return { value: text.slice(VERSION_LENGTH), version: text.slice(0, VERSION_LENGTH) };
    },
    async put(key, value, { expected, ttlMs }, signal) {
      checkStateKey(key, signal);
      checkStateValue(value, ttlMs);
      const version = crypto.randomUUID();
      const answer = await connection.run(signal, (redis) => redis.eval(PUT, 1, nameOf(key), expected ?? "", version, value, Math.ceil(ttlMs)));
      return answerOf(answer) === 1 ? version : null;
    },
    async remove(key, expected, signal) {
      checkStateKey(key, signal);
      let sent = 0;
      const answer = await connection.run(signal, (redis, sends) => {
        sent = sends;
        return redis.eval(REMOVE, 1, nameOf(key), expected);
      });
      // Sent before, and nothing there: that removed it.
      return answerOf(answer) === 1 || (answer === -1 && sent > 1);
    },
    close: () => connection.close(),
  };
}

/** The braces make the key its own hash tag, so that a cluster finds it on one node whatever it contains. */
function nameOf(key: string): string {
  return `spillway:{${key}}`;
}

function answerOf(answer: unknown): number {
  if (typeof answer === "number") return answer;
  throw new StateStoreError("Redis gave no proper answer");
}
