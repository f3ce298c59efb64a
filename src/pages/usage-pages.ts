import type { LedgerSources } from "../ledger/answer-page.ts";
import type { PageAnswer, PageRequest } from "../model/ledger-page.ts";

/** Answers a request for `/-/usage`, `/-/incidents` or `/-/limits` by somebody who may read them. Never rejects but where the pages cannot be loaded. */
export type UsagePages = (request: PageRequest) => Promise<PageAnswer>;

/** The pages load with the first request for one: no call needs them. */
export function createUsagePages(sources: Omit<LedgerSources, "readAccount">): UsagePages {
  return async (request) => {
    const [{ answerPage }, { readAccountName }] = await Promise.all([import("../ledger/answer-page.ts"), import("../policy/limits/account-name.ts")]);
    return answerPage(request, { ...sources, readAccount: readAccountName });
  };
}
