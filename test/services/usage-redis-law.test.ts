import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AccountDocument, type BookedExchange, bookExchange, forgottenAt, MAX_HOLDERS, stateOf } from "../../adapters/usage/account-book.ts";
import { EXCHANGE, exchangeKeys, exchangeValues, readExchangeAnswer, readStates, STATES } from "../../adapters/usage/redis-exchange.ts";
import { redisNames } from "../../adapters/usage/redis-names.ts";
import type { AccountExchange, AccountWindow, ExchangeAnswer } from "../../src/index.ts";
import { hasRedis, type RedisServer, startRedis } from "../fakes/redis-server.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const CLOCK = "redis.call('TIME')";
const START = Date.UTC(2026, 10, 22, 12);
const ACCOUNTS = ["a", "b", "c"];

/** The script with a clock that a test sets. */
function at(text: string, now: number): string {
  expect(text.split(CLOCK)).toHaveLength(2);
  return text.replace(CLOCK, `{ '${Math.floor(now / 1_000)}', '${(now % 1_000) * 1_000 + 999}' }`);
}

describe.skipIf(missing)(`the exchange in Lua${missing ? " (MISSING: redis-server)" : ""}`, () => {
  let server: RedisServer;
  let redis: Redis;
  let realms = 0;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis({ port: server.port });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  async function inLua(exchange: AccountExchange, now: number): Promise<ExchangeAnswer | string> {
    const names = redisNames(exchange.realm);
    const keys = exchangeKeys(exchange, names);
    const answer = await redis.eval(at(EXCHANGE.text, now), keys.length, ...keys, ...exchangeValues(exchange, names));
    return refusalOr(() => readExchangeAnswer(answer, exchange.changes.length));
  }

  const amount = fc.oneof(fc.nat(9), fc.constantFrom(0, 1e15, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER));
  const sliding = fc.constantFrom(1, 59, 60, 61, 600, 1_234, 60_000).map((ms) => () => ({ kind: "sliding", ms }) as const);
  const until = fc.record({ ms: fc.constantFrom(100, 1_000, 86_400_000), skewMs: fc.constantFrom(0, 0, 0, 100, -100, 1_000, -1_000) }).map(
    ({ ms, skewMs }) =>
      (now: number) =>
        ({ kind: "until", from: Math.floor((now + skewMs) / ms) * ms, at: Math.floor((now + skewMs) / ms) * ms + ms }) as const,
  );
  const window: fc.Arbitrary<(now: number) => AccountWindow> = fc.oneof(
    sliding,
    until,
    fc.constant(() => ({ kind: "none" }) as const),
  );
  const change = fc.record({
    account: fc.constantFrom(...ACCOUNTS),
    window,
    limit: fc.oneof(fc.nat(40), fc.constantFrom(null, 1e15, Number.MAX_SAFE_INTEGER)),
    used: amount,
    keep: amount,
    more: amount,
    most: amount,
  });
  const step = fc.record({
    passMs: fc.oneof(
      { weight: 4, arbitrary: fc.nat(50) },
      { weight: 1, arbitrary: fc.nat(700_000) },
      { weight: 1, arbitrary: fc.constantFrom(-500, -4_000_000, 86_400_000) },
    ),
    holder: fc.constantFrom("one", "two", "zw\u00f6lf", "\ud800"),
    /** The next number; the last once more; the one before. */
    number: fc.constantFrom(1, 1, 1, 1, 1, 0, -1),
    ttlMs: fc.constantFrom(1, 100, 60_000, 3_600_000),
    changes: fc.uniqueArray(change, { minLength: 1, maxLength: 3, selector: ({ account }) => account }),
  });

  it("does as the account book does, at any time and in any order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const realm = `law/${realms++}`;
        const names = redisNames(realm);
        const documents = new Map<string, AccountDocument>();
        let now = START;
        let sequence = 2;
        for (const { passMs, holder, number, ttlMs, changes: asked } of steps) {
          now += passMs;
          sequence += number;
          const changes = asked.map(({ account, window: windowAt, limit, used, keep, more, most }) => {
            const need = Math.min(Number.MAX_SAFE_INTEGER, keep + more);
            return { account, window: windowAt(now), limit, used, keep, need, want: Math.min(Number.MAX_SAFE_INTEGER, need + most) };
          });
          const exchange = { realm, holder, sequence, ttlMs, changes };
          const booked: BookedExchange | string = refusalOr(() =>
            bookExchange(
              changes.map(({ account }) => documents.get(account) ?? null),
              exchange,
              now,
            ),
          );
          expect(await inLua(exchange, now)).toEqual(typeof booked === "string" ? booked : booked.answer);
          if (typeof booked === "string" || booked.documents === null) continue;
          for (const [index, document] of booked.documents.entries()) {
            const account = changes[index]?.account ?? "";
            documents.set(account, document);
            // The server removes it by its real clock: it must not do so earlier.
            const left = await redis.pttl(names.account(account));
            expect(left).toBeLessThanOrEqual(forgottenAt(document) - now);
            expect(left).toBeGreaterThan(forgottenAt(document) - now - 30_000);
          }
          const listed = ACCOUNTS.filter((account) => documents.has(account));
          const states = await redis.eval(at(STATES.text, now), listed.length + 1, ...listed.map(names.account), names.accounts, ...listed);
          expect(readStates(states, listed)).toEqual({
            gone: 0,
            states: [...documents]
              .flatMap(([account, document]) => stateOf(account, document, now) ?? [])
              .toSorted((one, next) => (one.account < next.account ? -1 : 1)),
          });
        }
      }),
      { numRuns: 150 },
    );
  });

  it("keeps the same bound on holders", async () => {
    const realm = `law/${realms++}`;
    let document: AccountDocument | null = null;
    const both = async (holder: string, keep: number, now: number) => {
      const changes = [{ account: "a", window: { kind: "none" } as const, limit: null, used: 0, keep, need: keep, want: keep }];
      const exchange = { realm, holder, sequence: 1, ttlMs: 1_000, changes };
      const booked: BookedExchange | string = refusalOr(() => bookExchange([document], exchange, now));
      const answer = await inLua(exchange, now);
      expect(answer).toEqual(typeof booked === "string" ? booked : booked.answer);
      if (typeof booked !== "string") document = booked.documents?.[0] ?? document;
      return answer;
    };
    for (let index = 0; index < MAX_HOLDERS; index += 1) await both(`holder-${index}`, index === 700 ? 0 : 1, START);
    expect(await both("one more", 1, START)).toMatchObject({ accounts: [{ heldByOthers: MAX_HOLDERS - 1 }] });
    expect(await both("too many", 1, START)).toBe("too many instances hold a part of one account");
    expect(await both("later", 1, START + 1_000)).toMatchObject({ accounts: [{ heldByOthers: 0 }] });
  });
});

function refusalOr<Value>(work: () => Value): Value | string {
  try {
    return work();
  } catch (error) {
    return error instanceof Error ? error.message : "no error";
  }
}
