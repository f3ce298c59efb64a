import { degradedDocs } from "../attribution/create-degradations.ts";
import { DEGRADATIONS, type Degradation, type DegradedPart, type DegradedReason } from "../model/degradation.ts";
import type { BrokerStatus } from "./broker-status.ts";

/** One line of `degraded` in `/-/status`. */
export interface DescribedDegradation {
  readonly part: DegradedPart;
  readonly subject: string;
  readonly reason: DegradedReason;
  readonly detail: string | null;
  /** RFC 3339. */
  readonly since: string;
  /** RFC 3339: it is tried again then at the earliest; null: with the next call, or by itself. */
  readonly until: string | null;
  /** What callers notice. */
  readonly effect: string;
  /** The section of the documentation that says what to do. */
  readonly docs: string;
}

/** `Broker.status()` as operators read it: what is degraded with its effect, and where to read on. */
export function describeStatus<Status extends Pick<BrokerStatus, "degraded">>(
  status: Status,
): Omit<Status, "degraded"> & { readonly degraded: readonly DescribedDegradation[] } {
  return { ...status, degraded: status.degraded.map(describeDegradation) };
}

function describeDegradation({ since, until, ...entry }: Degradation): DescribedDegradation {
  return {
    ...entry,
    since: new Date(since).toISOString(),
    until: until === null ? null : new Date(until).toISOString(),
    effect: DEGRADATIONS[entry.part].effect,
    docs: degradedDocs(entry.part),
  };
}
