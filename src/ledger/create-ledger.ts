import type { CallRecord } from "../model/call-record.ts";
import type { Clock } from "../model/ports.ts";
import { type Incident, MAX_ROWS, type UsageStore } from "../model/usage-store.ts";
import { createIncidentGate } from "./incident-gate.ts";
import { incidentsOf } from "./incidents-of.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { addCall, usageKeyOf } from "./usage-of.ts";
import { createUsageTally, type TallyBounds, type UsageTally } from "./usage-tally.ts";

/** Who used what: adds up what calls used, and tells the store of each Gateway behind them. */
export interface UsageLedger {
  /** Counts a call that has ended. Called once a call; never waits. */
  settled(record: CallRecord): void;
  /** Tells the stores all that was counted before. Resolves when that is done, has failed and will be tried again, or the signal aborts. Never rejects. */
  flush(signal: AbortSignal): Promise<void>;
  /** Calls that never came into a store, since it did not take them in time. */
  dropped(): number;
}

export interface LedgerOptions {
  readonly clock: Clock;
  /** The store of a Gateway (`namespace/name`). A store that cannot be opened is one that gives no answer. */
  readonly stores: (gateway: string) => UsageStore | Promise<UsageStore>;
  /**
   * Milliseconds after which what was counted is sent by itself, 1 s where left out: so much is lost at most when the instance dies. Null: by `flush` only,
   * each of which sends what waits by itself: for Workers, where a call must not wait for what another began.
   */
  readonly intervalMs?: number | null;
  /** Told with the first calls that are given up, until a store takes some again. Must not throw. */
  readonly onLoss?: (gateway: string, calls: number) => void;
  /** Told after each send whether the store of that Gateway took it. Must not throw. */
  readonly onSent?: (gateway: string, isTaken: boolean) => void;
  readonly bounds?: TallyBounds;
}

/** One Gateway's share: what waits, and what is on its way. */
interface Account {
  readonly tally: UsageTally;
  incidents: Incident[];
  readonly outbox: Outbox;
  /** The sends of a timer and of whoever asks, one after the other. */
  sending: Promise<boolean>;
  /** Sends that failed, one after the other. */
  failures: number;
  isTold: boolean;
  isArmed: boolean;
}

const HOUR_MS = 3_600_000;
const INTERVAL_MS = 1_000;
/** Between two sends to a store that does not take them. */
const LONGEST_INTERVAL_MS = 15_000;
/** One send: a store that needs longer is tried again. */
const SEND_MS = 10_000;
/** That may wait, and that one batch may hold. */
const MAX_INCIDENTS = 100;

/** An empty ledger. */
export function createLedger(options: LedgerOptions): UsageLedger {
  const { clock, stores, intervalMs = INTERVAL_MS, onLoss = () => {}, onSent = () => {}, bounds } = options;
  const accounts = new Map<string, Account>();
  const gate = createIncidentGate(clock.monotonic);
  let dropped = 0;

  function open(realm: string): Account {
    const tally = createUsageTally(bounds);
    const account: Account = {
      tally,
      incidents: [],
      outbox: createOutbox({
        realm,
        clock,
        open: () => stores(realm),
        take: () => {
          if (!isWaiting(account)) return null;
          const { incidents } = account;
          account.incidents = [];
          return { rows: tally.take(MAX_ROWS), incidents };
        },
        // Where each flush stands alone, one that hangs must not hold up the next.
        maxOpen: intervalMs === null ? 16 : 1,
        onTaken: () => {
          account.isTold = false;
        },
        onLoss: (calls) => {
          dropped += calls;
          if (account.isTold || calls === 0) return;
          account.isTold = true;
          onLoss(realm, calls);
        },
      }),
      sending: Promise.resolve(true),
      failures: 0,
      isTold: false,
      isArmed: false,
    };
    accounts.set(realm, account);
    return account;
  }

  function arm(realm: string, account: Account, waitMs: number | null): void {
    if (account.isArmed || waitMs === null) return;
    account.isArmed = true;
    clock.after(Math.min(waitMs * 2 ** Math.min(account.failures, 10), LONGEST_INTERVAL_MS), () => {
      const late = new AbortController();
      const cancel = clock.after(SEND_MS, () => late.abort());
      void send(realm, account, late.signal).then(() => {
        cancel();
        account.isArmed = false;
        if (isWaiting(account) || account.outbox.size() > 0) arm(realm, account, waitMs);
      });
    });
  }

  async function send(realm: string, account: Account, signal: AbortSignal): Promise<void> {
    if (intervalMs === null) {
      onSent(realm, await account.outbox.send(signal));
      return;
    }
    account.sending = account.sending.then(() => account.outbox.send(signal));
    const isTaken = await account.sending;
    account.failures = isTaken ? 0 : account.failures + 1;
    onSent(realm, isTaken);
  }

  return {
    settled(record) {
      // Of a call that its lock keeps from the store nothing goes there, not even that it was refused.
      if (record.gateway === "" || record.withheld.includes("usage")) return;
      const now = clock.now();
      const account = accounts.get(record.gateway) ?? open(record.gateway);
      addCall(account.tally.sumOf(Math.floor(now / HOUR_MS) * HOUR_MS, usageKeyOf(record)), record);
      for (const incident of incidentsOf(record, now)) {
        const shown = account.incidents.length < MAX_INCIDENTS ? gate(incident) : null;
        if (shown !== null) account.incidents.push(shown);
      }
      arm(record.gateway, account, intervalMs);
    },
    async flush(signal) {
      await Promise.all([...accounts].map(([realm, account]) => send(realm, account, signal)));
    },
    dropped: () => dropped,
  };
}

function isWaiting({ tally, incidents }: Account): boolean {
  return tally.waiting() > 0 || incidents.length > 0;
}
