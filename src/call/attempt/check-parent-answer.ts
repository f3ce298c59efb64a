import type { Cleared } from "../../model/cleared.ts";
import type { Answer } from "../../model/outcome.ts";
import type { RegionEvidence } from "../../model/region.ts";
import { allowsPlace } from "../../model/weigh.ts";
import { readEgressRegion } from "../../transport/egress-region.ts";

/**
 * What the answer of a parent says of the place where the call was processed, weighed by the call's lock. Null: nothing new. The decision is
 * `violated` where the answer says that it was outside, or says nothing although it has to: then nothing of it may be handed on.
 */
export function checkParentAnswer(cleared: Cleared, answer: Answer): RegionEvidence | null {
  const { lock, evidence } = cleared;
  const { parent } = cleared.target.backend;
  if (parent === null || parent.region === "Ignore") return null;
  const said = readEgressRegion(answer.headers, evidence.evidence === "none" ? "label" : evidence.evidence);
  if (lock === null) return said === null || said === "nowhere" ? null : { ...said, decision: "unlocked", policies: [] };
  const policies = lock.constraints.map((constraint) => constraint.policy);
  // The parent has refused the call itself; a good answer that nobody gave is a contradiction.
  if (said === "nowhere" && answer.status >= 300) return null;
  if (said === null && parent.region === "Prefer") return null;
  const silent = { countries: null, regions: [], evidence: "none", rule: "parent.answer", checkedAt: null } as const;
  if (said === null || said === "nowhere") {
    return { ...silent, decision: "violated", policies, reason: "the parent's answer does not say where the call was processed" };
  }
  const against = lock.constraints.find((constraint) => !allowsPlace(constraint, said.regions, said.countries ?? []));
  if (against === undefined) return { ...said, checkedAt: evidence.checkedAt, decision: "allow", policies };
  return { ...said, decision: "violated", policies: [against.policy], reason: `${said.reason}, which RegionPolicy ${against.policy} does not allow` };
}
