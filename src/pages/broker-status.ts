import type { AuditHead } from "../attribution/audit-chain.ts";
import type { Compiled } from "../config/compile.ts";
import type { SecretStatus } from "../credentials/secret-status.ts";
import type { Degradation } from "../model/degradation.ts";
import type { BackendConcurrency } from "../plan/concurrency.ts";
import type { BackendHealth } from "../plan/health.ts";

/** The state of a broker: no secret, no content. `/-/status` shows it as `describeStatus` words it. */
export interface BrokerStatus {
  readonly ready: boolean;
  /** What serves, and since when (RFC 3339); null: nothing was loaded yet. */
  readonly snapshot: { readonly id: string; readonly loadedAt: string | null } | null;
  /** Null: the last load was good. `at` is RFC 3339. */
  readonly lastLoadFailed: { readonly at: string; readonly faults: Compiled["faults"] } | null;
  /** The oldest first. */
  readonly degraded: readonly Degradation[];
  readonly conditions: Compiled["conditions"];
  /** Those about which something bad is remembered. */
  readonly backends: readonly BackendHealth[];
  /** Those that had too much to do. */
  readonly concurrency: readonly BackendConcurrency[];
  readonly secrets: readonly SecretStatus[];
  readonly outlets: readonly Readonly<Record<string, string | null>>[];
  readonly notices: readonly string[];
  /** Null: there is no audit log. */
  readonly audit: AuditHead | null;
  readonly regionData: { readonly checkedAt: string; readonly sources: readonly string[] };
}
