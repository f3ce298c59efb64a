import type { Cleared } from "../model/cleared.ts";
import type { UntrustedReason } from "../model/outcome.ts";
import type { Verdict } from "../plan/judge.ts";
import type { Attempted } from "./attempt/attempt.ts";
import type { Stages } from "./stages.ts";

/** Where the lists themselves are at fault, and not the certificate. */
const LISTS: ReadonlySet<UntrustedReason> = new Set(["crl_expired", "crl_missing", "crl_unavailable"]);

/** Tells operators while a destination does not take the broker's own key, even read anew, or its revocation lists are of no use; and when that is over. */
export function noteStanding({ degraded }: Stages, cleared: Cleared, { outcome, secret }: Attempted, verdict: Verdict): void {
  const { key } = cleared.target.backend;
  if (verdict.health === "good") {
    degraded.leave("revocation_list", key);
    if (secret !== null) degraded.leave("credential", secret.id);
  } else if (outcome.kind === "untrusted" && LISTS.has(outcome.reason)) {
    degraded.enter("revocation_list", key, outcome.reason === "crl_expired" ? "expired" : "unavailable");
  } else if (secret !== null && outcome.kind === "answer" && (outcome.status === 401 || outcome.status === 403) && verdict.action !== "refetch_credential") {
    degraded.enter("credential", secret.id, "refused", { detail: `${key} answered ${outcome.status}` });
  }
}
