import type { Attestation, Located } from "../../model/region.ts";
import type { Finding } from "./finding.ts";
import type { ViewedRequest } from "./viewed-request.ts";

/** What the door knows of one provider. */
export interface ProviderRule {
  /** First part of the names of its rules. */
  readonly provider: string;
  /** Whether the host is this provider's. */
  owns(hostname: string): boolean;
  /** Where a request to such a host is processed. Its body is readable when this is called. */
  locate(request: ViewedRequest & { readonly body: Exclude<ViewedRequest["body"], "unreadable"> }, attestations: readonly Attestation[]): Finding;
  /** Every place that `locate` can find for this host, whatever the request. */
  reach(hostname: string, attestations: readonly Attestation[]): readonly Located[];
  /** Whether an attestation of where the whole host processes can count for some request. */
  attestable(hostname: string): boolean;
  /** Query parameters that requests may carry. */
  readonly parameters: ReadonlySet<string>;
  /** The body's fields that need no attestation, by the path; null: the rule knows none for this path, so that a request with a body is denied. */
  fieldsOf(request: ViewedRequest): ReadonlySet<string> | null;
}
