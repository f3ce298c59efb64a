import { createHash } from "node:crypto";
import type { RedisClient } from "./open-client.ts";
import { replyOf } from "./redis-connection.ts";

/** A Lua script, which Redis runs as one. */
export interface RedisScript {
  readonly text: string;
  /** SHA-1 of the text, by which a server knows it again. */
  readonly digest: string;
}

export function redisScript(text: string): RedisScript {
  return { text, digest: createHash("sha1").update(text).digest("hex") };
}

/** Sends the script's digest, and the script itself only to a server that does not know it. */
export async function runScript(redis: RedisClient, script: RedisScript, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
  try {
    return await redis.evalsha(script.digest, keys.length, ...keys, ...values);
  } catch (error) {
    if (replyOf(error) !== "NOSCRIPT") throw error;
    return await redis.eval(script.text, keys.length, ...keys, ...values);
  }
}
