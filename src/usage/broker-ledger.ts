import type { LedgerOptions, UsageLedger } from "../ledger/create-ledger.ts";
import type { CallRecord } from "../model/call-record.ts";

/** Calls that may wait while the ledger is being loaded, which takes milliseconds. */
const MAX_WAITING = 4_096;

/** The ledger is loaded with the first call that has ended: no call waits for it, and nor does a start. */
export function createBrokerLedger(options: LedgerOptions): UsageLedger {
  let ledger: UsageLedger | null = null;
  let waiting: CallRecord[] = [];
  let dropped = 0;

  async function open(): Promise<UsageLedger> {
    const { createLedger } = await import("../ledger/create-ledger.ts");
    // Not the promise is kept: on Workers one request must not wait for what another began. And there is one ledger: it knows what was not told yet.
    ledger ??= createLedger(options);
    const early = waiting;
    waiting = [];
    for (const record of early) ledger.settled(record);
    return ledger;
  }

  return {
    settled(record) {
      if (ledger !== null) {
        ledger.settled(record);
        return;
      }
      if (waiting.length >= MAX_WAITING) {
        dropped += 1;
        return;
      }
      waiting.push(record);
      // What cannot be loaded now is tried again with the next flush.
      if (waiting.length === 1) open().catch(() => {});
    },
    async flush(signal) {
      if (ledger === null && waiting.length === 0) return;
      const opened = ledger ?? (await open().catch(() => null));
      await opened?.flush(signal);
    },
    dropped: () => dropped + (ledger?.dropped() ?? 0),
  };
}
