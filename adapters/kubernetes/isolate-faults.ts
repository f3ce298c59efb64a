import type { Compiled, Fault, ManifestSource } from "../../src/index.ts";
import { isRecord, listOf, pathOf, readPath } from "./kube-object.ts";

/** An object that cannot be read, and why. */
export interface FaultyObject {
  readonly kind: string;
  readonly id: string;
  readonly message: string;
}

/** How a fault in an object of this kind is kept to itself. Kinds that are not here stop the whole set: leaving one out could open what it closes. */
const WITHOUT_IT: Readonly<Record<string, "refuse" | "leave out" | "leave out with targets" | "refuse with targets">> = {
  // Its hostnames must not fall to a broader route.
  HTTPRoute: "refuse",
  // As if it were deleted: its routes attach to nothing.
  ListenerSet: "leave out",
  // Whoever refers to one of these gets an error.
  XBackend: "leave out",
  BackendGroup: "leave out",
  SecretSource: "leave out",
  ReferenceGrant: "leave out",
  // The broker's own bounds on retries hold without it.
  XBackendTrafficPolicy: "leave out",
  Service: "leave out",
  ConfigMap: "leave out",
  Secret: "leave out",
  // A backend without the policy that was meant for it might get the wrong credential, or be trusted too easily.
  BackendCredentialPolicy: "leave out with targets",
  BackendConnectionPolicy: "leave out with targets",
  AIBackendPolicy: "leave out with targets",
  BackendTLSPolicy: "leave out with targets",
  // What it was to limit would be free. A Gateway cannot be left out: there the whole set is kept back.
  UsageLimitPolicy: "refuse with targets",
};

/** What else a limit may have been meant for could be anything. */
const REFUSABLE: ReadonlySet<string> = new Set(["HTTPRoute", "XBackend", "BackendGroup", "Service"]);

/** Each round finds the faults that the ones before hid; real sets need one. */
const MAX_ROUNDS = 3;

/**
 * Compiles a cluster's objects so that one team's faulty object does not stop everybody's changes, as a faulty file does: what it would do
 * is refused, everything else is taken over. Faults of what only administrators write (Gateways, BrokerConfig, RegionPolicy) still stop the
 * whole set, and the last good state serves on.
 */
export function compileIsolated(
  sources: readonly ManifestSource[],
  compile: (sources: readonly ManifestSource[]) => Compiled,
): { readonly compiled: Compiled; readonly faulty: readonly FaultyObject[] } {
  const texts = new Map(sources.map((source) => [source.path, source.text]));
  const faulty = new Map<string, FaultyObject>();
  const faults: Fault[] = [];
  let compiled = compile(sources);
  for (let round = 0; compiled.snapshot === null && round < MAX_ROUNDS; round += 1) {
    const errors = compiled.faults.filter((fault) => fault.severity === "error");
    const contained = errors.map((fault) => contain(texts, fault));
    for (const fault of errors) note(faulty, fault);
    faults.push(...errors);
    if (!contained.every(Boolean)) break;
    compiled = compile([...texts].map(([path, text]) => ({ path, text })));
  }
  // A set that is refused tells its faults itself.
  const all = compiled.snapshot === null ? compiled.faults : [...faults, ...compiled.faults];
  return { compiled: { ...compiled, faults: all }, faulty: [...faulty.values()] };
}

function note(faulty: Map<string, FaultyObject>, fault: Fault): void {
  const place = readPath(fault.file);
  if (place === null || faulty.has(fault.file)) return;
  faulty.set(fault.file, { ...place, message: `${fault.pointer === "" ? "" : `${fault.pointer}: `}${fault.message}` });
}

/** Takes the object out of the way; false: that would not be safe. */
function contain(texts: Map<string, string>, fault: Fault): boolean {
  const place = readPath(fault.file);
  const way = place === null ? undefined : Object.hasOwn(WITHOUT_IT, place.kind) ? WITHOUT_IT[place.kind] : undefined;
  if (place === null || way === undefined) return false;
  const text = texts.get(fault.file);
  // Another fault of the same object.
  if (text === undefined) return true;
  texts.delete(fault.file);
  const object = JSON.parse(text) as Manifest; // as: this adapter has written the text itself
  if (way === "refuse") texts.set(fault.file, refusedRoute(object));
  if (way === "leave out with targets" || way === "refuse with targets") {
    const targets = targetPaths(object);
    if (way === "refuse with targets" && !targets.every(({ kind, path }) => REFUSABLE.has(kind) || (kind === "Gateway" && !texts.has(path)))) return false;
    for (const { kind, path } of targets) {
      const target = texts.get(path);
      texts.delete(path);
      // as: this adapter has written the text itself
      if (kind === "HTTPRoute" && target !== undefined) texts.set(path, refusedRoute(JSON.parse(target) as Manifest));
    }
  }
  return true;
}

function targetPaths({ metadata, spec }: Manifest): readonly { readonly kind: string; readonly path: string }[] {
  const namespace = String(metadata?.["namespace"] ?? "default");
  return listOf(spec?.targetRefs).flatMap((target) => {
    if (!isRecord(target)) return [];
    const kind = String(target["kind"]);
    return [{ kind, path: pathOf(kind, `${namespace}/${String(target["name"])}`) }];
  });
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: {
    readonly parentRefs?: unknown;
    readonly hostnames?: unknown;
    readonly targetRefs?: unknown;
  };
}

/** A route of the same place that refuses every call: its only filter cannot be resolved, which must be answered with an error (HTTPRoute, ExtensionRef). */
function refusedRoute({ apiVersion, kind, metadata, spec }: Manifest): string {
  const { name, namespace, creationTimestamp, generation } = metadata ?? {};
  const rule = { filters: [{ type: "ExtensionRef", extensionRef: { group: "spillway.dev", kind: "UnreadableRoute", name: "refused" } }] };
  return JSON.stringify({
    apiVersion,
    kind,
    metadata: { name, namespace, creationTimestamp, generation },
    spec: { parentRefs: spec?.parentRefs, hostnames: spec?.hostnames, rules: [rule] },
  });
}
