import { READ_KINDS } from "../../src/compiler.ts";

/** A kind as the API serves it. */
export interface ResourceKind {
  readonly group: string;
  /** In the order in which they are asked for: the first that the cluster has counts. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Read whole. Secrets and ConfigMaps are not: of those only the ones that manifests name, each by itself. */
export const LISTED_KINDS: readonly ResourceKind[] = READ_KINDS.filter(({ kind }) => !isNamedOnly(kind)).map(asResource);

export const SECRET_KIND: ResourceKind = core("Secret");
export const CONFIG_MAP_KIND: ResourceKind = core("ConfigMap");

function isNamedOnly(kind: string): boolean {
  return kind === "Secret" || kind === "ConfigMap";
}

function core(kind: "Secret" | "ConfigMap"): ResourceKind {
  return { group: "", versions: ["v1"], kind, plural: pluralOf(kind), namespaced: true };
}

function asResource(read: (typeof READ_KINDS)[number]): ResourceKind {
  return { group: read.group, versions: read.versions, kind: read.kind, plural: pluralOf(read.kind), namespaced: read.scope === "Namespaced" };
}

/** As controller-gen forms it: `gatewayclasses`, `regionpolicies`, `gateways`. */
export function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith("s")) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** The path below the server of all objects of a kind, of those of a namespace, or of one object. */
export function resourcePath(kind: ResourceKind, version: string, namespace: string | null, name: string | null): string {
  const root = kind.group === "" ? `/api/${version}` : `/apis/${kind.group}/${version}`;
  const scope = namespace === null ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${kind.plural}${name === null ? "" : `/${encodeURIComponent(name)}`}`;
}

export function apiVersionOf(kind: ResourceKind, version: string): string {
  return kind.group === "" ? version : `${kind.group}/${version}`;
}
