import { type CompiledGroup, DEFAULT_HEALTH, type Target } from "../model/snapshot.ts";
import type { BackendDirectory } from "./backend-directory.ts";
import type { TargetEdits, TargetScope } from "./compile-targets.ts";
import { durationMs } from "./duration.ts";
import { type LinkContext, type Resolved, resolved, unresolved, warn } from "./link-context.ts";
import { idOf, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { isPermitted, notPermitted } from "./reference-permission.ts";

type Member = ManifestOf<"BackendGroup">["body"]["spec"]["tiers"][number]["backends"][number];

/**
 * A BackendGroup as one rule sees it. A member that cannot be used is left out and the group says `Degraded`: its share goes to the others,
 * which the group names as equals. A group without any usable member cannot be used.
 */
export function compileGroup(
  context: LinkContext,
  backends: BackendDirectory,
  group: ManifestOf<"BackendGroup">,
  scope: TargetScope,
  edits: TargetEdits,
): Resolved<CompiledGroup> {
  const { spec } = group.body;
  const problems: string[] = [];
  const tiers = spec.tiers.map((tier) => ({
    name: tier.name,
    targets: tier.backends.flatMap((member) => {
      const target = compileMember(context, backends, group, member, scope, edits);
      if (target.ok) return [{ weight: member.weight, target: target.value }];
      problems.push(target.message);
      context.conditions.write(group, null, { type: "ResolvedRefs", status: "False", reason: target.reason, message: target.message });
      return [];
    }),
  }));
  const usable = tiers.filter((tier) => tier.targets.some((target) => target.weight > 0));
  if (usable.length === 0) return unresolved("BackendNotFound", `BackendGroup ${idOf(group)} has no usable backend: ${problems[0] ?? "all weights are 0"}`);
  if (problems.length > 0) {
    context.conditions.write(group, null, {
      type: "Degraded",
      status: "True",
      reason: "MembersMissing",
      message: `${problems.length} of its backends cannot be used`,
    });
  }
  for (const [index, status] of (spec.failover?.statusCodes ?? []).entries()) {
    if (status >= 500 || status === 408 || status === 429) continue;
    const message = `${status} is the caller's own fault, and the same at every backend: it sends no call on`;
    warn(context, group, ["spec", "failover", "statusCodes", index], message, "remove it");
  }
  return resolved({
    id: idOf(group),
    tiers: usable,
    failover: {
      statusCodes: new Set(spec.failover?.statusCodes ?? []),
      firstByteMs: spec.failover?.firstByteTimeout === undefined ? null : durationMs(spec.failover.firstByteTimeout) || null,
      attemptsPerTier: spec.failover?.attemptsPerTier ?? null,
    },
    health:
      spec.health === undefined
        ? DEFAULT_HEALTH
        : {
            consecutiveFailures: spec.health.consecutiveFailures,
            evictForMs: durationMs(spec.health.evictFor),
            maxEvictForMs: Math.max(durationMs(spec.health.maxEvictFor), durationMs(spec.health.evictFor)),
          },
  });
}

function compileMember(
  context: LinkContext,
  backends: BackendDirectory,
  group: ManifestOf<"BackendGroup">,
  member: Member,
  scope: TargetScope,
  edits: TargetEdits,
): Resolved<Target> {
  const ref = member.backendRef;
  const namespace = ref.namespace ?? namespaceOf(group);
  if (ref.kind === "XBackend" && namespace !== scope.routeNamespace) {
    return unresolved(
      "RefNotPermitted",
      `XBackend ${namespace}/${ref.name} is not in the route's namespace ${scope.routeNamespace}: GEP-4894 allows no other, not even with a ReferenceGrant`,
    );
  }
  const to = { group: ref.group, kind: ref.kind, namespace, name: ref.name };
  const from = { group: group.group, kind: group.kind, namespace: namespaceOf(group) };
  if (!isPermitted(context, from, to)) return unresolved("RefNotPermitted", notPermitted(from, to));
  const backend = ref.kind === "XBackend" ? backends.xBackend(namespace, ref.name) : backends.service(namespace, ref.name, ref.port ?? null);
  if (!backend.ok) return backend;
  const allowed = scope.allow(backend.value);
  if (!allowed.ok) return allowed;
  return resolved({ backend: backend.value, model: member.model ?? null, ...edits, limits: scope.limitsOf(backend.value, idOf(group)) });
}
