import type { PrincipalType } from "./caller.ts";
import type { SecretReference } from "./secret.ts";

/** BrokerConfig `spec.identity`, compiled. */
export interface IdentityPlan {
  readonly issuers: readonly IssuerPlan[];
  /** A JSON document of sha-256 digests and whom they stand for (see docs/manifests.md, BrokerConfig). Null: no API keys. */
  readonly apiKeys: SecretReference | null;
  /** Callers whom a platform proves. The first that matches counts. */
  readonly principals: readonly PrincipalPlan[];
  readonly anonymous: "Deny" | "Allow";
}

/** One entry of BrokerConfig `spec.identity.principals`. */
export interface PrincipalPlan {
  readonly type: PrincipalType;
  /** Exactly this name, or, where it ends in `*`, every name that begins with what stands before. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string | null;
}

export interface IssuerPlan {
  /** Unique in the BrokerConfig; names the proof in telemetry. */
  readonly name: string;
  /** `Broker`: another broker, which may speak for callers of other namespaces and whose `Egress-Chain` counts. */
  readonly type: "KubernetesServiceAccount" | "OIDC" | "Broker";
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly jwks:
    | { readonly kind: "uri"; readonly uri: string }
    | { readonly kind: "inline"; readonly keys: string }
    | { readonly kind: "secret"; readonly secret: SecretReference };
  readonly algorithms: readonly ("RS256" | "ES256" | "EdDSA")[];
  /** Seconds of clock skew that are forgiven; at most 60. */
  readonly clockSkewSeconds: number;
  /** OIDC only: claims that hold the caller. Kubernetes tokens use `kubernetes.io`. */
  readonly claims: { readonly namespace: string; readonly serviceAccount: string | null; readonly workload: string | null } | null;
  /** OIDC only: the namespace of every caller of this issuer, where no claim tells it. */
  readonly namespace: string | null;
  /** Broker only: the namespaces that it may speak for; `any` had to be written out. Null for the other types. */
  readonly speaksFor: ReadonlySet<string> | "any" | null;
  /** KubernetesServiceAccount only: a verified token counts once the cluster says that it still does, for so many milliseconds. Null: the cluster is not asked. */
  readonly tokenReview: { readonly cacheForMs: number } | null;
  /** By claim: one of these values must be in the token. */
  readonly requiredClaims: ReadonlyMap<string, readonly string[]>;
}
