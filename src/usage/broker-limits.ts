import type { Metrics } from "../attribution/metrics.ts";
import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import type { EventSink } from "../model/ports.ts";
import type { LimitDeskOptions, OwnedLimitDesk } from "../policy/limits/create-limit-desk.ts";
import type { LimitDesk } from "../policy/limits/limit-desk.ts";
import type { UsagePorts, UsageStores } from "./usage-stores.ts";

/** The desk of a broker, and what the broker does with it. */
export interface BrokerLimits extends LimitDesk {
  /** Tells the stores everything and gives back what is not needed, within `ms`. Does not close the stores. */
  close(ms: number): Promise<void>;
}

export interface BrokerLimitsOptions extends Pick<LimitDeskOptions, "clock" | "random"> {
  readonly stores: UsageStores;
  readonly timers: UsagePorts["timers"];
  readonly emit: EventSink["emit"];
  readonly metrics: Metrics;
  readonly degraded: DegradedPort;
}

/** The desk is loaded with the first call that a limit is for: a broker without limits never needs it. */
export function createBrokerLimits({ clock, random, stores, timers, emit, metrics, degraded }: BrokerLimitsOptions): BrokerLimits {
  let desk: OwnedLimitDesk | null = null;
  metrics.watchLimits(() => {
    if (desk === null) return {};
    const { accounts, leases } = desk.census();
    return { known: accounts, leased: leases };
  });

  /** An outage of a store is told as an event when it begins and when it ends. */
  function heard(event: EgressEvent): void {
    if (event.type === "limits.unavailable") {
      if (event.data["state"] === "began") degraded.enter("limit_store", event.subject, "unavailable");
      else degraded.leave("limit_store", event.subject);
    }
    emit(event);
  }

  async function open(): Promise<OwnedLimitDesk> {
    const { createLimitDesk } = await import("../policy/limits/create-limit-desk.ts");
    // Not the promise is kept: on Workers one request must not wait for what another began. And there is one desk: it knows what is held.
    desk ??= createLimitDesk({
      clock,
      random,
      stores: stores.of,
      holder: crypto.randomUUID(),
      leases: timers,
      events: { emit: heard },
      onExchange: (_gateway, outcome, ms) => metrics.limitExchange(outcome, ms),
    });
    return desk;
  }

  return {
    hold: (claims, signal) => (desk === null ? open().then((opened) => opened.hold(claims, signal)) : desk.hold(claims, signal)),
    standing: (claims) => desk?.standing(claims) ?? [],
    flush: async (ms) => desk?.flush(ms),
    close: async (ms) => desk?.close(ms),
  };
}
