import type { ObjectConditions } from "../../src/index.ts";

export type Condition = ObjectConditions["conditions"][number];

/** A reference as it stands in a status: to a Gateway of a route, or to the target of a policy. */
export type StatusRef = Readonly<Record<string, string | number>>;

/** What this broker has to say of one object, without times. */
export type OwnStatus =
  /** The whole object has conditions. `supportedFeatures`: GatewayClass only. */
  | { readonly shape: "conditions"; readonly conditions: readonly Condition[]; readonly supportedFeatures: readonly string[] | null }
  | {
      readonly shape: "gateway";
      readonly conditions: readonly Condition[];
      readonly listeners: readonly ListenerStatus[];
      /** Hostname under which callers reach the broker; null: not known here, and what stands there stays. */
      readonly address: string | null;
      /** ListenerSets that a Gateway has taken in; null: not a Gateway. */
      readonly attachedListenerSets: number | null;
    }
  /** One entry for each Gateway or target, beside those of other controllers. */
  | { readonly shape: "entries"; readonly member: "parents" | "ancestors"; readonly entries: readonly StatusEntry[] };

export interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly conditions: readonly Condition[];
}

export interface StatusEntry {
  readonly ref: StatusRef;
  readonly conditions: readonly Condition[];
}

/** The status of one object as it should stand. */
export interface DesiredStatus {
  readonly kind: string;
  /** `namespace/name`. */
  readonly id: string;
  /** Of the object that was compiled; another one is not written to, for it is being compiled. Null: the kind has none. */
  readonly generation: number | null;
  readonly own: OwnStatus;
}
