import { type LinkContext, warn } from "./link-context.ts";
import { byAge, idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { notAmong } from "./not-among.ts";

export type DirectPolicyKind = "BackendCredentialPolicy" | "BackendConnectionPolicy" | "AIBackendPolicy" | "XBackendTrafficPolicy";

/** The policy of one kind that counts for each backend; keys are `XBackend/namespace/name` and `Service/namespace/name`. */
export type DirectPolicies<Kind extends DirectPolicyKind> = ReadonlyMap<string, ManifestOf<Kind>>;

/**
 * Attaches direct policies (GEP-713, merge strategy None): of two for one backend the older wins, then the first by name.
 * The loser gets `Conflicted` and is not merged in.
 */
export function attachDirectPolicies<Kind extends DirectPolicyKind>(context: LinkContext, kind: Kind): DirectPolicies<Kind> {
  const winners = new Map<string, ManifestOf<Kind>>();
  // The map of a kind holds manifests of that kind; the indexed access only loses which.
  const policies = [...context.set[kind].values()] as ManifestOf<Kind>[];
  for (const policy of policies.sort(byAge)) {
    for (const [index, target] of policy.body.spec.targetRefs.entries()) {
      const id = `${namespaceOf(policy)}/${target.name}`;
      const key = `${target.kind}/${id}`;
      const exists = targetExists(context, target.kind, id);
      const winner = winners.get(key);
      if (!exists) {
        context.conditions.write(policy, key, {
          type: "Accepted",
          status: "False",
          reason: "TargetNotFound",
          message: notAmong(target.kind, namespaceOf(policy), target.name, target.kind === "Service" ? context.set.Service : context.set.XBackend),
        });
      } else if (winner === undefined) {
        winners.set(key, policy);
        context.conditions.approve(policy, key, "Accepted");
      } else if (winner !== policy) {
        context.conditions.write(policy, key, {
          type: "Accepted",
          status: "False",
          reason: "Conflicted",
          message: `${kind} ${idOf(winner)} is older or first by name and counts for ${key}`,
        });
        const undated = winner.createdAt === null || policy.createdAt === null;
        const why = undated ? "by name, because a file carries no creation time; a cluster may choose the other" : "by age";
        warn(
          context,
          policy,
          ["spec", "targetRefs", index],
          `${kind} ${idOf(winner)} already counts for ${key}: it was chosen ${why}`,
          "keep one of the two policies",
        );
      }
    }
  }
  return winners;
}

/** The standard's own policies may name any kind; none but these two is a backend. */
function targetExists(context: LinkContext, kind: string, id: string): boolean {
  if (kind === "XBackend") return context.set.XBackend.has(id);
  return kind === "Service" && context.set.Service.has(id);
}
