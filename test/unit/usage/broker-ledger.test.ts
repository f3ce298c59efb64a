import { expect, it } from "vitest";
import { createBrokerLedger } from "../../../src/usage/broker-ledger.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { createUsageRecords } from "../../fakes/usage-records.ts";
import { recordOf } from "../attribution/fixtures.ts";

const soon = () => AbortSignal.timeout(5_000);

it("counts the calls that ended before the ledger was loaded, and those after", async () => {
  const store = createUsageRecords();
  const ledger = createBrokerLedger({ clock: createFakeClock(), stores: () => store });
  await ledger.flush(soon());
  for (let index = 0; index < 3; index += 1) ledger.settled(recordOf());
  await ledger.flush(soon());
  ledger.settled(recordOf());
  await ledger.flush(soon());
  expect(store.total().requests).toBe(4);
  expect(ledger.dropped()).toBe(0);
});

it("what cannot wait is counted as dropped", async () => {
  const store = createUsageRecords();
  const ledger = createBrokerLedger({ clock: createFakeClock(), stores: () => store });
  for (let index = 0; index < 5_000; index += 1) ledger.settled(recordOf());
  await ledger.flush(soon());
  expect([store.total().requests, ledger.dropped()]).toEqual([4_096, 904]);
});
