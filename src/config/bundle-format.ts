import type { CompiledGateway, CompiledListener, CompiledRule, PathMatch, Snapshot, ValueMatch } from "../model/snapshot.ts";
import type { Compiled } from "./compile.ts";
import type { Platform } from "./platform.ts";

/** Changes whenever the snapshot's shape does: a bundle of another format is refused, and is to be compiled anew with this release. */
export const FORMAT = 15;

/** What stands in front of the payload, in plain JSON. */
export interface BundleHead {
  readonly spillwayBundle: number;
  readonly platform: Platform["name"];
  /** Features that the compiler took for granted. */
  readonly features: readonly string[];
  readonly snapshot: string;
}

/** The payload, before it is written and after it is read: a snapshot without what is built from it. */
export interface Content {
  readonly gateways: readonly (Omit<CompiledGateway, "listeners"> & {
    readonly listeners: readonly (Omit<CompiledListener, "routes"> & { readonly rules: readonly CompiledRule[] })[];
  })[];
  readonly backends: Snapshot["backends"];
  readonly conditions: Compiled["conditions"];
}

/** A match whose test is a function, which is written as the program that it runs. */
export type Expression = Extract<PathMatch | ValueMatch, { readonly type: "RegularExpression" }>;
