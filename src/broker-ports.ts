import type { Tracer } from "./attribution/create-attribution.ts";
import type { Degradations } from "./attribution/create-degradations.ts";
import type { GenAiConventions } from "./attribution/semconv.ts";
import type { EventPorts } from "./broker-events.ts";
import type { AuditPorts } from "./model/audit.ts";
import type { Outlet } from "./model/outlet.ts";
import type { Clock, DocumentFetcher, EventSink, Pressure, Random, SecretStore, TokenReviewer, Transport } from "./model/ports.ts";
import type { LimitDesk } from "./policy/limits/limit-desk.ts";
import type { LoadPriceBook } from "./pricing/create-pricing.ts";
import type { UsagePorts } from "./usage/usage-stores.ts";

/** All that a platform chooses; the broker has no clock, socket or environment of its own. */
export interface BrokerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly secretStores: readonly SecretStore[];
  readonly documents: DocumentFetcher;
  /** Loads who asks the cluster about tokens, with the first one that an issuer wants asked about. Left out: callers of such issuers get not_ready. */
  readonly tokenReviewer?: () => Promise<TokenReviewer>;
  readonly sink: EventSink;
  /** One finished JSON line a call, without line end; null: no line is made. */
  readonly log: ((line: string) => void) | null;
  /** Runs work soon, off the path of the call that asked. */
  readonly schedule: (work: () => void) => void;
  /** Null: the tracer that `@opentelemetry/api` has registered. */
  readonly tracer: Tracer | null;
  /** Left out: the GenAI conventions that dashboards know (1.41). */
  readonly conventions?: GenAiConventions;
  /** Synchronous sha-256 of UTF-8 text in hex, where the platform has one; else WebCrypto is used. */
  readonly digest?: (text: string) => string;
  /** False on Workers, where a promise that one call began must not be awaited by another. Default true. */
  readonly shareFlights?: boolean;
  /** Where telemetry and events go; a lock may bind them too. */
  readonly outlets: readonly Outlet[];
  /** Where the platform tells of its own parts what is degraded, with a log of its own; left out: the broker tells of its own parts, in `/-/status` and metrics only. */
  readonly degradations?: Degradations;
  /** Left out: there is no audit log. */
  readonly audit?: AuditPorts;
  /** Who counts limits in the place of the broker itself, which counts them in the stores of `usage`. */
  readonly limits?: LimitDesk;
  /** Loads a book of list prices, with the first call that needs it. Left out: only what policies write is known. */
  readonly prices?: LoadPriceBook;
  /** Left out: events are not taken. */
  readonly events?: EventPorts;
  /** Left out: the platform scales by itself, and no call is refused for an overload. */
  readonly pressure?: Pressure;
  /** Left out: no usage is kept, and whatever a limit is for is refused. */
  readonly usage?: UsagePorts;
}
