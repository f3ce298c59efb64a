import { selects } from "./label-selector.ts";
import type { LinkContext } from "./link-context.ts";
import type { ListenerNamespaces } from "./standard/gateway.ts";

/** Whether a rule of an object in `own` takes in objects of `namespace`. `from` left out is `Same`; one that is not known takes in nothing. */
export function takesNamespace(context: LinkContext, rule: ListenerNamespaces, own: string, namespace: string): boolean {
  const { from = "Same", selector } = rule;
  if (from === "All") return true;
  if (from === "Same") return namespace === own;
  // A namespace that is not among the manifests has no known labels, so no selector takes it in; without a selector nothing is taken in either.
  const labels = context.set.Namespace.get(namespace)?.labels;
  if (from !== "Selector" || selector === undefined || labels === undefined) return false;
  return selects(selector, { "kubernetes.io/metadata.name": namespace, ...labels });
}
