import type { Backend } from "../model/backend.ts";
import type { LimitRule } from "../model/limit.ts";
import type { CorsRule, RuleTarget, Target, WeightedTarget } from "../model/snapshot.ts";
import type { BackendDirectory } from "./backend-directory.ts";
import { type AuthoredMirror, compileFilters } from "./compile-filters.ts";
import { compileGroup } from "./compile-group.ts";
import { type LinkContext, type Resolved, resolved, type Unresolved, unresolved } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { notAmong } from "./not-among.ts";
import { isPermitted, notPermitted } from "./reference-permission.ts";
import type { BackendRefSpec } from "./standard/http-route.ts";
import { BACKEND_GROUP } from "./standard/standard-kind.ts";

export type TargetEdits = Pick<Target, "requestHeaders" | "responseHeaders" | "rewrite">;

/** What binds all targets of one rule, whatever group they stand in. */
export interface TargetScope {
  readonly routeNamespace: string;
  /** The Gateway's own say (its allowed domains). */
  allow(backend: Backend): Resolved<Backend>;
  /** What limits a destination; `group` is the BackendGroup that it stands in. */
  limitsOf(backend: Backend, group: string | null): readonly LimitRule[];
}

export interface CompiledTargets {
  readonly targets: readonly WeightedTarget[];
  /** Why references of the rule could not be resolved; its ResolvedRefs shows the first. */
  readonly unresolved: readonly Unresolved[];
  /** RequestMirror filters at backendRefs, with what each stands at. */
  readonly mirrors: readonly { readonly target: RuleTarget; readonly authored: readonly AuthoredMirror[] }[];
  /** What all backendRefs agree on; null: they say nothing. */
  readonly cors: CorsRule | null;
}

/** The backendRefs of one rule. A filter that cannot be carried out refuses the rule; a reference that cannot be resolved keeps its weight and answers 500. */
export function compileTargets(
  context: LinkContext,
  backends: BackendDirectory,
  route: ManifestOf<"HTTPRoute">,
  refs: readonly BackendRefSpec[],
  scope: TargetScope,
  prefixOnly: boolean,
): Resolved<CompiledTargets> {
  const failures: Unresolved[] = [];
  const targets: WeightedTarget[] = [];
  const mirrored: { readonly target: RuleTarget; readonly authored: readonly AuthoredMirror[] }[] = [];
  const origins: (CorsRule | null)[] = [];
  for (const ref of refs) {
    const filters = compileFilters(ref.filters ?? [], prefixOnly, context.platform);
    if (!filters.ok) return filters;
    const { requestHeaders, responseHeaders, rewrite, redirect, cors, mirrors, externalAuth } = filters.value;
    if (externalAuth !== null) return unresolved("UnsupportedValue", "ExternalAuth at a backendRef is not carried out by this release: put it on the rule");
    if (ref.weight > 0) origins.push(cors);
    const target = resolveRef(context, backends, route, ref, scope, { requestHeaders, responseHeaders, rewrite });
    // The reference must be good although nothing is sent to it: a typing error in it would go unseen.
    if (target.ok) {
      targets.push({ weight: ref.weight, target: redirect === null ? target.value : { kind: "redirect", redirect } });
      if (mirrors.length > 0) mirrored.push({ target: target.value, authored: mirrors });
    }
    if (!target.ok) {
      failures.push(target);
      targets.push({ weight: ref.weight, target: { kind: "invalid", reason: target.message } });
    }
  }
  const [cors = null, ...others] = origins;
  // A browser asks before anybody knows to whom the call will go.
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(cors)))
    return unresolved("UnsupportedValue", "CORS must be the same at every backendRef, for a preflight comes before one is picked: put it on the rule");
  return resolved({ targets, unresolved: failures, mirrors: mirrored, cors });
}

/** Whom a reference names. `ref` may be that of a mirror, which has no weight and no filters. */
export function resolveRef(
  context: LinkContext,
  backends: BackendDirectory,
  route: ManifestOf<"HTTPRoute">,
  ref: Pick<BackendRefSpec, "group" | "kind" | "namespace" | "name" | "port">,
  scope: TargetScope,
  edits: TargetEdits,
): Resolved<RuleTarget> {
  const namespace = ref.namespace ?? scope.routeNamespace;
  const to = { group: ref.group, kind: ref.kind, namespace, name: ref.name };
  const from = { group: route.group, kind: route.kind, namespace: namespaceOf(route) };
  if (ref.group === BACKEND_GROUP && ref.kind === "XBackend") {
    if (namespace !== scope.routeNamespace) {
      return unresolved(
        "RefNotPermitted",
        `XBackend ${namespace}/${ref.name} is in another namespace: GEP-4894 allows no other than the route's, not even with a ReferenceGrant`,
      );
    }
    return asTarget(backends.xBackend(namespace, ref.name), scope, edits);
  }
  const isGroup = ref.group === "spillway.dev" && ref.kind === "BackendGroup";
  if (!isGroup && !(ref.group === "" && ref.kind === "Service")) {
    const group = ref.kind === "XBackend" ? BACKEND_GROUP : ref.kind === "BackendGroup" ? "spillway.dev" : null;
    const what = group === null ? "XBackend, Service or BackendGroup" : `write group: ${group}`;
    return unresolved("InvalidKind", `${ref.kind} (${ref.group || "core"}) is not a backend: ${what}`);
  }
  if (!isPermitted(context, from, to)) return unresolved("RefNotPermitted", notPermitted(from, to));
  if (!isGroup) return asTarget(backends.service(namespace, ref.name, ref.port ?? null), scope, edits);
  const group = context.set.BackendGroup.get(`${namespace}/${ref.name}`);
  if (group === undefined) return unresolved("BackendNotFound", notAmong("BackendGroup", namespace, ref.name, context.set.BackendGroup));
  const compiled = compileGroup(context, backends, group, scope, edits);
  return compiled.ok ? resolved({ kind: "group", group: compiled.value }) : compiled;
}

function asTarget(backend: Resolved<Backend>, scope: TargetScope, edits: TargetEdits): Resolved<RuleTarget> {
  if (!backend.ok) return backend;
  const allowed = scope.allow(backend.value);
  return allowed.ok
    ? resolved({ kind: "backend", target: { backend: backend.value, model: null, ...edits, limits: scope.limitsOf(backend.value, null) } })
    : allowed;
}
