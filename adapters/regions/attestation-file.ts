import { Document, parseAllDocuments } from "yaml";

/** Which API keeps an attestation true: written as the annotation, so that the file says itself how it is refreshed. */
export type RefreshSource =
  | { readonly kind: "bedrock"; readonly region: string }
  | { readonly kind: "azure"; readonly subscription: string; readonly resourceGroup: string; readonly account: string };

export const REFRESH = "spillway.dev/refresh";

/** One backend that is attested. */
export interface AttestedBackend {
  readonly namespace: string;
  readonly name: string;
}

/** What an API has told. */
export interface RefreshedFacts {
  readonly member: "inferenceProfiles" | "deployments";
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly source: string;
  /** RFC 3339. */
  readonly checkedAt: string;
}

/** RegionAttestations in a YAML file, edited in place: comments, other documents and fields that nobody here knows stay as they are. */
export interface AttestationFile {
  /** Names of the attestations that say how they are refreshed, with what they say. */
  refreshable(): readonly { readonly namespace: string | null; readonly name: string; readonly source: string }[];
  /** Makes the attestation if it is not there. Gives what changed, one line each. */
  put(
    id: { readonly namespace: string; readonly name: string },
    source: RefreshSource,
    targets: readonly AttestedBackend[],
    facts: RefreshedFacts,
  ): readonly string[];
  text(): string;
}

/** Throws a sentence where the text is no YAML. */
export function openAttestationFile(text: string): AttestationFile {
  const documents: Document[] = parseAllDocuments(text).filter((document) => document.contents !== null);
  for (const document of documents) if (document.errors[0] !== undefined) throw new Error(`it is no YAML: ${document.errors[0].message.split("\n")[0]}`);
  const attestations = (): readonly Document[] => documents.filter((document) => document.get("kind") === "RegionAttestation");
  const nameOf = (document: Document): string => String(document.getIn(["metadata", "name"]) ?? "");
  return {
    refreshable: () =>
      attestations().flatMap((document) => {
        const source = document.getIn(["metadata", "annotations", REFRESH]);
        const namespace = document.getIn(["metadata", "namespace"]);
        return typeof source === "string" ? [{ namespace: typeof namespace === "string" ? namespace : null, name: nameOf(document), source }] : [];
      }),
    put({ namespace, name }, source, targets, facts) {
      const found = attestations().find((document) => nameOf(document) === name && (document.getIn(["metadata", "namespace"]) ?? namespace) === namespace);
      const document = found ?? create(namespace, name, source, targets);
      if (found === undefined) documents.push(document);
      const before = itemsOf(document, facts.member);
      document.setIn(["spec", "checkedAt"], facts.checkedAt);
      document.setIn(["spec", "source"], facts.source);
      document.setIn(["spec", "from"], "ControlPlane");
      document.setIn(["spec", facts.member], document.createNode(facts.items));
      return [...(found === undefined ? [`+ RegionAttestation ${namespace}/${name}`] : []), ...difference(before, itemsOf(document, facts.member))];
    },
    text: () => documents.map((document) => document.toString({ lineWidth: 140, directives: false })).join("---\n"),
  };
}

function create(namespace: string, name: string, source: RefreshSource, targets: readonly AttestedBackend[]): Document {
  return new Document({
    apiVersion: "spillway.dev/v1alpha1",
    kind: "RegionAttestation",
    metadata: { name, namespace, annotations: { [REFRESH]: writeSource(source) } },
    spec: { targetRefs: targets.map((target) => ({ group: "gateway.networking.x-k8s.io", kind: "XBackend", ...target })) },
  });
}

/** By the name of each: what it says, in one line. */
function itemsOf(document: Document, member: string): ReadonlyMap<string, string> {
  const items: unknown = document.toJS()?.spec?.[member];
  const found = new Map<string, string>();
  for (const item of Array.isArray(items) ? items : []) {
    const { id, name, sourceRegion, ...others } = item as Readonly<Record<string, unknown>>; // a member of the list, whatever somebody wrote there
    found.set(`${String(id ?? name)}${sourceRegion === undefined ? "" : ` from ${String(sourceRegion)}`}`, JSON.stringify(others));
  }
  return found;
}

function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  const lines: string[] = [];
  for (const [key, value] of before) {
    const now = after.get(key);
    if (now === undefined) lines.push(`- ${key}: ${value}`);
    else if (now !== value) lines.push(`- ${key}: ${value}`, `+ ${key}: ${now}`);
  }
  for (const [key, value] of after) if (!before.has(key)) lines.push(`+ ${key}: ${value}`);
  return lines;
}

/** `bedrock:eu-central-1` or `azure:SUBSCRIPTION/RESOURCE-GROUP/ACCOUNT`. */
export function writeSource(source: RefreshSource): string {
  return source.kind === "bedrock" ? `bedrock:${source.region}` : `azure:${source.subscription}/${source.resourceGroup}/${source.account}`;
}

/** Null: it is none. */
export function readSource(text: string): RefreshSource | null {
  const [, region] = /^bedrock:([a-z]{2,4}(?:-[a-z]+)+-\d)$/.exec(text) ?? [];
  if (region !== undefined) return { kind: "bedrock", region };
  const [, subscription, resourceGroup, account] = /^azure:([0-9a-zA-Z-]{1,64})\/([\w.()-]{1,90})\/([a-zA-Z0-9-]{1,64})$/.exec(text) ?? [];
  return subscription === undefined || resourceGroup === undefined || account === undefined ? null : { kind: "azure", subscription, resourceGroup, account };
}
