import type { EvidenceKind, Located } from "../../model/region.ts";
import { unknownPlace } from "../../model/weigh.ts";
import type { FactSource } from "./data/fact-table.ts";

/** What the rule of one provider says of one request. */
export interface Finding {
  readonly located: Located;
  /** Where the place is unknown: a RegionAttestation's `processing` may stand in. Never so for what is documented to go anywhere. */
  readonly attestable: boolean;
}

/** Known. */
export function found(place: Omit<Located, "checkedAt"> & { readonly evidence: Exclude<EvidenceKind, "none"> }, facts: Pick<FactSource, "checkedAt">): Finding {
  return { located: { ...place, checkedAt: facts.checkedAt }, attestable: false };
}

/** Unknown, whatever anybody says. */
export function denied(rule: string, reason: string): Finding {
  return { located: unknownPlace(rule, reason), attestable: false };
}

/** Unknown until an administrator says it. */
export function unproven(rule: string, reason: string): Finding {
  return { located: unknownPlace(rule, reason), attestable: true };
}
