import type { MirrorRule, RuleTarget, Target } from "../model/snapshot.ts";
import type { BackendDirectory } from "./backend-directory.ts";
import type { AuthoredMirror } from "./compile-filters.ts";
import { resolveRef, type TargetScope } from "./compile-targets.ts";
import { type LinkContext, type Resolved, resolved, type Unresolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

export interface CompiledMirrors {
  readonly mirrors: readonly MirrorRule[];
  /** References that cannot be resolved: the standard leaves such a mirror out, and says so in ResolvedRefs. */
  readonly unresolved: readonly Unresolved[];
}

const NO_EDITS = { requestHeaders: null, responseHeaders: null, rewrite: null };

/** The targets of a backendRef: one, or all members of a group. */
export function targetsOf(target: RuleTarget): readonly Target[] {
  if (target.kind === "backend") return [target.target];
  return target.kind === "group" ? target.group.tiers.flatMap((tier) => tier.targets.map((member) => member.target)) : [];
}

/** RequestMirror filters of one rule, or with `beside` of one backendRef. A share that makes no sense refuses the rule; a reference that cannot be resolved does not. */
export function compileMirrors(
  context: LinkContext,
  backends: BackendDirectory,
  route: ManifestOf<"HTTPRoute">,
  authored: readonly AuthoredMirror[],
  scope: TargetScope,
  beside: readonly Target[] | null,
): Resolved<CompiledMirrors> {
  const mirrors: MirrorRule[] = [];
  const failures: Unresolved[] = [];
  for (const mirror of authored) {
    const share = compileShare(mirror);
    if (!share.ok) return share;
    const target = resolveRef(context, backends, route, mirror.backendRef, scope, NO_EDITS);
    if (!target.ok) failures.push(target);
    else if (target.value.kind !== "backend")
      failures.push(unresolved("InvalidKind", `a mirror is one backend: ${mirror.backendRef.kind} ${mirror.backendRef.name} is not`));
    else mirrors.push({ target: target.value.target, beside, ...share.value });
  }
  return resolved({ mirrors, unresolved: failures });
}

function compileShare({ percent, fraction }: AuthoredMirror): Resolved<Pick<MirrorRule, "numerator" | "denominator">> {
  if (percent !== undefined && fraction !== undefined)
    return unresolved("UnsupportedValue", "requestMirror.percent and requestMirror.fraction exclude each other");
  const numerator = fraction?.numerator ?? percent ?? 100;
  const denominator = fraction?.denominator ?? 100;
  if (numerator < 0 || denominator < 1 || numerator > denominator)
    return unresolved("UnsupportedValue", "the share of a requestMirror must be from none to all");
  return resolved({ numerator, denominator });
}
