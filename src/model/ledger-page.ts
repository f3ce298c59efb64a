/** The pages that tell what the stores hold: `/-/usage`, `/-/incidents`, `/-/limits`. */
export const LEDGER_PAGES = ["usage", "incidents", "limits"] as const;
export type LedgerPage = (typeof LEDGER_PAGES)[number];

/** A request for a page, from somebody who may read it. */
export interface PageRequest {
  readonly page: LedgerPage;
  readonly search: URLSearchParams;
  /** The header `Accept`, or empty. */
  readonly accept: string;
}

/** What is answered, whole. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
