import { type AccountAnswer, type AccountExchange, type AccountState, type AccountWindow, type ExchangeAnswer, UsageStoreError } from "../../src/index.ts";
import { redisScript } from "../redis/redis-script.ts";
import { MAX_HOLDERS, MAX_TTL_MS, REMEMBERED_MS } from "./account-book.ts";
import { nameOf, type RedisNames, textOf } from "./redis-names.ts";

/** Accounts that the list of a realm knows; beyond them the oldest are still counted, and not listed. */
const MAX_LISTED = 100_000;
/** Longer than any window. Milliseconds. */
const LIST_KEPT_MS = 402 * 86_400_000;
const PER_CHANGE = 8;

/**
 * `bookExchange` in Lua, with the server's clock. An account is a MessagePack array of the limit (-1: none), the kind of its window, two numbers of that,
 * when it was changed, its bookings (three numbers each) and its holders (nine values each, in the order of `AccountHolder`). Numbers are doubles,
 * which are exact up to 2^53, and are answered as text, since the client reads large integers wrongly.
 * For 3 accounts it runs 8 commands: TIME, MGET, SET three times, ZADD, ZREMRANGEBYRANK and PEXPIRE.
 */
export const EXCHANGE = redisScript(`
local MOST, DAY = ${Number.MAX_SAFE_INTEGER}, 86400000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder, sequence, ttl, prefix = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local count = #KEYS - 1
local function add(one, other) return math.min(MOST, one + other) end
local function written(numbers)
  for at, number in ipairs(numbers) do numbers[at] = string.format('%.0f', number) end
  return table.concat(numbers, ' ')
end
local function ends(to, kind, ms) if kind == 's' then return to + ms end return to end

local changes, documents, again = {}, redis.call('MGET', unpack(KEYS, 1, count)), 0
for i = 1, count do
  local at = 4 + (i - 1) * ${PER_CHANGE}
  local limit = tonumber(ARGV[at + 4])
  changes[i] = { kind = ARGV[at + 1], a = tonumber(ARGV[at + 2]), b = tonumber(ARGV[at + 3]), limit = limit,
    used = tonumber(ARGV[at + 5]), keep = tonumber(ARGV[at + 6]), need = tonumber(ARGV[at + 7]), want = tonumber(ARGV[at + 8]) }
  local packed = documents[i]
  local document = packed and cmsgpack.unpack(packed) or { -1, 'n', 0, 0, 0, {}, {} }
  documents[i] = document
  local holders = document[7]
  for at = 1, #holders, 9 do
    if holders[at] == holder then
      if holders[at + 3] > sequence then return '-1' end
      if holders[at + 3] == sequence then
        again = again + 1
        changes[i].again = { unpack(holders, at, at + 8) }
      end
    end
  end
end
if again > 0 then
  if again < count then return '-2' end
  local first = changes[1].again
  local answer = { first[6], first[5] }
  for i = 1, count do
    local last = changes[i].again
    for _, number in ipairs({ last[2], last[7], last[8], last[9] }) do answer[#answer + 1] = number end
  end
  return written(answer)
end

local function book(old, change)
  local kept = {}
  local function keep(from, to, amount)
    if amount > 0 then kept[#kept + 1] = { from, to, amount } end
  end
  if change.kind == 's' then
    local length = math.ceil(change.a / 60)
    local from = math.floor(now / length) * length
    local to, own = from + length, change.used
    for at = 1, #old, 3 do
      if old[at + 1] >= to then
        from = math.min(from, old[at])
        own = add(own, old[at + 2])
      elseif old[at + 1] + change.a > now then
        keep(old[at], old[at + 1], old[at + 2])
      end
    end
    keep(from, to, own)
  elseif change.kind == 'u' then
    local own = change.used
    for at = 1, #old, 3 do
      if change.b > now and old[at + 1] > change.a and old[at] < change.b then
        own = add(own, old[at + 2])
      elseif old[at + 1] > now then
        keep(old[at], old[at + 1], old[at + 2])
      end
    end
    if change.b > now then
      keep(change.a, change.b, own)
      table.sort(kept, function(one, other) return one[2] < other[2] end)
    end
  end
  while #kept > 64 do
    local first = table.remove(kept, 1)
    kept[1] = { first[1], kept[1][2], add(first[3], kept[1][3]) }
  end
  return kept
end

local granted = 1
for i = 1, count do
  local change = changes[i]
  local bookings, holders, used, held, releases, kept = book(documents[i][6], change), documents[i][7], 0, 0, {}, 0
  for _, booking in ipairs(bookings) do
    used = add(used, booking[3])
    releases[#releases + 1] = { ends(booking[2], change.kind, change.a), booking[3] }
  end
  for at = 1, #holders, 9 do
    if holders[at] ~= holder and math.max(holders[at + 2], holders[at + 4] + ${REMEMBERED_MS}) > now then
      if kept + 1 ~= at then
        for part = 0, 8 do holders[kept + 1 + part] = holders[at + part] end
      end
      local amount, last = holders[kept + 2], math.min(holders[kept + 3], now + ${MAX_TTL_MS})
      holders[kept + 3] = last
      if amount > 0 and last > now then
        held = add(held, amount)
        releases[#releases + 1] = { last, amount }
      end
      kept = kept + 9
    end
  end
  for at = #holders, kept + 1, -1 do holders[at] = nil end
  local room, wait = MOST, 0
  if change.limit then room = change.limit - used - held end
  if change.need > room and change.need ~= change.keep then
    wait = -1
    if change.need <= change.limit then
      table.sort(releases, function(one, other) return one[1] < other[1] end)
      local free = room
      for _, release in ipairs(releases) do
        free = free + release[2]
        wait = math.max(0, release[1] - now)
        if free >= change.need then break end
      end
    end
    granted = 0
  end
  if kept >= ${9 * MAX_HOLDERS} then
    local idle = nil
    for at = 1, kept, 9 do
      if holders[at + 1] == 0 or holders[at + 2] <= now then
        idle = at
        break
      end
    end
    if not idle then return '-3' end
    for at = idle, kept do holders[at] = holders[at + 9] end
  end
  change.bookings, change.holders, change.counts, change.held, change.room, change.wait = bookings, holders, used, held, room, wait
end

local answer, listed = { granted, now }, {}
for i = 1, count do
  local change = changes[i]
  local held = change.keep
  if granted == 1 then held = math.max(change.need, math.min(change.want, change.room)) end
  for _, number in ipairs({ held, change.counts, change.held, change.wait }) do answer[#answer + 1] = number end
  local holders, forgotten, bookings = change.holders, now, {}
  for _, part in ipairs({ holder, held, now + ttl, sequence, now, granted, change.counts, change.held, change.wait }) do holders[#holders + 1] = part end
  for at = 1, #holders, 9 do forgotten = math.max(forgotten, holders[at + 2], holders[at + 4] + ${REMEMBERED_MS}) end
  for _, booking in ipairs(change.bookings) do
    local last = ends(booking[2], change.kind, change.a)
    if change.kind == 'u' then last = last + DAY end
    forgotten = math.max(forgotten, last)
    for part = 1, 3 do bookings[#bookings + 1] = booking[part] end
  end
  local document = { change.limit or -1, change.kind, change.a, change.b, now, bookings, holders }
  redis.call('SET', KEYS[i], cmsgpack.pack(document), 'PX', forgotten - now)
  listed[#listed + 1] = now
  listed[#listed + 1] = string.sub(KEYS[i], prefix + 1)
end
redis.call('ZADD', KEYS[count + 1], unpack(listed))
redis.call('ZREMRANGEBYRANK', KEYS[count + 1], 0, -${MAX_LISTED + 1})
redis.call('PEXPIRE', KEYS[count + 1], ${LIST_KEPT_MS})
return written(answer)`);

/** How accounts stand, and which of them are no more: those are taken from the list. A text for each, empty where nothing counts. */
export const STATES = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function add(one, other) return math.min(${Number.MAX_SAFE_INTEGER}, one + other) end
local count, gone, answer = #KEYS - 1, {}, {}
local documents = redis.call('MGET', unpack(KEYS, 1, count))
for i = 1, count do
  local state = ''
  if documents[i] then
    local document = cmsgpack.unpack(documents[i])
    local kind, a, bookings, used, held = document[2], document[3], document[6], 0, 0
    for at = 1, #bookings, 3 do
      local last = bookings[at + 1]
      if kind == 's' then last = last + a end
      if last > now then used = add(used, bookings[at + 2]) end
    end
    for at = 1, #document[7], 9 do
      if document[7][at + 2] > now then held = add(held, document[7][at + 1]) end
    end
    if used > 0 or held > 0 then state = string.format('%.0f %.0f %.0f %s %.0f %.0f', used, held, document[1], kind, a, document[4]) end
  else
    gone[#gone + 1] = ARGV[i]
  end
  answer[i] = state
end
if #gone > 0 then redis.call('ZREM', KEYS[count + 1], unpack(gone)) end
return { #gone, answer }`);

export function exchangeKeys({ changes }: AccountExchange, names: RedisNames): readonly string[] {
  return [...changes.map(({ account }) => names.account(account)), names.accounts];
}

export function exchangeValues({ holder, sequence, ttlMs, changes }: AccountExchange, names: RedisNames): readonly (string | number)[] {
  const values: (string | number)[] = [textOf(holder), sequence, ttlMs, Buffer.byteLength(names.accountPrefix)];
  for (const { window, limit, used, keep, need, want } of changes) {
    values.push(...windowValues(window), limit ?? "", used, keep, need, want);
  }
  return values;
}

/** Throws `UsageStoreError` on what is no answer to so many changes. */
export function readExchangeAnswer(answer: unknown, count: number): ExchangeAnswer {
  const texts = typeof answer === "string" ? answer.split(" ") : [];
  if (texts.length === 1) throw new UsageStoreError(REFUSALS.get(answer) ?? IMPROPER);
  const [granted, now] = [numberAt(texts, 0), numberAt(texts, 1)];
  const accounts = Array.from({ length: count }, (_, change): AccountAnswer => {
    const at = 2 + 4 * change;
    const roomInMs = numberAt(texts, at + 3);
    return { held: numberAt(texts, at), used: numberAt(texts, at + 1), heldByOthers: numberAt(texts, at + 2), roomInMs: roomInMs < 0 ? null : roomInMs };
  });
  return { granted: granted === 1, now, accounts };
}

/** The states of a page of the list, and how many of it are no more. Throws `UsageStoreError` on what is no answer. */
export function readStates(answer: unknown, page: readonly string[]): { readonly gone: number; readonly states: readonly AccountState[] } {
  const [gone, found]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  if (typeof gone !== "number" || !Array.isArray(found)) throw new UsageStoreError(IMPROPER);
  const states = found.flatMap((state: unknown, at): readonly AccountState[] => {
    const texts = typeof state === "string" ? state.split(" ") : [];
    const account = nameOf(page[at] ?? "");
    if (state === "" || account === null) return [];
    const limit = numberAt(texts, 2);
    const window = readWindow(texts[3], numberAt(texts, 4), numberAt(texts, 5));
    return [{ account, used: numberAt(texts, 0), held: numberAt(texts, 1), limit: limit < 0 ? null : limit, window }];
  });
  return { gone, states };
}

const IMPROPER = "Redis gave no proper answer";
const REFUSALS: ReadonlyMap<unknown, string> = new Map([
  ["-1", "the exchange was overtaken by a later one"],
  ["-2", "the exchange's number was used for other accounts"],
  ["-3", "too many instances hold a part of one account"],
]);

function windowValues(window: AccountWindow): readonly (string | number)[] {
  switch (window.kind) {
    case "sliding":
      return ["s", window.ms, 0];
    case "until":
      return ["u", window.from, window.at];
    case "none":
      return ["n", 0, 0];
  }
}

function readWindow(kind: string | undefined, one: number, other: number): AccountWindow {
  if (kind === "s") return { kind: "sliding", ms: one };
  return kind === "u" ? { kind: "until", from: one, at: other } : { kind: "none" };
}

function numberAt(texts: readonly string[], at: number): number {
  const number = Number(texts[at] ?? Number.NaN);
  if (!Number.isSafeInteger(number)) throw new UsageStoreError(IMPROPER);
  return number;
}
