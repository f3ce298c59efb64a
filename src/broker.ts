import { createAuditLog } from "./attribution/audit-log.ts";
import { type Attribution, createAttribution } from "./attribution/create-attribution.ts";
import { createDegradations } from "./attribution/create-degradations.ts";
import { type BrokerEvents, createBrokerEvents } from "./broker-events.ts";
import type { BrokerPorts } from "./broker-ports.ts";
import { describeOutlets, type Outlets, outletNotices } from "./call/guard-outlets.ts";
import { createOpenCalls } from "./call/open-calls.ts";
import { shedCall, tellOfOverload } from "./call/shed-call.ts";
import type { Stages } from "./call/stages.ts";
import type { Compiled } from "./config/compile.ts";
import { createCallerTokens } from "./credentials/caller-tokens.ts";
import { createSecrets } from "./credentials/create-secrets.ts";
import { createIdentityForwarder } from "./credentials/forwarded-identity.ts";
import { nameOfNotice, noticeMatches } from "./credentials/notice-matches.ts";
import { createRotationWatch } from "./credentials/rotation-watch.ts";
import { identifySender, isOperator } from "./identify-sender.ts";
import { createIdentity } from "./identity/create-identity.ts";
import { countBy } from "./lib/count-by.ts";
import type { EgressEvent } from "./model/event.ts";
import type { Exchange } from "./model/exchange.ts";
import type { HeaderList } from "./model/http.ts";
import { REGION_DATA_CHECKED_AT, REGION_DATA_SOURCES } from "./model/region-data.ts";
import type { RotationNotice } from "./model/rotation.ts";
import type { Snapshot } from "./model/snapshot.ts";
import type { BrokerStatus } from "./pages/broker-status.ts";
import { createUsagePages, type UsagePages } from "./pages/usage-pages.ts";
import { runCall } from "./pipeline.ts";
import { createConcurrency } from "./plan/concurrency.ts";
import { createMirrorGate } from "./plan/mirror-gate.ts";
import { createRetryBudget } from "./plan/retry-budget.ts";
import { createTenantHealth } from "./plan/tenant-health.ts";
import { CLOSED_DESK } from "./policy/limits/closed-desk.ts";
import { createTokenRatios } from "./policy/limits/token-ratios.ts";
import { createControlCall } from "./transport/control-call.ts";
import { createBrokerLedger } from "./usage/broker-ledger.ts";
import { createBrokerLimits } from "./usage/broker-limits.ts";
import { createCallPrices } from "./usage/call-prices.ts";
import { limitRulesOf } from "./usage/limit-rules.ts";
import { createUsageStores, type ReadSecret } from "./usage/usage-stores.ts";

/** A running broker: one a process or isolate. */
export interface Broker {
  /** Takes one call through the ten stages. Never rejects. */
  handle(exchange: Exchange): Promise<void>;
  /** Swaps in what `compile` or `readBundle` gave. What could not be compiled changes nothing: the last good snapshot goes on serving. */
  load(compiled: Compiled): void;
  /** True while a snapshot serves, `retire` was not called, and the instance is not overloaded. */
  ready(): boolean;
  /** From now on not ready; calls under way go on. */
  retire(): void;
  /** What serves, the last good one; null: nothing was loaded yet. */
  loaded(): Compiled | null;
  status(): BrokerStatus;
  /** What of the manifests will refuse every call for where this broker's telemetry and events go; one sentence each. */
  notices(): readonly string[];
  /** Prometheus text 0.0.4. */
  metricsText(): string;
  readonly attribution: Attribution;
  /** For the TLS code of a platform. */
  readonly readSecret: ReadSecret;
  /** Whether the credential in these headers belongs to a caller of a Gateway's own namespace. Never rejects. */
  authorize(headers: HeaderList, authority: string): Promise<boolean>;
  /** Null: the platform has given no `events`. */
  readonly events: BrokerEvents | null;
  /** Tells the stores what was used. Resolves when that is done, or has failed and will be tried again with the next flush, or the signal aborts. Never rejects. */
  flushUsage(signal: AbortSignal): Promise<void>;
  /** `/-/usage`, `/-/incidents` and `/-/limits`; null: the platform keeps no usage. */
  readonly usagePages: UsagePages | null;
  /** Closes pools and stores; what was used must have been flushed. Call after the last call has ended. */
  close(): Promise<void>;
}

/** What the last words to a store of limits may take. Milliseconds. */
const FLUSH_MS = 2_000;

/** Puts the stages together around the ports of one platform. */
export function createBroker(ports: BrokerPorts): Broker {
  const { clock, random, transport, shareFlights = true, events: eventPorts = null } = ports;
  const emit = (event: EgressEvent) => ports.sink.emit(event);
  const { sink, log, digest, pressure = null } = ports;
  const degraded = ports.degradations ?? createDegradations(clock, null);
  const audit = ports.audit === undefined ? null : createAuditLog({ ...ports.audit, clock, sink, log, ...(digest === undefined ? {} : { digest }) });
  const readSecret: ReadSecret = async (reference, signal) => (secrets.peek(reference) ?? (await secrets.read(reference, signal))).secret;
  const usageStores = ports.usage === undefined ? null : createUsageStores({ open: ports.usage.open, readSecret, shareFlights });
  const outlets: Outlets = { all: ports.outlets, usageOf: (plan) => ports.usage?.outlet(plan) ?? null };
  const ledger =
    usageStores === null
      ? null
      : createBrokerLedger({
          clock,
          stores: usageStores.of,
          ...(ports.usage?.timers === false ? { intervalMs: null } : {}),
          onSent: (gateway, isTaken) => (isTaken ? degraded.leave("usage_store", gateway) : degraded.enter("usage_store", gateway, "unavailable")),
          onLoss: (gateway, calls) => log?.(JSON.stringify({ time: new Date(clock.now()).toISOString(), level: "warn", msg: "usage lost", gateway, calls })),
        });
  const attribution = createAttribution({
    clock,
    tracer: ports.tracer,
    sink,
    log,
    schedule: ports.schedule,
    conventions: ports.conventions ?? "1.41",
    ...(audit === null ? {} : { audit }),
    ...(ledger === null ? {} : { countUsage: ledger.settled }),
  });
  const limits =
    usageStores === null || ports.usage === undefined
      ? null
      : createBrokerLimits({ clock, random, stores: usageStores, timers: ports.usage.timers, emit, metrics: attribution.metrics, degraded });
  const flushUsage = async (signal: AbortSignal): Promise<void> => void (await Promise.all([limits?.flush(FLUSH_MS), ledger?.flush(signal)]));
  if (ledger !== null) attribution.metrics.watchDrops(() => ({ usage: ledger.dropped() }));
  const drop = (notice: RotationNotice | null): void => {
    secrets.invalidate((reference) => notice === null || noticeMatches(notice, reference.location));
    if (notice !== null) emit({ type: "credential.rotated", time: clock.now(), subject: nameOfNotice(notice), data: { provider: notice.provider } });
  };
  const watch = eventPorts?.state.shared === true ? createRotationWatch({ store: eventPorts.state, clock, drop }) : null;
  const { cache: secrets, signer } = createSecrets({
    stores: ports.secretStores,
    clock,
    random,
    emit,
    degraded,
    shareFlights,
    call: createControlCall(transport, clock),
    ...(watch === null ? {} : { watch }),
  });
  attribution.metrics.watchDegraded(degraded.list);
  attribution.metrics.watchSecrets(() => countBy(secrets.status().map((secret) => secret.state)));
  const identity = createIdentity({
    clock,
    documents: ports.documents,
    readSecret,
    shareFlights,
    degraded,
    ...(ports.digest === undefined ? {} : { digest: ports.digest }),
    ...(ports.tokenReviewer === undefined ? {} : { tokenReviewer: ports.tokenReviewer }),
  });
  const health = createTenantHealth(clock, random, emit, degraded);
  const concurrency = createConcurrency(clock);
  const stages: Stages = {
    clock,
    random,
    identity,
    secrets,
    callerTokens: createCallerTokens(),
    signer,
    forwarder: createIdentityForwarder({ clock, shareFlights }),
    openCalls: createOpenCalls(),
    concurrency,
    health,
    budget: createRetryBudget(clock),
    mirrors: createMirrorGate(),
    transport,
    attribution,
    limits: ports.limits ?? limits ?? CLOSED_DESK,
    tokenRatios: createTokenRatios(),
    prices: createCallPrices(ports.prices ?? null),
    outlets,
    degraded,
    emit,
  };
  let snapshot: Snapshot | null = null;
  let loaded: Compiled | null = null;
  let loadedAt: number | null = null;
  let failedLoad: { readonly at: number; readonly faults: Compiled["faults"] } | null = null;
  let retired = false;
  const handle = (exchange: Exchange): Promise<void> => {
    return pressure === null || pressure.admits() ? runCall(stages, snapshot, exchange) : shedCall(exchange, attribution.metrics);
  };
  const ready = (): boolean => snapshot !== null && !retired && (pressure?.overload() ?? null) === null;
  if (pressure !== null) tellOfOverload(pressure, { clock, emit, degraded });
  const events =
    eventPorts === null
      ? null
      : createBrokerEvents({
          ...eventPorts,
          clock,
          handle,
          drop,
          watch,
          snapshot: () => snapshot,
          identify: (delivery) => identifySender(identity, snapshot, "/-/events", delivery),
          isOperator: (caller) => isOperator(snapshot, caller),
        });

  return {
    attribution,
    events,
    handle,
    load: (compiled) => {
      const now = clock.now();
      for (const event of compiled.events) emit({ ...event, time: now });
      if (compiled.snapshot === null) {
        failedLoad = { at: now, faults: compiled.faults };
        attribution.metrics.configLoad(false, now);
        degraded.enter("config", "instance", "rejected", { detail: `${faultsOf(compiled)} in what was read last` });
        emit({ type: "config.rejected", time: now, subject: snapshot?.id ?? "none", data: { faults: compiled.faults.length } });
        return;
      }
      const next = compiled.snapshot;
      snapshot = next;
      loaded = compiled;
      loadedAt = now;
      failedLoad = null;
      const keys = new Set(next.backends.keys());
      health.retain(keys);
      concurrency.retain(keys);
      usageStores?.load(next);
      attribution.metrics.configLoad(true, now);
      degraded.leave("config", "instance");
      // Nobody calls what is gone, so that no good call would end it.
      const gateways = new Set(next.gateways.map(({ id }) => id));
      for (const { part, subject } of degraded.list()) {
        const known = part === "revocation_list" ? keys : part === "usage_store" || part === "limit_store" ? gateways : null;
        if (known?.has(subject) === false) degraded.leave(part, subject);
      }
      emit({
        type: "config.loaded",
        time: now,
        subject: next.id,
        data: { gateways: next.gateways.length, backends: next.backends.size, notices: outletNotices(outlets, next) },
      });
    },
    ready,
    retire: () => {
      retired = true;
    },
    loaded: () => loaded,
    status: () => ({
      ready: ready(),
      snapshot: snapshot === null ? null : { id: snapshot.id, loadedAt: loadedAt === null ? null : new Date(loadedAt).toISOString() },
      lastLoadFailed: failedLoad === null ? null : { at: new Date(failedLoad.at).toISOString(), faults: failedLoad.faults },
      degraded: degraded.list(),
      conditions: loaded?.conditions ?? [],
      backends: health.snapshot(),
      concurrency: concurrency.snapshot(),
      secrets: secrets.status(),
      outlets: describeOutlets(outlets, snapshot),
      notices: snapshot === null ? [] : outletNotices(outlets, snapshot),
      audit: audit?.head() ?? null,
      regionData: { checkedAt: REGION_DATA_CHECKED_AT, sources: REGION_DATA_SOURCES },
    }),
    notices: () => (snapshot === null ? [] : outletNotices(outlets, snapshot)),
    metricsText: () => attribution.metrics.metricsText(),
    readSecret,
    authorize: async (headers, authority) => {
      const caller = await identifySender(identity, snapshot, "/-/status", { headers, authority, principal: null });
      return caller !== null && caller !== "unknown" && isOperator(snapshot, caller);
    },
    flushUsage,
    usagePages:
      usageStores === null || ledger === null
        ? null
        : createUsagePages({
            clock,
            gateways: () => snapshot?.gateways.map(({ id }) => id) ?? [],
            stores: usageStores.of,
            rules: () => (snapshot === null ? [] : limitRulesOf(snapshot)),
            flush: flushUsage,
          }),
    close: async () => {
      await transport.close();
      await limits?.close(FLUSH_MS);
      await usageStores?.close();
      await eventPorts?.answers?.close();
      await eventPorts?.state.close();
    },
  };
}

function faultsOf({ faults }: Compiled): string {
  return faults.length === 1 ? "1 fault" : `${faults.length} faults`;
}
