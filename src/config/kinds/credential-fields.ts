import * as z from "zod/mini";
import { type CrossFieldRule, exactlyOne, kindOfGroup, withRules } from "./cross-field-rule.ts";
import { dnsLabel, duration, field, objectName, secretRef, text } from "./fields.ts";

/** Printable ASCII: it becomes part of a form, a header or a claim. */
export const printable = (maxLength: number) => text(maxLength).check(z.regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces"));

const endpointBackend = withRules(
  z.strictObject({
    group: field(
      z._default(z.enum(["gateway.networking.x-k8s.io", ""]), "gateway.networking.x-k8s.io"),
      "API group: `gateway.networking.x-k8s.io` for an XBackend, empty for a Service.",
    ),
    kind: field(z._default(z.enum(["XBackend", "Service"]), "XBackend"), "`XBackend` or `Service`."),
    name: field(objectName(), "Name of the backend."),
    namespace: field(
      z.optional(dnsLabel()),
      "Namespace of the backend; left out: the namespace of this policy. Another namespace needs a ReferenceGrant there.",
    ),
    port: field(z.optional(z.int().check(z.minimum(1), z.maximum(65_535))), "Port of a Service."),
  }),
  kindOfGroup(
    { XBackend: "gateway.networking.x-k8s.io", Service: "" },
    "group and kind do not belong together: gateway.networking.x-k8s.io/XBackend or (empty group)/Service",
  ),
  {
    holds: (ref) => (ref.kind === "Service") === (ref.port !== undefined),
    cel: "(self.kind == 'Service') == has(self.port)",
    message: "a Service needs a port, and an XBackend names its own",
    path: "port",
  },
);

const ENDPOINT_FORMS = ["url", "backendRef"] as const;

/** Where a token is asked for. */
export const endpoint = (description: string) =>
  field(
    withRules(
      z.strictObject({
        url: field(z.optional(text(2048)), "Its https address, with the system's roots. Plaintext is for loopback only."),
        backendRef: field(
          z.optional(endpointBackend),
          "The XBackend or Service that it is, with the TLS, DNS and client certificate of its own policies. A credential of its own is not used.",
        ),
        path: field(
          z.optional(text(2048).check(z.regex(/^\/[\x21-\x7e]*$/, "must begin with / and be printable ASCII"))),
          "Path at `backendRef`; left out: the provider's own.",
        ),
      }),
      exactlyOne(ENDPOINT_FORMS, "form"),
      {
        holds: (value) => value.path === undefined || value.backendRef !== undefined,
        cel: "!has(self.path) || has(self.backendRef)",
        message: "path is for backendRef: a url has its own",
        path: "path",
      },
    ),
    description,
  );

const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"] as const;
export const algorithm = (preset: (typeof ALGORITHMS)[number]) =>
  field(z._default(z.enum(ALGORITHMS), preset), "How it is signed: `RS256`, `PS256`, `ES256` or `EdDSA`.");

export const filePath = () =>
  withRules(text(4096).check(z.regex(/^\//, "must be an absolute path")), {
    holds: (path) => !path.split("/").includes(".."),
    cel: "!self.matches('(^|/)[.][.](/|$)')",
    message: "must not contain ..",
  });

const ASSERTION_FORMS = ["file", "secretRef", "signed"] as const;

/** The token that the broker shows to get another one. */
export const assertion = (description: string) =>
  field(
    withRules(
      z.strictObject({
        file: field(
          z.optional(z.strictObject({ path: field(filePath(), "Absolute path.") })),
          "A projected ServiceAccount token, read anew for every exchange. Not on Workers.",
        ),
        secretRef: field(z.optional(secretRef()), "A token that is kept elsewhere."),
        signed: field(
          z.optional(
            z.strictObject({
              keyRef: field(secretRef(), "Private key: a JWK as `spillway key` makes it, or PKCS #8 PEM; EC P-256, Ed25519 or RSA."),
              keyID: field(z.optional(printable(256)), "`kid`: which of the issuer's keys it is; left out: the JWK's own, else its thumbprint."),
              issuer: field(printable(1024), "`iss`, whose public keys the other side has been given."),
              subject: field(printable(1024), "`sub`."),
              audience: field(printable(1024), "`aud`."),
              ttl: field(z._default(duration(), "5m"), "How long it is good."),
            }),
          ),
          "A token that the broker signs itself: for platforms that give it none.",
        ),
      }),
      exactlyOne(ASSERTION_FORMS, "source"),
    ),
    description,
  );

export const scopes = (description: string) => field(z.optional(z.array(printable(1024)).check(z.minLength(1), z.maxLength(32))), description);

/** How an OAuth 2 client proves itself; at most one of the two. */
export const clientProof = {
  clientSecretRef: field(z.optional(secretRef()), "The client's secret."),
  clientAuthentication: field(
    z._default(z.enum(["Basic", "Post"]), "Basic"),
    "Where the secret stands: `Basic` in the Authorization header, `Post` in the form.",
  ),
  privateKeyJWT: field(
    z.optional(
      z.strictObject({
        keyRef: field(secretRef(), "Private key, PKCS #8 PEM."),
        algorithm: algorithm("RS256"),
        keyID: field(z.optional(printable(256)), "`kid` of the assertion."),
        audience: field(z.optional(printable(2048)), "`aud` of the assertion; left out: the https address of the token endpoint."),
      }),
    ),
    "A signed assertion in place of a secret (RFC 7523).",
  ),
};

export const ONE_PROOF: CrossFieldRule<{ readonly clientSecretRef?: unknown; readonly privateKeyJWT?: unknown }> = {
  holds: (value) => value.clientSecretRef === undefined || value.privateKeyJWT === undefined,
  cel: "!has(self.clientSecretRef) || !has(self.privateKeyJWT)",
  message: "a client proves itself in one way: clientSecretRef or privateKeyJWT",
  path: "privateKeyJWT",
};
