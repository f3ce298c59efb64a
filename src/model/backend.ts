import type { Origin } from "./http.ts";
import type { RegionFacts } from "./region.ts";
import type { SecretReference } from "./secret.ts";

/** A destination, compiled. `key` is unique in a snapshot and stable over reloads: `XBackend/team-a/openai-eu`, `Service/team-a/vllm:8000`. */
export interface Backend {
  readonly key: string;
  readonly kind: "XBackend" | "Service";
  readonly namespace: string;
  readonly name: string;
  readonly origin: Origin;
  /** What goes into Host: the hostname, with the port where it is not the scheme's own. */
  readonly authority: string;
  /** `http1`: HTTP/1.1 only. `h2`: HTTP/2 by ALPN. `h2c`: HTTP/2 by prior knowledge in plaintext. */
  readonly protocol: "http1" | "h2" | "h2c";
  /** It speaks the Model Context Protocol (XBackend `protocol: MCP`): calls to it are told as what they ask of it. */
  readonly mcp: boolean;
  /** Null is plaintext, which the manifest had to ask for. */
  readonly tls: TlsProfile | null;
  readonly dns: DnsProfile;
  readonly timeouts: BackendTimeouts;
  readonly credential: CredentialPlan | null;
  /** Which API it speaks; null: whatever the caller speaks, untouched. */
  readonly api: ApiProfile | null;
  readonly region: RegionFacts;
  /** Of an XBackendTrafficPolicy; null: the broker's own. */
  readonly retryBudget: RetryBudgetRule | null;
  /** How many calls an instance may have open to it; null: as many as there are. */
  readonly concurrency: ConcurrencyRule | null;
  /** It is a broker itself (BackendConnectionPolicy `mode: Parent`); null: the final destination. */
  readonly parent: ParentProfile | null;
}

/** What is agreed with a broker that calls are handed to. Retries of the request are its business, not ours. */
export interface ParentProfile {
  /** Null: the parent is not told who calls. */
  readonly identity: ForwardedIdentity | null;
  /** Brokers that a call may pass after this one, at least 1. */
  readonly maxHops: number;
  /** `Require`: under a lock its answer must say where the call was processed, and inside. `Prefer`: it must not say otherwise. `Ignore`: it is not asked. */
  readonly region: "Require" | "Prefer" | "Ignore";
}

/** The caller, as a token that this broker signs: `Authorization: Bearer` toward the parent. */
export interface ForwardedIdentity {
  /** A PKCS #8 PEM or a JWK: EC P-256, Ed25519 or RSA. */
  readonly signingKey: SecretReference;
  readonly audience: string;
  readonly ttlSeconds: number;
  /** Null: the Gateway's chain id. */
  readonly issuer: string | null;
}

/** How much of what goes to a backend may be repeats: `percent` of the first tries in the last `intervalMs`, or `floor` in the last `floorIntervalMs`. */
export interface RetryBudgetRule {
  readonly percent: number;
  readonly intervalMs: number;
  readonly floor: number;
  readonly floorIntervalMs: number;
}

export interface TlsProfile {
  /** SNI, and the identity that the certificate must show when `subjectAltNames` is empty. */
  readonly serverName: string;
  /** PEM bundle that replaces the system's roots; null: the system's roots. */
  readonly ca: string | null;
  /** When present the certificate must carry one of these, and `serverName` is SNI only (GEP-3155, BackendTLSPolicy). */
  readonly subjectAltNames: readonly { readonly type: "Hostname" | "URI"; readonly value: string }[];
  /** A PEM with certificate chain and private key. */
  readonly clientCertificate: SecretReference | null;
  /** Name of the platform's own binding that presents a client certificate (Workers, `mtls_certificates`), in place of one that the broker holds; null: none. */
  readonly clientCertificateBinding: string | null;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** SHA-256 of a SubjectPublicKeyInfo, base64: the server's own certificate must have one of these keys. Empty: any key. */
  readonly pins: readonly string[];
  /** Null: nobody asks whether a certificate is revoked. Else every certificate of the chain must be covered by a list that is current. */
  readonly crl: RevocationPlan | null;
}

/** Where the certificate revocation lists of a backend are. */
export interface RevocationPlan {
  /** Lists that the manifests hold (ConfigMap), in PEM; empty: none. */
  readonly pem: string;
  /** Lists that are read when they are needed and again at each refresh, in PEM. */
  readonly sources: readonly SecretReference[];
}

/** Which addresses of a backend may be dialled, and who says what they are. */
export interface DnsProfile {
  /** Pins the hostname to these addresses; no resolver is asked, and a pinned address is allowed by being written. */
  readonly addresses: readonly string[];
  /** Ranges that are allowed although they are private, loopback, link-local or metadata. */
  readonly allowCIDRs: readonly string[];
  /** Ranges that are denied whatever else allows them. */
  readonly denyCIDRs: readonly string[];
  /** When present every address must lie in one of these. */
  readonly onlyCIDRs: readonly string[];
  /** Milliseconds for which addresses once found good are kept without asking again; null: every new connection asks. */
  readonly pinForMs: number | null;
  /** When present only addresses are dialled whose reverse name is one of these (`*.x`: any name below `x`) and leads back to them. */
  readonly reverseNames: readonly string[];
  /** Name servers, `address` or `address:port`; empty: the system's resolver. */
  readonly resolvers: readonly string[];
  /** Milliseconds for which the last good answer serves while no resolver gives one; 0: never. */
  readonly staleForMs: number;
}

/** Every address of the name that is public, asked of the system's resolver for each connection. */
export const PLAIN_DNS: DnsProfile = {
  addresses: [],
  allowCIDRs: [],
  denyCIDRs: [],
  onlyCIDRs: [],
  pinForMs: null,
  reverseNames: [],
  resolvers: [],
  staleForMs: 300_000,
};

/** Bounds of a limit that the broker finds by trying. */
export interface ConcurrencyRule {
  readonly min: number;
  readonly max: number;
}

/** Milliseconds; null switches one off. */
export interface BackendTimeouts {
  readonly connectMs: number;
  readonly firstByteMs: number | null;
  readonly streamIdleMs: number | null;
}

/** How the broker shows itself to the backend. */
export type CredentialPlan =
  | {
      readonly type: "bearer";
      readonly secret: SecretReference;
      /** A header that this kind of token needs beside it, added to what the caller says there (Anthropic's `anthropic-beta`). Null: none. */
      readonly beside: { readonly name: string; readonly value: string } | null;
      readonly stripClientCredentials: boolean;
    }
  /** AWS Signature Version 4 over the final bytes. The secret is a JSON object of the keys. */
  | {
      readonly type: "sigV4";
      readonly secret: SecretReference;
      /** The name that the service signs with, such as `bedrock`. */
      readonly service: string;
      readonly region: string;
      /** False: the body is not part of the signature, which only S3 takes. */
      readonly signsBody: boolean;
      readonly stripClientCredentials: boolean;
    }
  | {
      readonly type: "apiKey";
      readonly in: "header";
      readonly name: string;
      readonly prefix: string;
      readonly secret: SecretReference;
      readonly stripClientCredentials: boolean;
    }
  | { readonly type: "apiKey"; readonly in: "query"; readonly name: string; readonly secret: SecretReference; readonly stripClientCredentials: boolean }
  /** The caller's own credential goes on; only the broker's token is removed. */
  | { readonly type: "passthrough"; readonly stripClientCredentials: false };

/** Which API a backend speaks, by the name of its owner. */
export type ApiSchema = "OpenAI" | "OpenAIResponses" | "AzureOpenAI" | "Anthropic" | "AWSAnthropic" | "GCPAnthropic" | "AWSBedrock" | "Gemini" | "GCPVertexAI";

/** Where a server that speaks OpenAI's API differs from OpenAI's own. */
export interface ApiQuirks {
  /** Which name the bound of the output has. */
  readonly maxTokens: "max_tokens" | "max_completion_tokens";
  /** `stream_options` is known. */
  readonly streamUsage: boolean;
  /** Thoughts of earlier turns are wanted back, and under which name; null: they are unknown there. */
  readonly thoughts: "reasoning_content" | "reasoning_details" | null;
  /** `reasoning_effort` is known. */
  readonly reasoningEffort: boolean;
  /** `response_format` of type `json_schema` is known. */
  readonly jsonSchema: boolean;
  /** The Responses API is served too. */
  readonly responses: boolean;
}

export interface ApiProfile {
  readonly schema: ApiSchema;
  /** Whose server it is, as the manifest says and `gen_ai.provider.name` has it; null: it says nothing of that, or it is one's own. */
  readonly provider: string | null;
  readonly quirks: ApiQuirks;
  /** Azure: an `api-version` of a date, and then the deployment stands in the path; null: the `v1` API. */
  readonly apiVersion: string | null;
  /** Vertex AI: what stands in its paths. */
  readonly project: string | null;
  readonly location: string | null;
  /** What is sent where the caller names no bound and the API demands one, in tokens. */
  readonly maxOutputTokens: number;
  /** Path prefix under which the backend serves the operation, such as `/v1`; null leaves the path as the route made it. */
  readonly prefix: string | null;
  readonly models: readonly ModelRule[];
  readonly onUnknownModel: "Reject" | "Pass";
}

/** `name` may carry one `*` at either end. */
export interface ModelRule {
  readonly name: string;
  /** What the backend calls it; null: the same. */
  readonly upstream: string | null;
  readonly price: ModelPrice | null;
}

/** USD (or `currency`) per million tokens; null: no price of its own. */
export interface ModelPrice {
  readonly inputPerMTok: number | null;
  readonly cachedInputPerMTok: number | null;
  readonly cacheWritePerMTok: number | null;
  readonly cacheWriteHourPerMTok: number | null;
  readonly outputPerMTok: number | null;
  readonly reasoningPerMTok: number | null;
  readonly audioInputPerMTok: number | null;
  readonly audioOutputPerMTok: number | null;
  readonly imageInputPerMTok: number | null;
  readonly imageOutputPerMTok: number | null;
  readonly currency: string;
}
