import { didYouMean } from "./did-you-mean.ts";
import type { Manifest } from "./manifest.ts";

/** Beyond so many names nobody looks for one that is alike: a large set with many slips would take long. */
const MAX_COMPARED = 1_000;

/** What is said of an object to which a reference leads and which is not there, with the name that was meant. */
export function notAmong(kind: string, namespace: string, name: string, known: ReadonlyMap<string, Manifest>): string {
  return `${kind} ${namespace}/${name} is not among the manifests${alike(namespace, name, known)}`;
}

/**
 * `: did you mean …?` where a name of the same namespace is much like this one, else nothing. Names of other namespaces are never told: who may
 * not refer there may not learn what is there.
 */
export function alike(namespace: string, name: string, known: ReadonlyMap<string, Manifest>): string {
  const names = known.size > MAX_COMPARED ? [] : [...known.values()].flatMap((one) => (one.namespace === namespace ? [one.name] : []));
  const meant = didYouMean(name, names);
  return meant === null ? "" : `: did you mean ${meant}?`;
}
