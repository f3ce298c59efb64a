/**
 * How a place is known, from the strongest to the weakest. `host`: the provider's documentation binds the host (and what stands in the path) to
 * the place. `body`: a field that the broker itself wrote binds it, and the answer must confirm it. `control-plane`: a RegionAttestation holds what
 * the provider's own control plane says. `attested`: a RegionAttestation holds an administrator's word. `label`: the word of whoever owns the
 * backend (`topology.kubernetes.io/region`). `none`: nothing says it.
 */
export type EvidenceKind = "host" | "body" | "control-plane" | "attested" | "label" | "none";

/** Where one request is processed, as far as can be told from its final bytes. */
export interface Located {
  /** ISO 3166-1 alpha-2: every country where the request may be processed. Null: unknown, which every lock denies. */
  readonly countries: readonly string[] | null;
  /** The regions that those countries come from, as the providers write them; empty where unknown or where only countries are attested. */
  readonly regions: readonly string[];
  readonly evidence: EvidenceKind;
  /** Which rule of the door said so, such as `bedrock.profile`; stable, for evidence. */
  readonly rule: string;
  /** RFC 3339 date or time at which the facts behind the rule were last compared with their source; null: never. */
  readonly checkedAt: string | null;
  /** One sentence for people. Quotes no body. */
  readonly reason: string;
}

/** What else than destinations a RegionPolicy binds (`also`). */
export interface BoundOutlets {
  /** The broker itself must run inside. */
  readonly broker: boolean;
  readonly secretSources: boolean;
  readonly tokenEndpoints: boolean;
  /** Copies of calls; a mirror passes the same doors as a destination. */
  readonly mirrors: boolean;
  readonly telemetry: boolean;
  readonly eventSinks: boolean;
  readonly authCallouts: boolean;
}

/** What one RegionPolicy allows. `policy` is `namespace/name`, for evidence. */
export interface RegionConstraint {
  readonly policy: string;
  /** Region names as the providers and `topology.kubernetes.io/region` write them, such as `eu-central-1` or `eu`. */
  readonly regions: ReadonlySet<string>;
  /** ISO 3166-1 alpha-2 country codes. */
  readonly countries: ReadonlySet<string>;
  /** Weaker evidence than this does not count. */
  readonly minimumEvidence: Exclude<EvidenceKind, "none">;
  /** Facts that were compared with their source longer ago than this many milliseconds do not count, nor do undated ones; null: any age. */
  readonly maxAgeMs: number | null;
  readonly binds: BoundOutlets;
}

/** Every constraint must allow a destination: locks combine by intersection and nobody narrower can widen them. */
export interface RegionLock {
  readonly constraints: readonly RegionConstraint[];
}

/** What is known of a backend before any request: `reach` is what planning asks, the rest is what the last door asks. */
export interface RegionFacts {
  /** From the label `topology.kubernetes.io/region`. */
  readonly declared: string | null;
  /** Read from the hostname by the data table, such as `eu-central-1` from a Bedrock host. */
  readonly fromHost: string | null;
  /** What RegionAttestations say of this backend. */
  readonly attestations: readonly Attestation[];
  /**
   * Every place where the last door could let a request to this backend be processed: whatever `locate` finds for a request that it lets pass lies
   * in the countries of one of these, with no weaker rule. Empty: no request can pass a lock.
   */
  readonly reach: readonly Located[];
}

/** A RegionAttestation as it counts for one backend. */
export interface Attestation {
  /** `namespace/name`. */
  readonly id: string;
  /** RFC 3339 date or time. */
  readonly checkedAt: string;
  /** Where it was read, for evidence. */
  readonly source: string;
  /** Read from the provider's control plane; else it is an administrator's word. */
  readonly fromControlPlane: boolean;
  /** Where a host that proves nothing processes; null: not said. */
  readonly processing: AttestedPlace | null;
  /** Azure OpenAI deployments. */
  readonly deployments: readonly AttestedDeployment[];
  /** Amazon Bedrock inference profiles, by id or ARN. */
  readonly inferenceProfiles: readonly AttestedProfile[];
  /** Of an OpenAI project, for a host that tells no region; null: not said. */
  readonly project: AttestedPlace | null;
  /** Types of server-side tools, and names of fields of the body, that stay inside the place too, such as `web_search`. */
  readonly serverTools: readonly string[];
  /** Models for which the provider documents processing inside, beyond the built-in table. */
  readonly models: readonly string[];
  /** Origins (`https://files.example`) of files that the provider may fetch; `*`: any. */
  readonly fetches: readonly string[];
  /** What is stored at the provider stays inside the place: stored answers, conversations, files, batches. */
  readonly storedState: boolean;
  /** Guardrails run inside the place. */
  readonly guardrails: boolean;
}

export interface AttestedPlace {
  readonly regions: readonly string[];
  readonly countries: readonly string[];
}

export interface AttestedDeployment {
  readonly name: string;
  /** As Azure Resource Manager writes it, such as `Standard` or `DataZoneStandard`. */
  readonly sku: string;
  /** The account's location, such as `swedencentral`. */
  readonly location: string;
}

export interface AttestedProfile {
  /** `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`, or an ARN. */
  readonly id: string;
  /** The region that is called; null: any. */
  readonly sourceRegion: string | null;
  readonly destinationRegions: readonly string[];
}

/** Why a destination was permitted or refused: goes to spans, events and `prove`. `violated`: the answer said that it was processed elsewhere. */
export interface RegionEvidence extends Located {
  readonly decision: "allow" | "deny" | "violated" | "unlocked";
  /** The policy that decided a refusal, or all that were satisfied. */
  readonly policies: readonly string[];
}
