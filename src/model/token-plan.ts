import type { DnsProfile, TlsProfile } from "./backend.ts";
import type { Origin } from "./http.ts";
import type { Located } from "./region.ts";
import type { Secret, SecretReference } from "./secret.ts";

/** Where the broker asks for a token: from a compiled manifest, or of the machine that it runs on; never from anything that a caller sent. */
export interface TokenEndpoint {
  readonly origin: Origin;
  /** What goes into Host. */
  readonly authority: string;
  /** Path with query. */
  readonly path: string;
  /** Null: plaintext, which only loopback, link-local metadata services and backends that ask for it may have. */
  readonly tls: TlsProfile | null;
  readonly dns: DnsProfile;
  /** Every place where it may process what it is told; empty: unknown. */
  readonly reach: readonly Located[];
  /** On the broker's own machine or link: it lies where the broker itself runs. */
  readonly local: boolean;
}

/** What the broker shows in place of a password: a JWT that somebody trusts. */
export type AssertionSource =
  /** A projected ServiceAccount token or the like, read anew for every exchange. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "secret"; readonly secret: SecretReference }
  /** Signed by the broker itself, with a key whose public half the other side has been given. */
  | {
      readonly kind: "signed";
      /** PKCS #8 PEM or private JWK; its type says the algorithm. */
      readonly key: SecretReference;
      /** Null: the JWK's own, else its thumbprint. */
      readonly keyId: string | null;
      readonly issuer: string;
      readonly subject: string;
      readonly audience: string;
      readonly ttlSeconds: number;
    };

export type SigningAlgorithm = "RS256" | "PS256" | "ES256" | "EdDSA";

/** How an OAuth 2 client proves itself to the token endpoint. */
export type ClientProof =
  | { readonly kind: "none" }
  | { readonly kind: "basic" | "post"; readonly secret: SecretReference }
  /** RFC 7523: the key is a PKCS #8 PEM. With `certificate` the secret holds a certificate too, whose SHA-256 thumbprint goes into the header (Entra). */
  | {
      readonly kind: "privateKey";
      readonly secret: SecretReference;
      readonly algorithm: SigningAlgorithm;
      readonly keyId: string | null;
      readonly certificate: boolean;
      /** `aud` of the assertion; null: the address of the token endpoint. */
      readonly audience: string | null;
    }
  | { readonly kind: "assertion"; readonly assertion: AssertionSource };

/** An access token, or an identity token for one audience. */
export type GoogleTokenKind = { readonly kind: "access"; readonly scopes: readonly string[] } | { readonly kind: "identity"; readonly audience: string };

/** One way to get a token. `flow` says which; every secret in it is a reference. */
export type TokenPlan =
  /** The keys of the platform: environment, else IRSA's web identity, else the container's credentials service. */
  | {
      readonly flow: "awsAmbient";
      readonly sts: TokenEndpoint;
      readonly sessionName: string;
      /** Loopback and link-local addresses where the service may be. */
      readonly local: readonly TokenEndpoint[];
    }
  | {
      readonly flow: "awsWebIdentity";
      readonly endpoint: TokenEndpoint;
      readonly assertion: AssertionSource;
      readonly roleArn: string;
      readonly sessionName: string;
      readonly durationSeconds: number;
    }
  | { readonly flow: "awsContainer"; readonly endpoint: TokenEndpoint; readonly authorization: AssertionSource | null }
  | {
      readonly flow: "awsAssumeRole";
      readonly endpoint: TokenEndpoint;
      readonly region: string;
      readonly source: SecretReference;
      readonly roleArn: string;
      readonly sessionName: string;
      readonly durationSeconds: number;
      readonly externalId: string | null;
      readonly tags: readonly { readonly key: string; readonly value: string }[];
    }
  | { readonly flow: "googleKey"; readonly endpoint: TokenEndpoint; readonly key: SecretReference; readonly token: GoogleTokenKind }
  | { readonly flow: "googleMetadata"; readonly endpoint: TokenEndpoint; readonly token: GoogleTokenKind }
  | {
      readonly flow: "googleImpersonation";
      readonly endpoint: TokenEndpoint;
      readonly source: SecretReference;
      readonly token: GoogleTokenKind;
      readonly lifetimeSeconds: number;
    }
  | {
      readonly flow: "azureManagedIdentity";
      readonly endpoint: TokenEndpoint;
      readonly resource: string;
      /** Null: the identity that the system assigned. */
      readonly clientId: string | null;
    }
  | {
      readonly flow: "clientCredentials";
      readonly endpoint: TokenEndpoint;
      readonly clientId: string;
      readonly proof: ClientProof;
      readonly parameters: readonly (readonly [name: string, value: string])[];
    }
  /** RFC 8693. `subject` null: the caller's own token, which identity has verified. */
  | {
      readonly flow: "tokenExchange";
      readonly endpoint: TokenEndpoint;
      readonly clientId: string | null;
      readonly proof: ClientProof;
      readonly subject: AssertionSource | null;
      readonly subjectTokenType: string;
      readonly parameters: readonly (readonly [name: string, value: string])[];
    }
  | {
      readonly flow: "openaiFederation";
      readonly endpoint: TokenEndpoint;
      readonly assertion: AssertionSource;
      readonly subjectTokenType: string;
      readonly members: Readonly<Record<string, string>>;
    }
  | {
      readonly flow: "anthropicFederation";
      readonly endpoint: TokenEndpoint;
      readonly assertion: AssertionSource;
      readonly members: Readonly<Record<string, string>>;
    };

/** Where a token comes from. `subject` is set for one caller's token only, and then its reference is made at run time and is in no snapshot. */
export interface TokenLocation {
  readonly provider: "token";
  readonly plan: TokenPlan;
  readonly subject: Secret | null;
}
