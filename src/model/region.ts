/** What one RegionPolicy allows. `policy` is `namespace/name`, for evidence. */
export interface RegionConstraint {
  readonly policy: string;
  /** Region names as the providers and `topology.kubernetes.io/region` write them, such as `eu-central-1` or `eu`. */
  readonly regions: ReadonlySet<string>;
  /** ISO 3166-1 alpha-2 country codes. */
  readonly countries: ReadonlySet<string>;
  /** The broker itself must run inside too (`also.brokerRegion`). */
  readonly bindsBroker: boolean;
}

/** Every constraint must allow a destination: locks combine by intersection and nobody narrower can widen them. */
export interface RegionLock {
  readonly constraints: readonly RegionConstraint[];
}

/** What is known about where a backend processes requests. `regions` empty means unknown, and unknown is denied by any lock. */
export interface RegionFacts {
  /** From the label `topology.kubernetes.io/region`. */
  readonly declared: string | null;
  /** Read from the hostname by the data table, such as `eu-central-1` from a Bedrock host. */
  readonly fromHost: string | null;
}

/** Why a destination was permitted or refused: goes to spans, events and `prove`. */
export interface RegionEvidence {
  readonly decision: "allow" | "deny" | "unlocked";
  readonly region: string | null;
  readonly countries: readonly string[];
  readonly evidence: "label" | "host" | "label+host" | "none";
  /** The policy that decided a refusal, or all that were satisfied. */
  readonly policies: readonly string[];
  readonly reason: string;
}
