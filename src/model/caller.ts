/** How the caller proved itself. */
export type Proof =
  | {
      readonly kind: "jwt" | "api-key" | "platform" | "anonymous";
      /** Name of the issuer in BrokerConfig, `api-keys`, the type of a platform's principal such as `AWSIAM`, or `anonymous`. */
      readonly issuer: string;
    }
  /** Another broker has proved the caller and says so; `actors` are the chain ids of the brokers that passed the call on, the nearest first. */
  | { readonly kind: "broker"; readonly issuer: string; readonly actors: readonly string[] };

/** Who calls, proved. Never taken from a header that a client may set. */
export interface Caller {
  readonly namespace: string;
  readonly serviceAccount: string | null;
  /** The pod, job or application inside the service account, where the credential names one. */
  readonly workload: string | null;
  readonly proof: Proof;
}

/**
 * Who sent something, as the platform itself says: the principal that AWS IAM has authenticated, the queue or bus that delivered a message.
 * Never taken from anything that a sender writes.
 */
export interface PlatformPrincipal {
  readonly type: PrincipalType;
  /** AWSIAM: the ARN of the user or assumed role. AWSSQS: the queue's ARN. AWSEventBridge: `account/source`. CloudflareQueue: the queue's name. */
  readonly name: string;
}

export const PRINCIPAL_TYPES = ["AWSIAM", "AWSSQS", "AWSEventBridge", "CloudflareQueue"] as const;
export type PrincipalType = (typeof PRINCIPAL_TYPES)[number];

/** The headers in which SDKs put their key, and so the broker's token. One list: read by identity, stripped before sending. */
export const CREDENTIAL_SLOTS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"] as const;
export type CredentialSlot = (typeof CREDENTIAL_SLOTS)[number] | typeof SUBPROTOCOL_SLOT;

/** Where a browser, which cannot set headers of a WebSocket, puts its key: see `model/subprotocol-key.ts`. */
export const SUBPROTOCOL_SLOT = "sec-websocket-protocol";
