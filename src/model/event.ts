import type { AuditValue } from "./audit.ts";

/** Types of the events that leave the broker; CloudEvents `type` is `dev.spillway.<type>.v1`. */
export type EventType =
  | "egress.denied"
  | "egress.failover"
  | "egress.completed"
  /** A limit is used up: once a limit, account and window. */
  | "limit.exceeded"
  | "limits.unavailable"
  | "audit"
  | "backend.degraded"
  | "backend.recovered"
  | "backend.untrusted"
  /** An answer said that a locked call was processed elsewhere, or did not say where. */
  | "backend.region_violated"
  | "credential.unavailable"
  | "credential.rotated"
  /** The instance refuses a share of new calls: once a beginning, and once an end. */
  | "instance.overloaded"
  | "instance.recovered"
  | "config.loaded"
  | "config.rejected";

/** Something that happened, without secrets and without content. Becomes a CloudEvent at the sink. */
export interface EgressEvent {
  readonly type: EventType;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  /** What it is about: a route, backend or secret id. */
  readonly subject: string;
  readonly data: Readonly<Record<string, AuditValue>>;
}
