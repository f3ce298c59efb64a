import type { Clock, ManifestSource, Random } from "../../src/index.ts";
import type { ApiClient } from "./api-client.ts";
import type { KubernetesApiError } from "./api-error.ts";
import { pause } from "./backoff.ts";
import { type KubeObject, manifestText, pathOf } from "./kube-object.ts";
import { createNamedObjects } from "./named-objects.ts";
import { namedReferences } from "./named-references.ts";
import { type Reflector, startReflector } from "./reflector.ts";
import { type ObjectsByKind, referrersIn, relevantObjects } from "./relevant-objects.ts";
import { LISTED_KINDS } from "./resource-kinds.ts";

export interface ClusterViewOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when the manifests have changed and it has been quiet since, or when they have been changing for too long; first when everything has been listed. */
  readonly onManifests: (sources: readonly ManifestSource[]) => void;
  /** Told when only what others wrote into objects (their status) has changed. */
  readonly onOther: () => void;
  /** Told once of each trouble with the API; with an error when a kind cannot be listed, without which nothing is compiled. */
  readonly onTrouble: (message: string, error: KubernetesApiError | null) => void;
  /** Told when the API no longer answers, with the reason, and with null when it does again; left out: nobody is. */
  readonly onAway?: (why: string | null) => void;
  readonly signal: AbortSignal;
}

/** All of the cluster that this broker reads, followed. */
export interface ClusterView {
  /** The object as it was last seen; null: there is none. */
  find(kind: string, id: string): KubeObject | null;
  /** All of one kind, by `namespace/name`. */
  objects(kind: string): ReadonlyMap<string, KubeObject>;
  /** For reading and writing objects of this kind; null: it is not listed here. */
  reflector(kind: string): Reflector | null;
}

const QUIET_MS = 200;
/** An apply of many objects is taken in steps rather than at its end only. */
const LONGEST_MS = 2_000;
/** Of a set that takes long to compile, changes are gathered for so many times as long: calls need the processor too. */
const SHARE = 5;

/** Follows every kind that this broker reads, and turns it into manifests. */
export function openClusterView(options: ClusterViewOptions): ClusterView {
  const { client, clock, random, signal } = options;
  let texts = new Map<string, { readonly object: KubeObject; readonly text: string }>();
  let firstChange: number | null = null;
  let cancelQuiet: () => void = () => {};
  let tookMs = 0;
  let isAway = false;
  let isOtherDue = false;
  let told: readonly ManifestSource[] | null = null;

  const reflectors = LISTED_KINDS.map((kind) =>
    startReflector({
      client,
      clock,
      random,
      selection: { kind, only: null },
      onChange: (_id, what) => (what === "manifest" ? changed() : otherChanged()),
      onTrouble: (message, error) => {
        const isSilent = error?.status === 0;
        // That there is no answer is told once, not by every kind.
        if (message !== null && !(isSilent && isAway)) options.onTrouble(message, error);
        const was = isAway;
        isAway = message === null ? false : isAway || isSilent;
        if (isAway !== was) options.onAway?.(isAway ? message : null);
      },
      signal,
    }),
  );
  const named = createNamedObjects({ client, clock, random, onChange: changed, onTrouble: options.onTrouble, signal });
  signal.addEventListener("abort", () => cancelQuiet(), { once: true });

  function changed(): void {
    if (signal.aborted) return;
    const now = clock.monotonic();
    firstChange ??= now;
    cancelQuiet();
    const longest = Math.max(LONGEST_MS, SHARE * tookMs);
    cancelQuiet = clock.after(Math.max(0, Math.min(Math.max(QUIET_MS, tookMs), firstChange + longest - now)), settle);
  }

  function otherChanged(): void {
    if (isOtherDue) return;
    isOtherDue = true;
    void pause(clock, LONGEST_MS, signal).then(() => {
      isOtherDue = false;
      if (!signal.aborted) options.onOther();
    });
  }

  /** All or nothing: without one kind a lock, say, or a grant would be missing. */
  function settle(): void {
    firstChange = null;
    if (!reflectors.every((one) => one.state() === "listed" || one.state() === "absent")) return;
    const listed: ObjectsByKind = new Map(reflectors.map((one) => [one.selection.kind.kind, one.objects()]));
    const relevant = new Map(relevantObjects(listed));
    named.follow(namedReferences(referrersIn(relevant)));
    // Told again by the last of them.
    if (!named.settled()) return;
    relevant.set("Secret", named.objects("Secret"));
    relevant.set("ConfigMap", named.objects("ConfigMap"));
    const sources = sourcesOf(relevant);
    if (told !== null && sameSources(told, sources)) return;
    told = sources;
    const begun = clock.monotonic();
    options.onManifests(sources);
    tookMs = clock.monotonic() - begun;
  }

  function sourcesOf(relevant: ObjectsByKind): readonly ManifestSource[] {
    const next: typeof texts = new Map();
    for (const [kind, objects] of relevant) {
      const apiVersion = reflectors.find((one) => one.selection.kind.kind === kind)?.apiVersion() ?? "v1";
      for (const [id, object] of objects) {
        const path = pathOf(kind, id);
        const known = texts.get(path);
        next.set(path, known?.object === object ? known : { object, text: manifestText(object, apiVersion, kind) });
      }
    }
    texts = next;
    return [...next].map(([path, { text }]) => ({ path, text })).sort((left, right) => (left.path < right.path ? -1 : 1));
  }

  const reflectorOf = (kind: string) => reflectors.find((one) => one.selection.kind.kind === kind) ?? null;
  return {
    find: (kind, id) => reflectorOf(kind)?.objects().get(id) ?? null,
    objects: (kind) => reflectorOf(kind)?.objects() ?? new Map(),
    reflector: reflectorOf,
  };
}

function sameSources(left: readonly ManifestSource[], right: readonly ManifestSource[]): boolean {
  return left.length === right.length && left.every((source, index) => source.path === right[index]?.path && source.text === right[index]?.text);
}
