import * as z from "zod/mini";
import { didYouMean } from "./did-you-mean.ts";
import { faultAt, type ManifestDocument } from "./document.ts";
import type { Fault } from "./fault.ts";
import { issueFaults } from "./issue-faults.ts";
import type { KindDefinition } from "./kinds/kind-definition.ts";
import { idOf, type Manifest } from "./manifest.ts";
import { KIND_NAMES, KINDS, type KindName, type ManifestSet } from "./manifest-set.ts";

export interface Validated {
  readonly set: ManifestSet;
  readonly faults: readonly Fault[];
}

/**
 * Groups whose kinds steer this broker or restrict its traffic. One of theirs that is not read is an error: to pass over an access
 * policy would open what it closes. Kinds of any other group only get a warning, so that a whole application can be handed over.
 */
const OUR_BUSINESS = /^(spillway\.dev|(gateway|agentic)\.networking\.(x-)?k8s\.io)$/;

/** Checks every document against its kind and reports all faults at once. */
export function validate(documents: readonly ManifestDocument[]): Validated {
  const faults: Fault[] = [];
  const collected = Object.fromEntries(KIND_NAMES.map((name) => [name, new Map<string, Manifest>()]));
  for (const document of documents) {
    const definition = findKind(document, faults);
    if (definition === null) continue;
    const manifest = readManifest(document, definition, faults);
    const sameKind = manifest === null ? undefined : collected[definition.kind];
    if (manifest === null || sameKind === undefined) continue;
    const id = idOf(manifest);
    const twin = sameKind.get(id);
    if (twin === undefined) sameKind.set(id, manifest);
    else {
      const first = faultAt(twin.document, ["metadata", "name"], { severity: "error", message: "" });
      faults.push(
        faultAt(document, ["metadata", "name"], {
          severity: "error",
          message: `${manifest.kind} ${id} stands twice: first in ${first.file}:${first.line}`,
          advice: "remove one of the two",
        }),
      );
    }
  }
  faults.push(...withoutNamespace(Object.values(collected).flatMap((sameKind) => [...sameKind.values()])));
  // Each map was filled under the name of the kind whose schema its bodies passed.
  return { set: collected as unknown as ManifestSet, faults };
}

/** A forgotten namespace means `default`, from where nothing is found: told where every other manifest is elsewhere. Objects of a cluster all have theirs. */
function withoutNamespace(manifests: readonly Manifest[]): Fault[] {
  const written = new Set<string>();
  const silent: Manifest[] = [];
  for (const manifest of manifests) {
    if (manifest.namespace === null) continue;
    const { metadata } = manifest.document.value as { readonly metadata: Metadata }; // its schema has just said so
    if (metadata.namespace === undefined) silent.push(manifest);
    else written.add(metadata.namespace);
  }
  if (silent.length === 0 || written.size === 0 || written.has("default")) return [];
  const [only = ""] = written;
  const message = "metadata.namespace is missing, which means default, where nothing else is";
  const advice = written.size === 1 ? `write namespace: ${only}` : "write the namespace";
  return silent.map(({ document }) => faultAt(document, ["metadata"], { severity: "warning", message, advice }));
}

/** The kind of a document; null when it is not for this broker (with a warning) or wrong (with an error). */
function findKind(document: ManifestDocument, faults: Fault[]): KindDefinition | null {
  const { apiVersion, kind } = document.value;
  for (const [field, value] of [
    ["apiVersion", apiVersion],
    ["kind", kind],
  ] as const) {
    if (typeof value !== "string" || value === "")
      faults.push(faultAt(document, [field], { severity: "error", message: `${field} is required and must be a string` }));
  }
  if (typeof apiVersion !== "string" || typeof kind !== "string" || apiVersion === "" || kind === "") return null;
  const slash = apiVersion.indexOf("/");
  const group = slash === -1 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const definition: KindDefinition | undefined = Object.hasOwn(KINDS, kind) ? KINDS[kind as KindName] : undefined; // hasOwn has just said so
  if (definition !== undefined && definition.group === group) {
    if (definition.versions.includes(version)) return definition;
    faults.push(
      faultAt(document, ["apiVersion"], {
        severity: "error",
        message: `version ${version} of ${kind} is not read`,
        advice: `write ${apiVersionOf(definition)}`,
      }),
    );
    return null;
  }
  if (!OUR_BUSINESS.test(group)) {
    faults.push(faultAt(document, ["kind"], { severity: "warning", message: `${kind} (${apiVersion}) is not a kind that this broker reads; it is left out` }));
    return null;
  }
  const siblings = KIND_NAMES.filter((name) => KINDS[name].group === group);
  const meant = didYouMean(kind, siblings) ?? (definition === undefined ? null : kind);
  const advice = meant === null ? "remove it, or use a release that reads it" : `did you mean ${meant} (${apiVersionOf(KINDS[meant as KindName])})?`; // one of KIND_NAMES
  faults.push(faultAt(document, ["kind"], { severity: "error", message: `${kind} (${apiVersion}) is not a kind that this release reads`, advice }));
  return null;
}

function apiVersionOf(definition: KindDefinition): string {
  const version = definition.versions[0] ?? "";
  return definition.group === "" ? version : `${definition.group}/${version}`;
}

function readManifest(document: ManifestDocument, definition: KindDefinition, faults: Fault[]): Manifest | null {
  // Said here: what else a process loads may give zod words of another kind, for all that use it.
  const result = z.safeParse(definition.schema, document.value, { error: () => "Invalid input" });
  if (!result.success) {
    faults.push(...issueFaults(document, definition.schema, result.error.issues));
    return null;
  }
  // Every schema is an object with `metadata`; only the member's type is lost in the union of all kinds.
  const metadata = (result.data as { readonly metadata: Metadata }).metadata;
  if (definition.scope === "Cluster" && metadata.namespace !== undefined) {
    faults.push(faultAt(document, ["metadata", "namespace"], { severity: "error", message: `${definition.kind} has no namespace`, atKey: true }));
  }
  const apiVersion = String(document.value["apiVersion"]);
  return {
    group: definition.group,
    version: apiVersion.slice(apiVersion.indexOf("/") + 1),
    kind: definition.kind,
    namespace: definition.scope === "Cluster" ? null : (metadata.namespace ?? "default"),
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    createdAt: metadata.creationTimestamp ?? null,
    generation: metadata.generation ?? 1,
    body: result.data,
    document,
  };
}

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string | null;
  readonly generation?: number;
}
