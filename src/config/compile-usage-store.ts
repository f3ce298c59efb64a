import type { UsageStorePlan } from "../model/limit.ts";
import { compileSecret } from "./compile-secret.ts";
import type { BrokerConfigSpec } from "./kinds/broker-config.ts";
import { type LinkContext, type Resolved, resolved, unresolved, warn } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

type AuthoredStore = NonNullable<NonNullable<BrokerConfigSpec["limits"]>["store"]>;

const KINDS: readonly UsageStorePlan["kind"][] = ["memory", "redis", "dynamodb", "durableObject"];
const ON_WORKERS: ReadonlySet<UsageStorePlan["kind"]> = new Set(["memory", "durableObject"]);
const ELSEWHERE: ReadonlySet<UsageStorePlan["kind"]> = new Set(["memory", "redis", "dynamodb"]);

/** Where limits are counted, as BrokerConfig says it; null: it says nothing. A store that the platform cannot reach is refused: limits that nobody counts are none. */
export function compileUsageStore(context: LinkContext, manifest: ManifestOf<"BrokerConfig">): Resolved<UsageStorePlan | null> {
  const authored = manifest.body.spec.limits?.store;
  if (authored === undefined) return resolved(null);
  const [kind] = KINDS.filter((one) => authored[one] !== undefined);
  const usable = context.platform.name === "workers" ? ON_WORKERS : ELSEWHERE;
  // Before any secret is looked for: on a platform without Redis its place would be the wrong thing to mend.
  if (kind === undefined) return unresolved("Invalid", "limits.store names no store");
  if (!usable.has(kind))
    return unresolved("UnsupportedOnPlatform", `limits.store: ${kind} cannot be used on ${context.platform.name}: write ${[...usable].join(" or ")}`);
  if (kind === "memory" && context.platform.name !== "knative") {
    const better = context.platform.name === "workers" ? "durableObject" : "dynamodb or redis";
    warn(
      context,
      manifest,
      ["spec", "limits", "store", "memory"],
      `every instance on ${context.platform.name} counts for itself, and forgets when it ends: a limit is granted as often as there are instances`,
      `use ${better}`,
    );
  }
  const plan = planOf(context, manifest, authored);
  return plan.ok ? plan : unresolved(plan.reason, `limits.store: ${plan.message}`);
}

function planOf(context: LinkContext, manifest: ManifestOf<"BrokerConfig">, { redis, dynamodb, durableObject }: AuthoredStore): Resolved<UsageStorePlan> {
  if (redis !== undefined) {
    const url = compileSecret(context, redis.urlRef, { group: manifest.group, kind: manifest.kind, namespace: namespaceOf(manifest) });
    return url.ok ? resolved({ kind: "redis", url: url.value }) : url;
  }
  if (dynamodb !== undefined) return resolved({ kind: "dynamodb", table: dynamodb.table, region: dynamodb.region ?? null });
  if (durableObject !== undefined) return resolved({ kind: "durableObject", binding: durableObject.binding, jurisdiction: durableObject.jurisdiction ?? null });
  return resolved({ kind: "memory" });
}
