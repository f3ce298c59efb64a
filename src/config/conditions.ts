import { placeOf } from "./document.ts";
import type { Manifest } from "./manifest.ts";

/** A condition of the Kubernetes kind, without its time: the writer of the status adds that. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** CamelCase; the standard's own words where it has one. */
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** What the compiler says of one object, toward one parent where the standard asks for that. */
export interface ObjectConditions {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string;
  /** Where the object's name stands. */
  readonly file: string;
  readonly line: number;
  /** The Gateway of a route, the target of a policy, the listener of a Gateway, such as `Gateway/egress-system/egress/http`; null: the object itself. */
  readonly parent: string | null;
  /** For a listener of a Gateway only. */
  readonly listener: ListenerFacts | null;
  /** For a GatewayClass only: names of the standard's features, sorted. */
  readonly supportedFeatures: readonly string[] | null;
  /** For a Gateway only: how many ListenerSets it has taken in. */
  readonly attachedListenerSets: number | null;
  readonly conditions: readonly Condition[];
}

export interface ListenerFacts {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
}

export type Verdict = Omit<Condition, "observedGeneration">;

/** Collects conditions while the manifests are compiled. */
export interface ConditionBook {
  /** Writes one condition. A refusal that is already there stays: the first reason is the one to mend first. */
  write(manifest: Manifest, parent: string | null, verdict: Verdict): void;
  /** Writes `True` where nothing has been said of this type yet. */
  approve(manifest: Manifest, parent: string | null, type: string, reason?: string): void;
  /** Whether something has been said of this type that is not well. */
  isBad(manifest: Manifest, parent: string | null, type: string): boolean;
  listener(manifest: Manifest, parent: string, facts: ListenerFacts): void;
  /** What a GatewayClass can do. */
  features(manifest: Manifest, names: readonly string[]): void;
  /** How many ListenerSets a Gateway has taken in. */
  listenerSets(manifest: Manifest, attached: number): void;
  list(): readonly ObjectConditions[];
}

/** Of these, `True` is the bad news. */
const BAD_WHEN_TRUE: ReadonlySet<string> = new Set(["Degraded", "Conflicted", "PartiallyInvalid"]);

export function isBad(condition: Pick<Condition, "type" | "status">): boolean {
  return condition.status !== (BAD_WHEN_TRUE.has(condition.type) ? "False" : "True");
}

interface Entry {
  readonly manifest: Manifest;
  readonly parent: string | null;
  readonly byType: Map<string, Condition>;
  listener: ListenerFacts | null;
  features: readonly string[] | null;
  listenerSets: number | null;
}

export function createConditionBook(): ConditionBook {
  const entries: Entry[] = [];
  const known = new Map<Manifest, Map<string | null, Entry>>();

  function entry(manifest: Manifest, parent: string | null): Entry {
    const byParent = known.get(manifest) ?? new Map<string | null, Entry>();
    if (byParent.size === 0) known.set(manifest, byParent);
    const found = byParent.get(parent) ?? { manifest, parent, byType: new Map<string, Condition>(), listener: null, features: null, listenerSets: null };
    if (!byParent.has(parent)) {
      byParent.set(parent, found);
      entries.push(found);
    }
    return found;
  }

  function write(manifest: Manifest, parent: string | null, verdict: Verdict): void {
    const { byType } = entry(manifest, parent);
    const before = byType.get(verdict.type);
    if (before !== undefined && isBad(before)) return;
    byType.set(verdict.type, { ...verdict, observedGeneration: manifest.generation });
  }

  return {
    write,
    approve(manifest, parent, type, reason = type) {
      if (entry(manifest, parent).byType.has(type)) return;
      write(manifest, parent, { type, status: "True", reason, message: "" });
    },
    isBad(manifest, parent, type) {
      const condition = known.get(manifest)?.get(parent)?.byType.get(type);
      return condition !== undefined && isBad(condition);
    },
    listener(manifest, parent, facts) {
      entry(manifest, parent).listener = facts;
    },
    features(manifest, names) {
      entry(manifest, null).features = names;
    },
    listenerSets(manifest, attached) {
      entry(manifest, null).listenerSets = attached;
    },
    list: () =>
      entries.map(({ manifest, parent, byType, listener, features, listenerSets }) => ({
        group: manifest.group,
        kind: manifest.kind,
        namespace: manifest.namespace,
        name: manifest.name,
        file: manifest.document.file,
        line: manifest.document.nameLine ?? placeOf(manifest.document, ["metadata", "name"], false).line,
        parent,
        listener,
        supportedFeatures: features,
        attachedListenerSets: listenerSets,
        conditions: [...byType.values()],
      })),
  };
}
