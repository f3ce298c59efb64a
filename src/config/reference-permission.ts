import type { LinkContext } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";

/** Who refers. */
export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** To what. */
export interface Referent extends Referrer {
  readonly name: string;
}

/** Whether the reference stays in its namespace or a ReferenceGrant there allows it. Without a grant: no. */
export function isPermitted(context: LinkContext, from: Referrer, to: Referent): boolean {
  if (from.namespace === to.namespace) return true;
  for (const grant of context.set.ReferenceGrant.values()) {
    if (namespaceOf(grant) !== to.namespace) continue;
    const { spec } = grant.body;
    const fromFits = spec.from.some((entry) => entry.group === from.group && entry.kind === from.kind && entry.namespace === from.namespace);
    if (fromFits && spec.to.some((entry) => entry.group === to.group && entry.kind === to.kind && (entry.name === undefined || entry.name === to.name)))
      return true;
  }
  return false;
}

/** What is said then, with the grant that would do. */
export function notPermitted(from: Referrer, to: Referent): string {
  const grant = `from: [{group: ${from.group}, kind: ${from.kind}, namespace: ${from.namespace}}], to: [{group: ${to.group || '""'}, kind: ${to.kind}}]`;
  return `${to.kind} ${to.namespace}/${to.name} is in another namespace and no ReferenceGrant there allows the reference; one would say ${grant}`;
}
