import type { ConditionBook } from "./conditions.ts";
import { type FieldPath, faultAt } from "./document.ts";
import type { Fault } from "./fault.ts";
import type { Manifest } from "./manifest.ts";
import type { ManifestSet } from "./manifest-set.ts";
import type { Platform } from "./platform.ts";

/** What every step after validation reads from and writes to. */
export interface LinkContext {
  readonly set: ManifestSet;
  readonly platform: Platform;
  readonly conditions: ConditionBook;
  /** Warnings found while linking. */
  readonly faults: Fault[];
}

/** A thing that was found and may be used, or why not: `reason` for a condition, `message` for people. */
export type Resolved<Value> = { readonly ok: true; readonly value: Value } | Unresolved;

export interface Unresolved {
  readonly ok: false;
  readonly reason: string;
  readonly message: string;
}

export function resolved<Value>(value: Value): Resolved<Value> {
  return { ok: true, value };
}

export function unresolved(reason: string, message: string): Unresolved {
  return { ok: false, reason, message };
}

export function warn(context: LinkContext, manifest: Manifest, path: FieldPath, message: string, advice: string | null = null): void {
  context.faults.push(faultAt(manifest.document, path, { severity: "warning", message, advice }));
}
