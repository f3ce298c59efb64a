/**
 * What is asked of a snapshot or a log without serving: the public face for the command line. It stands apart from `src/index.ts` because a server answers
 * none of it: the build follows imports by file.
 */

export { type AuditReport, createAuditCheck } from "./attribution/audit-check.ts";
export { type ExplainRequest, type Explanation, explain } from "./explain/explain.ts";
export { jurisdictionOf, type ProvenDestination, type ProvenRule, prove, type RegionProof } from "./explain/prove.ts";
export { unattachedLocks } from "./explain/unattached-locks.ts";
export type { PricedCounts, UsageReport } from "./ledger/usage-report.ts";
