import type { ManifestDocument } from "./document.ts";

/** One object, understood: its body is checked against its kind, and its document says where each field stands. */
export interface Manifest<Body = unknown> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Null for cluster-scoped kinds; `default` where a namespaced manifest has none, as the API server does. */
  readonly namespace: string | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; files usually have none. */
  readonly createdAt: string | null;
  readonly generation: number;
  readonly body: Body;
  readonly document: ManifestDocument;
}

/** The namespace of an object of a namespaced kind. */
export function namespaceOf(manifest: Manifest): string {
  return manifest.namespace ?? "";
}

/** `namespace/name`, or the name alone for cluster-scoped kinds. */
export function idOf(manifest: Pick<Manifest, "namespace" | "name">): string {
  return manifest.namespace === null ? manifest.name : `${manifest.namespace}/${manifest.name}`;
}

/** Established order (GEP-713): older first, then `namespace/name`. Without a time an object counts as youngest, for files carry none. */
export function byAge(left: Manifest, right: Manifest): number {
  return compareTimes(left.createdAt, right.createdAt) || compareText(idOf(left), idOf(right));
}

function compareTimes(left: string | null, right: string | null): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return Date.parse(left) - Date.parse(right) || 0;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
