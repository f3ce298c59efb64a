import { type StateEntry, type StateStore, StateStoreError } from "../../src/index.ts";
import { afterReal, LimitReached, withinLimit } from "../aws/within-limit.ts";
import { evenPlace } from "./even-place.ts";
import { checkStateKey, checkStateValue } from "./state-limits.ts";

/** What the object `SpillwayState` answers to; over the platform's calls every answer comes later. */
export interface StateShard {
  read(key: string): StateEntry | null | Promise<StateEntry | null>;
  write(key: string, value: string, version: string, expected: string | null, ttlMs: number): boolean | Promise<boolean>;
  erase(key: string, expected: string): boolean | Promise<boolean>;
}

/** A namespace of Durable Objects, as far as it is used here. */
export interface StateNamespace {
  getByName(name: string): StateShard;
  jurisdiction(name: string): StateNamespace;
}

export interface DurableObjectStoreOptions {
  readonly namespace: StateNamespace;
  /** Cloudflare's name of where the objects have to stay, such as `eu`; null: near whoever asked first. */
  readonly jurisdiction: string | null;
  /** Milliseconds for one operation. */
  readonly timeoutMs?: number;
}

/** One object answers about a thousand calls a second. */
const SHARDS = 64;

/** State in Durable Objects: for Workers. Keys are spread over 64 objects; one that cannot be reached leaves the others alone. */
export function createDurableObjectStore(options: DurableObjectStoreOptions): StateStore {
  const { jurisdiction, timeoutMs = 5_000 } = options;
  let closed = false;

  async function ask<Answer>(key: string, signal: AbortSignal, question: (shard: StateShard) => Answer | Promise<Answer>): Promise<Answer> {
    if (closed) throw new StateStoreError("the store is closed");
    checkStateKey(key, signal);
    try {
      return await withinLimit({ ms: timeoutMs, signal, after: afterReal }, async () => {
        // Where the jurisdiction is not to be had this throws: state never lies elsewhere in silence.
        const namespace = jurisdiction === null ? options.namespace : options.namespace.jurisdiction(jurisdiction);
        return await question(namespace.getByName(`state-${evenPlace(key, SHARDS)}`));
      });
    } catch (error) {
      // Without what the platform threw: it may quote the call.
      throw new StateStoreError(error instanceof LimitReached ? `the Durable Object: ${error.message}` : "the Durable Object did not answer");
    }
  }

  return {
    shared: true,
    get: async (key, signal) => {
      const entry = await ask(key, signal, (shard) => shard.read(key));
      return entry === null ? null : { value: entry.value, version: entry.version };
    },
    put: async (key, value, { expected, ttlMs }, signal) => {
      checkStateValue(value, ttlMs);
      const version = crypto.randomUUID();
      return (await ask(key, signal, (shard) => shard.write(key, value, version, expected, ttlMs))) ? version : null;
    },
    remove: (key, expected, signal) => ask(key, signal, (shard) => shard.erase(key, expected)),
    close: async () => {
      closed = true;
    },
  };
}
