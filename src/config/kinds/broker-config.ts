import * as z from "zod/mini";
import { PRINCIPAL_TYPES } from "../../model/caller.ts";
import { exactlyOne, withRules } from "./cross-field-rule.ts";
import { debugWindow } from "./debug-window.ts";
import { byteSizeField, dnsLabel, field, secretRef, text } from "./fields.ts";
import { identityIssuer } from "./identity-issuer.ts";
import { ownKind } from "./kind-definition.ts";

const principal = withRules(
  z.strictObject({
    type: field(
      z.enum(PRINCIPAL_TYPES),
      "`AWSIAM`: whoever signed a call to the function's URL or API. `AWSSQS`, `AWSEventBridge`, `CloudflareQueue`: where an event came from.",
    ),
    name: field(
      text(2048),
      "AWSIAM: ARN of the user or assumed role (`arn:aws:sts::123456789012:assumed-role/app/*`). AWSSQS: ARN of the queue. AWSEventBridge: `account/source`. CloudflareQueue: its name. A `*` at the end stands for any rest.",
    ),
    namespace: field(dnsLabel(), "The namespace of this caller."),
    serviceAccount: field(z.optional(text(253)), "Its service account."),
  }),
  { holds: (value) => /^[^*]*\*?$/.test(value.name), cel: "self.name.matches('^[^*]*[*]?$')", message: "* may stand at the end only", path: "name" },
  // A bare star, or one that leaves the account open, would let in every account there is.
  {
    holds: (value) => !value.name.endsWith("*") || /[:/]/.test(value.name),
    cel: "!self.name.endsWith('*') || self.name.matches('[:/]')",
    message: "what stands before * must name an account or path",
    path: "name",
  },
);

const identity = withRules(
  z.strictObject({
    issuers: field(
      z.optional(z.array(identityIssuer).check(z.maxLength(16))),
      "Issuers of signed tokens; verified without asking them, never taken from a header that a client may set.",
    ),
    apiKeys: field(
      z.optional(
        z.strictObject({
          secretRef: field(secretRef(), 'JSON document `{"keys": [{"sha256": "<hex>", "namespace": "…", "serviceAccount": "…", "workload": "…"}]}`.'),
        }),
      ),
      "Keys for callers that have no token of an issuer; only digests are kept.",
    ),
    principals: field(
      z.optional(z.array(principal).check(z.maxLength(256))),
      "Callers whom the platform itself proves: AWS IAM, a queue, a bus. The first that matches counts, and only for calls that show no credential.",
    ),
    anonymous: field(z._default(z.enum(["Deny", "Allow"]), "Deny"), "Callers without any credential. `Allow` must be written out."),
  }),
  {
    holds: (value) => new Set(value.issuers?.map((one) => one.name)).size === (value.issuers?.length ?? 0),
    cel: "!has(self.issuers) || self.issuers.all(one, self.issuers.exists_one(other, other.name == one.name))",
    message: "issuer names must be unique",
    path: "issuers",
  },
  {
    holds: (value) => !(value.issuers ?? []).some((one) => one.name === "api-keys" || one.name === "anonymous"),
    cel: "!has(self.issuers) || self.issuers.all(one, !(one.name in ['api-keys', 'anonymous']))",
    message: "api-keys and anonymous are names that telemetry uses for other proofs",
    path: "issuers",
  },
);

const STORES = ["memory", "redis", "dynamodb", "durableObject"] as const;

const usageStore = withRules(
  z.strictObject({
    memory: field(z.optional(z.strictObject({})), "In the instance itself: for one instance only, and forgotten when it ends."),
    redis: field(
      z.optional(
        z.strictObject({
          urlRef: field(secretRef(), "A secret that holds the address: `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS."),
        }),
      ),
      "Redis or Valkey. On Knative, Kubernetes, Lambda and wherever Node runs.",
    ),
    dynamodb: field(
      z.optional(
        z.strictObject({
          table: field(
            z.string().check(z.minLength(3), z.maxLength(255), z.regex(/^[A-Za-z0-9_.-]+$/, "must be the name of a table: letters, digits, `_`, `.` and `-`")),
            "Name of the table.",
          ),
          region: field(
            z.optional(z.string().check(z.maxLength(32), z.regex(/^[a-z]{2}(-[a-z0-9]+)+$/, "must be a region of AWS such as eu-central-1"))),
            "Region of the table; left out: the one that the platform names (`AWS_REGION`).",
          ),
        }),
      ),
      "A table of Amazon DynamoDB. Where Node runs.",
    ),
    durableObject: field(
      z.optional(
        z.strictObject({
          binding: field(
            z.string().check(z.maxLength(64), z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of a binding: letters, digits and `_`")),
            "Name of the binding to the namespace of Durable Objects.",
          ),
          jurisdiction: field(z.optional(z.enum(["eu", "fedramp"])), "Where the objects are kept; left out: near to whoever asks first."),
        }),
      ),
      "Durable Objects of Cloudflare. On Workers.",
    ),
  }),
  exactlyOne(STORES, "store"),
);

export const brokerConfig = ownKind({
  kind: "BrokerConfig",
  plural: "brokerconfigs",
  shortName: "broker",
  description:
    "How a Gateway of this broker knows its callers, which routes they see and how much they may send. The Gateway names it in `spec.infrastructure.parametersRef`.",
  policy: null,
  columns: { Scope: ".spec.routing.scope", Anonymous: ".spec.identity.anonymous" },
  spec: field(
    z.strictObject({
      identity: field(z.optional(identity), "Who may call. Left out: nobody, every call is answered 401."),
      routing: field(
        z.optional(
          z.strictObject({
            scope: field(
              z._default(z.enum(["CallerNamespace", "Shared"]), "CallerNamespace"),
              "`CallerNamespace`: a caller sees the routes of its own namespace and of the Gateway's. `Shared`: all, as in plain Gateway API.",
            ),
          }),
        ),
        "Which routes a caller sees.",
      ),
      chainId: field(
        z.optional(z.string().check(z.minLength(1), z.maxLength(128), z.regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, "must be a token (RFC 9110)"))),
        "Name of this broker in `CDN-Loop` (RFC 8586) and `Via`, by which a call that comes back is known. Left out: made from the Gateway's name.",
      ),
      bounds: field(
        z.optional(
          z.strictObject({
            maxRequestBytes: field(z._default(byteSizeField(), 33_554_432), "Largest request body, in bytes or such as `32Mi`; beyond it 413."),
            replayBytes: field(z._default(byteSizeField(), 33_554_432), "Bytes of a body that are kept so that another backend can be tried."),
            maxOpenCalls: field(
              z._default(z.int().check(z.minimum(1), z.maximum(1_000_000)), 32_768),
              "Calls, streams and WebSockets that may be open at one instance; beyond it 503 `overloaded`.",
            ),
            maxOpenCallsPerNamespace: field(
              z.optional(z.int().check(z.minimum(1), z.maximum(1_000_000))),
              "Of these, those of one namespace, so that no tenant can take every place. Left out: half.",
            ),
          }),
        ),
        "Limits of one request, and of how many may be open.",
      ),
      console: field(
        z.optional(
          z.strictObject({
            // Not `On`: YAML 1.1, which kubectl reads, takes that for a boolean.
            mode: field(
              z._default(z.enum(["Enabled", "Disabled"]), "Disabled"),
              "`Enabled`: the broker serves `/-/console` to callers of the Gateway's own namespace, after a sign-in.",
            ),
          }),
        ),
        "A page for operators: what runs, who used what, limits, incidents, and where calls may be processed.",
      ),
      debug: field(
        z.optional(debugWindow),
        "For an incident: one more line of the log for each call, at most 20 a second, with the decisions on it. It holds names, words and times, never a value of a header, a query, a body or a secret.",
      ),
      limits: field(
        z.optional(
          z.strictObject({
            store: field(
              z.optional(usageStore),
              "Where usage is counted and kept, the same for all instances. Left out: the Redis that `SPILLWAY_STATE` names, the Durable Objects bound as `SPILLWAY_USAGE`, else the memory of each instance.",
            ),
          }),
        ),
        "For UsageLimitPolicy and the records of usage.",
      ),
      allowedDomains: field(
        z.optional(
          z
            .array(text(255).check(z.regex(/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, "must be a hostname, or *. and one")))
            .check(z.maxLength(512)),
        ),
        "Hostnames that XBackends may name; `*.example.com` is every name below it. Left out: all public names.",
      ),
    }),
    "Settings of the Gateways that refer to this object.",
  ),
});

export type BrokerConfigSpec = z.infer<typeof brokerConfig.spec>;
