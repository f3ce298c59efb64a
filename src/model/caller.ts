/** How the caller proved itself. */
export interface Proof {
  readonly kind: "jwt" | "api-key" | "anonymous";
  /** Name of the issuer in BrokerConfig, `api-keys`, or `anonymous`. */
  readonly issuer: string;
}

/** Who calls, proved. Never taken from a header that a client may set. */
export interface Caller {
  readonly namespace: string;
  readonly serviceAccount: string | null;
  /** The pod, job or application inside the service account, where the credential names one. */
  readonly workload: string | null;
  readonly proof: Proof;
}

/** The headers in which SDKs put their key, and so the broker's token. One list: read by identity, stripped before sending. */
export const CREDENTIAL_SLOTS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"] as const;
export type CredentialSlot = (typeof CREDENTIAL_SLOTS)[number];
