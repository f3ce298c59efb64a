import {
  type AccountAnswer,
  type AccountExchange,
  addCounts,
  type ExchangeAnswer,
  emptySum,
  type UsageRow,
  type UsageStore,
  UsageStoreError,
  type UsageSum,
} from "../../src/index.ts";
import { afterReal, LimitReached, withinLimit } from "../aws/within-limit.ts";
import { evenPlace } from "../state/even-place.ts";
import { checkBatch, checkMax, checkQuery, MAX_INCIDENTS, readKey } from "./check-batch.ts";
import { checkExchange, checkRealm } from "./check-exchange.ts";
import { type ExchangePart, type ObjectAnswer, ROWS_AT_ONCE, type StoredRow, type UsageObject, type UsagePlace } from "./usage-object.ts";

/** A namespace of Durable Objects, as far as it is used here. */
export interface UsageNamespace {
  getByName(name: string): UsageObject;
  jurisdiction(name: string): UsageNamespace;
}

export interface DurableObjectUsageStoreOptions {
  readonly namespace: UsageNamespace;
  /** Cloudflare's name of where the objects have to stay, such as `eu`; null: near whoever asked first. */
  readonly jurisdiction: string | null;
  /** Milliseconds for one exchange; 5,000 when left out. */
  readonly exchangeMs?: number;
  /** Milliseconds for anything else; 15,000 when left out. */
  readonly otherMs?: number;
}

/** Objects that share the accounts of a realm, and those that share its usage: each answers some hundred calls a second. */
const ACCOUNT_OBJECTS = 16;
const USAGE_OBJECTS = 8;
/** Times that are sent at most: an object that moves answers with an error that says so. */
const ATTEMPTS = 3;
/** Beyond that the answer would not fit into an isolate's memory. */
const MAX_ROWS_READ = 200_000;

/** Limits and usage in Durable Objects: for Workers. */
export function createDurableObjectUsageStore(options: DurableObjectUsageStoreOptions): UsageStore {
  const { jurisdiction, exchangeMs = 5_000, otherMs = 15_000 } = options;
  let closed = false;

  async function within<Value>(ms: number, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    if (closed) throw new UsageStoreError("the store is closed");
    try {
      return await withinLimit({ ms, signal, after: afterReal }, work);
    } catch (error) {
      if (error instanceof UsageStoreError) throw error;
      // Without what the platform threw: it may quote the call.
      throw new UsageStoreError(error instanceof LimitReached ? `the Durable Object: ${error.message}` : "the Durable Object did not answer");
    }
  }

  /** Whatever is asked may be asked again. */
  async function ask<Value>(name: string, question: (object: UsageObject) => ObjectAnswer<Value> | Promise<ObjectAnswer<Value>>): Promise<Value> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // Where the jurisdiction is not to be had this throws: usage never lies elsewhere in silence.
        const namespace = jurisdiction === null ? options.namespace : options.namespace.jurisdiction(jurisdiction);
        const answer = await question(namespace.getByName(name));
        if ("refused" in answer) throw new UsageStoreError(answer.refused);
        return answer.value;
      } catch (error) {
        if (attempt >= ATTEMPTS || !mayBeAskedAgain(error)) throw error;
      }
    }
  }

  /**
   * All or none over several objects: they are asked one after the other, in the same order by everybody; where one has no room, those before it get
   * back what they granted, and those behind it are told what was used.
   */
  async function exchangeAll(exchange: AccountExchange): Promise<ExchangeAnswer> {
    const { realm, changes } = exchange;
    const answers = new Map<string, AccountAnswer>();
    let now: number | null = null;
    let granted = true;
    const grantedBy: Share[] = [];
    const tell = async ({ object, changes: own }: Share, part: Partial<ExchangePart>, sequence: number, wanted = own): Promise<boolean> => {
      const asked = { exchange: { ...exchange, sequence, changes: wanted }, now, mayGrant: granted, ...part };
      const answer = await ask(`accounts/${realm}/${object}`, (at) => at.exchange(asked));
      now = Math.max(now ?? 0, answer.now);
      for (const [at, { account }] of own.entries()) {
        const answered = answer.accounts[at];
        if (answered !== undefined) answers.set(account, answered);
      }
      return answer.granted;
    };
    for (const share of sharesOf(changes)) {
      if (await tell(share, {}, 2 * exchange.sequence)) grantedBy.push(share);
      else granted = false;
    }
    if (!granted) {
      const giveBack = async (share: Share) => {
        const kept = share.changes.map((change) => ({ ...change, used: 0, need: change.keep, want: change.keep }));
        // What is not given back for want of an answer is free when the next exchange says what is held, or when its time is up.
        await tell(share, { mayGrant: true }, 2 * exchange.sequence + 1, kept).catch(() => false);
      };
      await Promise.all(grantedBy.map(giveBack));
    }
    return { granted, now: now ?? 0, accounts: changes.map(({ account, keep }) => answerOf(answers, account, granted ? null : keep)) };
  }

  async function readRows(name: string, query: Parameters<UsageStore["usage"]>[0]): Promise<readonly StoredRow[]> {
    const rows: StoredRow[] = [];
    let after: UsagePlace | null = null;
    for (;;) {
      const page: readonly StoredRow[] = await ask(name, (object) => object.usage(query, after));
      rows.push(...page);
      const last = page.at(-1);
      if (page.length < ROWS_AT_ONCE || last === undefined) return rows;
      if (rows.length > MAX_ROWS_READ) throw new UsageStoreError("more rows than can be read at once: ask for a shorter time");
      after = { from: last.from, who: last.who };
    }
  }

  return {
    shared: true,
    async exchange(exchange, signal) {
      checkExchange(exchange, signal);
      return await within(exchangeMs, signal, () => exchangeAll(exchange));
    },
    async accounts(realm, max, signal) {
      checkRealm(realm, signal);
      checkMax(max);
      const names = numbered(`accounts/${realm}`, ACCOUNT_OBJECTS);
      const found = await within(otherMs, signal, () => Promise.all(names.map((name) => ask(name, (object) => object.accounts(max)))));
      const newestFirst = found.flat().toSorted((one, other) => other.changedAt - one.changedAt);
      return newestFirst.slice(0, max).map(({ state }) => state);
    },
    async record(batch, signal) {
      checkBatch(batch, signal);
      await within(otherMs, signal, () => ask(`usage/${batch.realm}/${evenPlace(batch.id, USAGE_OBJECTS)}`, (object) => object.record(batch)));
    },
    async usage(query, signal) {
      checkQuery(query, signal);
      const names = numbered(`usage/${query.realm}`, USAGE_OBJECTS);
      const found = await within(otherMs, signal, () => Promise.all(names.map((name) => readRows(name, query))));
      return summedRows(found.flat());
    },
    async incidents(realm, max, signal) {
      checkRealm(realm, signal);
      checkMax(max);
      const names = numbered(`usage/${realm}`, USAGE_OBJECTS);
      const found = await within(otherMs, signal, () => Promise.all(names.map((name) => ask(name, (object) => object.incidents(max)))));
      return found
        .flat()
        .toSorted((one, other) => other.time - one.time)
        .slice(0, Math.min(max, MAX_INCIDENTS));
    },
    async close() {
      closed = true;
    },
  };
}

/** What of an exchange one object has. */
interface Share {
  readonly object: number;
  readonly changes: AccountExchange["changes"];
}

function sharesOf(changes: AccountExchange["changes"]): readonly Share[] {
  const shares = new Map<number, AccountExchange["changes"]>();
  for (const change of changes) {
    const object = evenPlace(change.account, ACCOUNT_OBJECTS);
    shares.set(object, [...(shares.get(object) ?? []), change]);
  }
  return [...shares].map(([object, own]) => ({ object, changes: own })).toSorted((one, other) => one.object - other.object);
}

/** `keep` is what is held where nothing was granted; null: it was. */
function answerOf(answers: ReadonlyMap<string, AccountAnswer>, account: string, keep: number | null): AccountAnswer {
  const answer = answers.get(account);
  if (answer === undefined) throw new UsageStoreError("the Durable Object gave no proper answer");
  return keep === null ? answer : { ...answer, held: keep };
}

function summedRows(rows: readonly StoredRow[]): readonly UsageRow[] {
  const sums = new Map<string, UsagePlace & { readonly sum: UsageSum }>();
  for (const { from, who, counts } of rows) {
    const name = `${from}/${who}`;
    const known = sums.get(name) ?? { from, who, sum: emptySum() };
    addCounts(known.sum, counts);
    sums.set(name, known);
  }
  return [...sums.values()].map(({ from, who, sum }) => ({ from, ...readKey(who), ...sum }));
}

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${name}/${at}`);
}

/** As Cloudflare says: an error may be `retryable`, unless the object has too much to do. */
function mayBeAskedAgain(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  return "retryable" in error && error.retryable === true && !("overloaded" in error && error.overloaded === true);
}
