import * as z from "zod/mini";
import { exactlyOne, withRules } from "./cross-field-rule.ts";
import { dnsLabel, duration, field, secretRef, text } from "./fields.ts";

const JWKS = ["uri", "inline", "secretRef"] as const;

const jwks = withRules(
  z.strictObject({
    uri: field(z.optional(text(2048)), "https address of the key set. It is fetched when a token needs it, and kept."),
    inline: field(z.optional(z.union([text(65536), z.looseObject({ keys: z.array(z.looseObject({})) })])), "The key set itself, as JSON text or as YAML.", {
      "x-kubernetes-preserve-unknown-fields": true,
    }),
    secretRef: field(z.optional(secretRef()), "A secret that holds the key set."),
  }),
  {
    ...exactlyOne(JWKS, "place of the keys"),
    // The API server knows no type for `inline`, so that none of its rules may speak of it.
    cel: "!has(self.uri) || !has(self.secretRef)",
  },
);

/** Issuers whose tokens anybody with an account can ask for, for an audience of its own choice. */
const PUBLIC_ISSUERS: readonly string[] = ["https://accounts.google.com", "https://token.actions.githubusercontent.com", "https://gitlab.com"];

/** An entry of BrokerConfig `identity.issuers`. */
export const identityIssuer = withRules(
  z.strictObject({
    name: field(dnsLabel(), "Unique; names the proof in telemetry."),
    type: field(
      z.enum(["KubernetesServiceAccount", "OIDC", "Broker"]),
      "`KubernetesServiceAccount`: projected tokens of a cluster. `OIDC`: any other issuer of signed tokens. `Broker`: another broker that hands its calls on to this one (BackendConnectionPolicy `mode: Parent`) and says who calls; its `Egress-Chain` counts.",
    ),
    issuer: field(text(2048), "The `iss` claim, exactly."),
    audiences: field(
      z.array(text(2048)).check(z.minLength(1, "an audience is needed: a token for another service must not open this one"), z.maxLength(16)),
      "One of them must be in the `aud` claim.",
    ),
    jwks: field(jwks, "The issuer's public keys."),
    algorithms: field(
      z.optional(z.array(z.enum(["RS256", "ES256", "EdDSA"])).check(z.minLength(1))),
      "Signature algorithms that are accepted; left out: `RS256` and `ES256`, of a `Broker` all three.",
    ),
    clockSkew: field(z._default(duration(), "30s"), "Difference of clocks that is forgiven; at most 60s."),
    claims: field(
      z.optional(
        z.strictObject({
          namespace: field(text(256), "Claim that holds the caller's namespace."),
          serviceAccount: field(z.optional(text(256)), "Claim that holds its service account."),
          workload: field(z.optional(text(256)), "Claim that holds the workload."),
        }),
      ),
      "OIDC only: which claims say who calls.",
    ),
    namespace: field(z.optional(dnsLabel()), "OIDC only: the namespace of every caller of this issuer, where no claim tells it."),
    namespaces: field(
      z.optional(
        z
          .array(z.string().check(z.maxLength(63), z.regex(/^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/, "must be the name of a Namespace, or *")))
          .check(z.minLength(1), z.maxLength(256)),
      ),
      'Broker only: the namespaces whose callers it may speak for. `["*"]` stands for all and must be written out.',
    ),
    tokenReview: field(
      z.optional(
        z.strictObject({
          mode: field(z._default(z.enum(["Enabled", "Disabled"]), "Enabled"), "`Disabled`: as if `tokenReview` were left out."),
          cacheFor: field(z._default(duration(), "60s"), "For how long an answer counts, at most 60s. Each caller's token makes one question in this time."),
        }),
      ),
      "KubernetesServiceAccount only: asks the API server of the broker's own cluster whether a verified token still counts (TokenReview), so that those of deleted pods and ServiceAccounts end before their time. While it gives no answer callers get 503. Where Node runs, with the right to create `tokenreviews`.",
    ),
    requiredClaims: field(
      z.optional(z.record(text(256), z.array(text(2048)).check(z.minLength(1), z.maxLength(64)))),
      "Claims that a token must have, each with one of these values, such as `email: [push@project.iam.gserviceaccount.com]`. An issuer that gives tokens to everybody needs it.",
    ),
  }),
  {
    holds: (value) => value.type !== "OIDC" || value.namespace === undefined || !PUBLIC_ISSUERS.includes(value.issuer) || value.requiredClaims !== undefined,
    cel: `self.type != 'OIDC' || !has(self.__namespace__) || has(self.requiredClaims) || !(self.issuer in [${PUBLIC_ISSUERS.map((one) => `'${one}'`).join(", ")}])`,
    message: "anybody can have a token of this issuer for any audience: say by requiredClaims whose tokens count",
    path: "namespace",
  },
  {
    holds: (value) => value.type !== "OIDC" || (value.claims === undefined) !== (value.namespace === undefined),
    cel: "self.type != 'OIDC' || has(self.claims) != has(self.__namespace__)",
    message: "an OIDC issuer needs either claims or a fixed namespace",
    path: "type",
  },
  {
    holds: (value) => value.type === "OIDC" || (value.claims === undefined && value.namespace === undefined),
    cel: "self.type == 'OIDC' || (!has(self.claims) && !has(self.__namespace__))",
    message: "claims and namespace are for OIDC issuers: the other tokens name them themselves",
    path: "type",
  },
  {
    holds: (value) => value.type === "KubernetesServiceAccount" || value.tokenReview === undefined,
    cel: "self.type == 'KubernetesServiceAccount' || !has(self.tokenReview)",
    message: "tokenReview is for KubernetesServiceAccount issuers: no cluster knows other tokens",
    path: "tokenReview",
  },
  {
    holds: (value) => (value.type === "Broker") === (value.namespaces !== undefined),
    cel: "(self.type == 'Broker') == has(self.namespaces)",
    message: "namespaces is for issuers of type Broker, which need it: say whose callers the broker may speak for",
    path: "namespaces",
  },
  {
    holds: (value) => value.namespaces === undefined || value.namespaces.length === 1 || !value.namespaces.includes("*"),
    cel: "!has(self.namespaces) || self.namespaces.size() == 1 || !('*' in self.namespaces)",
    message: "* stands for all namespaces and must be the only one",
    path: "namespaces",
  },
);
