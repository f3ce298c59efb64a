import * as z from "zod/mini";
import { metadata } from "./fields.ts";

/** What the broker knows of a kind before it has seen a manifest. */
export interface KindDefinition<Body = unknown> {
  readonly group: string;
  /** All are read the same way; the first is the one to write. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly scope: "Namespaced" | "Cluster";
  /** Of the whole object, `apiVersion` and `metadata` included. */
  readonly schema: z.ZodMiniType<Body>;
}

/** A kind of this project: the one source of its validation, its type, its CRD and its page in docs/manifests.md. */
export interface OwnKind<Spec = unknown> extends KindDefinition<{ readonly spec: Spec }> {
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  /** GEP-713: how the policy attaches; null: not a policy. */
  readonly policy: "Direct" | "Inherited" | null;
  readonly spec: z.ZodMiniType<Spec>;
  /** Columns of `kubectl get`, each with the path of its value. */
  readonly columns: Readonly<Record<string, string>>;
}

export const OWN_GROUP = "spillway.dev";
export const OWN_VERSION = "v1alpha1";

export function ownKind<Spec>(definition: Omit<OwnKind<Spec>, "group" | "versions" | "scope" | "schema">): OwnKind<Spec> {
  return { ...definition, group: OWN_GROUP, versions: [OWN_VERSION], scope: "Namespaced", schema: objectWithSpec(definition.spec) };
}

/** The frame that every object with a spec has. `status` is the API server's and ours, and never read. */
export function objectWithSpec<Spec>(spec: z.ZodMiniType<Spec>) {
  return z.strictObject({ apiVersion: z.string(), kind: z.string(), metadata: metadata(), spec, status: z.optional(z.unknown()) });
}
