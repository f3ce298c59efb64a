import { COUNT_NAMES, type Incident, type UsageBatch, type UsageRow, UsageStoreError } from "../../src/index.ts";
import { redisScript } from "../redis/redis-script.ts";
import { BATCH_MEMORY_MS, crowdedKeyOf, KEPT_MS, keyOf, MAX_INCIDENTS, MAX_KEYS, startOf } from "./check-batch.ts";
import type { RedisNames } from "./redis-names.ts";

const INTERVALS = ["hour", "day"] as const;

/**
 * Adds a batch, unless its key says that it was added. A row is a field of its hour's and its day's hash, its counts are written in the order of `COUNT_NAMES`.
 * Gives 1: added; 0: it was added before.
 */
export const RECORD = redisScript(`
if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ${BATCH_MEMORY_MS}) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function added(one, other)
  local sums, more = {}, string.gmatch(other, '%d+')
  for number in string.gmatch(one, '%d+') do
    sums[#sums + 1] = string.format('%.0f', math.min(${Number.MAX_SAFE_INTEGER}, tonumber(number) + tonumber(more())))
  end
  return table.concat(sums, ' ')
end
for slot = 5, #KEYS do
  local list, from, kept, count = tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())
  local fields, crowded, counts = {}, {}, {}
  for row = 1, count do fields[row], crowded[row], counts[row] = take(), take(), take() end
  if from + kept > now then
    local held, size, sums = redis.call('HMGET', KEYS[slot], unpack(fields)), nil, {}
    for row = 1, count do
      local field = fields[row]
      local before = sums[field] or held[row]
      if not before then
        size = size or redis.call('HLEN', KEYS[slot])
        if size < ${MAX_KEYS} then
          size = size + 1
        else
          field = crowded[row]
          before = sums[field] or redis.call('HGET', KEYS[slot], field)
        end
      end
      sums[field] = before and added(before, counts[row]) or counts[row]
    end
    local writes = {}
    for field, sum in pairs(sums) do
      writes[#writes + 1] = field
      writes[#writes + 1] = sum
    end
    redis.call('HSET', KEYS[slot], unpack(writes))
    redis.call('PEXPIREAT', KEYS[slot], from + kept)
    redis.call('ZADD', KEYS[list], from, string.format('%.0f', from))
    redis.call('ZREMRANGEBYSCORE', KEYS[list], '-inf', now - kept)
    redis.call('PEXPIRE', KEYS[list], kept)
  end
end
local incidents = {}
while at < #ARGV do incidents[#incidents + 1] = take() end
if #incidents > 0 then
  redis.call('ZADD', KEYS[4], unpack(incidents))
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -${MAX_INCIDENTS + 1})
  redis.call('PEXPIRE', KEYS[4], ${KEPT_MS.day})
end
return 1`);

/** Keys and values of `RECORD`. */
export function recordParts(
  { id, rows, incidents }: UsageBatch,
  names: RedisNames,
): { readonly keys: readonly string[]; readonly values: readonly (string | number)[] } {
  const keys = [names.batch(id), names.starts("hour"), names.starts("day"), names.incidents];
  const values: (string | number)[] = [];
  for (const [index, interval] of INTERVALS.entries()) {
    const slots = new Map<number, UsageRow[]>();
    for (const row of rows) {
      const from = startOf(interval, row.from);
      const slot = slots.get(from);
      if (slot === undefined) slots.set(from, [row]);
      else slot.push(row);
    }
    for (const [from, slot] of slots) {
      keys.push(names.rows(interval, from));
      values.push(2 + index, from, KEPT_MS[interval], slot.length);
      for (const row of slot) values.push(keyOf(row), crowdedKeyOf(row), COUNT_NAMES.map((count) => row[count]).join(" "));
    }
  }
  // The number makes two that are alike two.
  for (const [index, incident] of incidents.entries()) values.push(incident.time, JSON.stringify([id, index, incident]));
  return { keys, values };
}

/** Throws `UsageStoreError` on what this store has not written. */
export function readRow(from: number, key: string, counts: string): UsageRow {
  const whose = parse(key);
  const numbers = counts.split(" ").map(Number);
  if (!isTexts(whose, 5) || numbers.length !== COUNT_NAMES.length || !numbers.every(Number.isSafeInteger)) throw foreign();
  const [namespace = "", serviceAccount = "", model = "", backend = "", region = ""] = whose;
  const count = (name: (typeof COUNT_NAMES)[number]) => numbers[COUNT_NAMES.indexOf(name)] ?? 0;
  return {
    from,
    namespace,
    serviceAccount,
    model,
    backend,
    region,
    requests: count("requests"),
    errors: count("errors"),
    limited: count("limited"),
    inputTokens: count("inputTokens"),
    cacheReadTokens: count("cacheReadTokens"),
    cacheWriteTokens: count("cacheWriteTokens"),
    outputTokens: count("outputTokens"),
    reasoningTokens: count("reasoningTokens"),
    audioTokens: count("audioTokens"),
    costNanos: count("costNanos"),
    unpriced: count("unpriced"),
    estimated: count("estimated"),
  };
}

/** Throws `UsageStoreError` on what this store has not written. */
export function readIncident(text: string): Incident {
  const parts = parse(text);
  const incident: unknown = Array.isArray(parts) ? parts[2] : null;
  if (!isIncident(incident)) throw foreign();
  return incident;
}

const INCIDENT_TEXTS = ["id", "namespace", "serviceAccount", "route", "model", "backend", "reason", "detail"] as const satisfies readonly (keyof Incident)[];

function isIncident(value: unknown): value is Incident {
  if (typeof value !== "object" || value === null) return false;
  const fields: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(value));
  const { time, kind } = fields;
  return typeof time === "number" && (kind === "denied" || kind === "failover") && INCIDENT_TEXTS.every((name) => typeof fields[name] === "string");
}

function isTexts(value: unknown, count: number): value is readonly string[] {
  return Array.isArray(value) && value.length === count && value.every((text) => typeof text === "string");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function foreign(): UsageStoreError {
  return new UsageStoreError("Redis holds something that is not one of ours");
}
