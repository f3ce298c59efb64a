import type { Random } from "../../src/index.ts";
import { afterReal, LimitReached, pause, withinLimit } from "../aws/within-limit.ts";
import { openClient, type RedisClient } from "./open-client.ts";
import type { RedisAddress } from "./redis-address.ts";

export interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** Milliseconds for one operation, from asking to the answer, connecting and second tries included. */
  readonly timeoutMs: number;
  /** Operations under way at the same time; the next one is refused. */
  readonly maxPending: number;
  readonly random: Random;
  /** The error of the store whose connection it is. The message quotes nothing of the command. */
  readonly errorOf: (message: string) => Error;
}

/** One connection, made on first use and made again when it breaks; to each node in use, where the address turns out to be a cluster's. */
export interface RedisConnection {
  /** Runs one command, again where its answer was lost; `sends` says how many times it has been sent. Rejects with the store's error. */
  run<Value>(signal: AbortSignal, command: (redis: RedisClient, sends: number) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
}

/** Times a command is sent at most. */
const MAX_SENDS = 3;
const CLOSE_MS = 1_000;

/** Of the connection itself; its message is for the log. */
class ConnectionFault extends Error {}

/** Replies that pass: it starts, it became a replica, a cluster is between two states. */
const PASSING: ReadonlySet<string> = new Set(["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"]);

export function createRedisConnection(options: RedisConnectionOptions): RedisConnection {
  const { timeoutMs, maxPending, random, errorOf } = options;
  let client: Promise<RedisClient> | null = null;
  /** A node has said that the keys are at another one. */
  let clustered = false;
  let ready: Promise<void> | null = null;
  let pending = 0;
  let closed = false;
  /** Why there is no connection, as far as it is known. */
  let fault: string | null = null;

  async function create(): Promise<RedisClient> {
    const redis = await openClient(options, clustered);
    // Without a listener it writes to the console.
    redis.on("error", (error: unknown) => {
      fault = replyOf(error) ?? codeOf(error);
    });
    redis.on("ready", () => {
      fault = null;
    });
    return redis;
  }

  /** From now on each command goes to the node that has its keys. */
  function followCluster(before: RedisClient): void {
    if (clustered) return;
    clustered = true;
    client = create();
    ready = null;
    // What is under way there may finish, and is sent again where it does not.
    void before.quit().catch(() => before.disconnect());
  }

  /** One listener for all who wait. */
  function whenReady(redis: RedisClient): Promise<void> {
    if (redis.status === "ready") return Promise.resolve();
    if (ready !== null) return ready;
    const becoming = new Promise<void>((resolve, reject) => {
      const arrive = () => settle(resolve);
      const end = () => settle(() => reject(new ConnectionFault("the store is closed")));
      const settle = (done: () => void) => {
        redis.off("ready", arrive);
        redis.off("end", end);
        ready = null;
        done();
      };
      redis.on("ready", arrive);
      redis.on("end", end);
    });
    // Those who waited may all have left.
    becoming.catch(() => {});
    ready = becoming;
    return becoming;
  }

  async function repeat<Value>(signal: AbortSignal, command: (redis: RedisClient, sends: number) => Promise<Value>): Promise<Value> {
    for (let sends = 1; ; sends += 1) {
      const single = !clustered;
      client ??= create();
      const redis = await client;
      await whenReady(redis);
      if (signal.aborted) throw new ConnectionFault("the asker has left");
      try {
        return await command(redis, sends);
      } catch (error) {
        const reply = replyOf(error);
        if (reply === "MOVED" && single) {
          // It has not been carried out.
          followCluster(redis);
          sends -= 1;
          continue;
        }
        if (error instanceof ConnectionFault || closed || sends >= MAX_SENDS || (reply !== null && !PASSING.has(reply))) throw error;
        await pause((0.5 + random() / 2) * 50 * 2 ** sends, signal, afterReal);
      }
    }
  }

  return {
    async run(signal, command) {
      if (closed) throw errorOf("the store is closed");
      if (pending >= maxPending) throw errorOf("too many operations wait for Redis");
      pending += 1;
      try {
        return await withinLimit({ ms: timeoutMs, signal, after: afterReal }, (limit) => repeat(limit, command));
      } catch (error) {
        throw errorOf(messageOf(error, fault));
      } finally {
        pending -= 1;
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      const redis = await client?.catch(() => null);
      if (redis == null) return;
      // Lets what is under way finish; then without being asked.
      await withinLimit({ ms: CLOSE_MS, signal: new AbortController().signal, after: afterReal }, () => redis.quit()).catch(() => {});
      redis.disconnect();
    },
  };
}

/** The first word of an error that Redis replied, such as `WRONGPASS`; null: it replied nothing. */
export function replyOf(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "ReplyError") return null;
  return /^[A-Z]{2,32}\b/.exec(error.message)?.[0] ?? "ERR";
}

/** Nothing else of the error is kept: those of ioredis carry the command with its values, and the password where that was refused. */
function messageOf(error: unknown, fault: string | null): string {
  if (error instanceof ConnectionFault) return error.message;
  const reply = replyOf(error);
  if (reply !== null) return `Redis refused: ${reply}`;
  const what = error instanceof LimitReached ? error.message : "the connection broke or could not be made";
  return `Redis: ${what}${fault === null ? "" : ` (${fault})`}`;
}

/** Of the network or of TLS, such as `ECONNREFUSED`; null: it has none. */
function codeOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : null;
}
