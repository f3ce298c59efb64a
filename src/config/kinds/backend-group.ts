import * as z from "zod/mini";
import { kindOfGroup, withRules } from "./cross-field-rule.ts";
import { dnsLabel, duration, field, objectName, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

const backendRef = withRules(
  z.strictObject({
    group: field(z._default(z.enum(["gateway.networking.x-k8s.io", ""]), "gateway.networking.x-k8s.io"), "API group of the backend; empty for a Service."),
    kind: field(z._default(z.enum(["XBackend", "Service"]), "XBackend"), "`XBackend` or `Service`."),
    name: field(objectName(), "Name of the backend."),
    namespace: field(z.optional(dnsLabel()), "Another namespace is possible for a Service with a ReferenceGrant, never for an XBackend (GEP-4894)."),
    port: field(z.optional(z.int().check(z.minimum(1), z.maximum(65535))), "Port of the Service; not needed for an XBackend."),
  }),
  kindOfGroup({ XBackend: "gateway.networking.x-k8s.io", Service: "" }, "group and kind do not belong together"),
  {
    holds: (ref) => ref.kind !== "Service" || ref.port !== undefined,
    cel: "self.kind != 'Service' || has(self.port)",
    message: "a Service needs a port",
    path: "port",
  },
);

const member = z.strictObject({
  backendRef: field(backendRef, "The backend."),
  weight: field(z._default(z.int().check(z.minimum(0), z.maximum(1_000_000)), 1), "Share of the tier's first tries; 0: never."),
  model: field(z.optional(text(256)), "Model that this backend is asked for in place of the caller's."),
});

const tier = z.strictObject({
  name: field(dnsLabel(), "Unique in the group; shown in telemetry."),
  backends: field(z.array(member).check(z.minLength(1, "a tier needs a backend"), z.maxLength(16)), "Tried in weighted order, each at most once."),
});

const failover = z.strictObject({
  statusCodes: field(
    z.optional(z.array(z.int().check(z.minimum(400), z.maximum(599))).check(z.maxLength(32))),
    "Of 408 and 5xx, those that send on a call too which may not be sent twice otherwise, such as a plain POST. 429, 503 and 529 send every call on; a 4xx that is the caller's own fault never does.",
  ),
  firstByteTimeout: field(z.optional(duration()), "Caps the first-byte time limit of every backend of the group: the remedy for a provider that hangs."),
  attemptsPerTier: field(z.optional(z.int().check(z.minimum(1), z.maximum(16))), "How many backends of one tier are tried; left out: all."),
});

const health = z.strictObject({
  consecutiveFailures: field(z._default(z.int().check(z.minimum(1), z.maximum(1000)), 3), "Failures in a row after which a backend is left out."),
  evictFor: field(z._default(duration(), "30s"), "For how long at first; it doubles with each time. For callers of other namespaces at most 5m."),
  maxEvictFor: field(z._default(duration(), "5m"), "The longest that it becomes. A longer `Retry-After` is cut to twice that, and to ten minutes."),
});

export const backendGroup = ownKind({
  kind: "BackendGroup",
  plural: "backendgroups",
  shortName: "bgroup",
  description:
    "Backends in order of preference. A call goes to the first tier, and on to the next inside the same request when it fails. As a backendRef of a kind that others do not know, another implementation answers 500 instead of splitting traffic over the tiers.",
  policy: null,
  columns: { Tiers: ".spec.tiers[*].name" },
  spec: field(
    withRules(
      z.strictObject({
        tiers: field(z.array(tier).check(z.minLength(1, "a group needs a tier"), z.maxLength(8)), "The order is the priority."),
        failover: field(z.optional(failover), "When a call goes on to the next backend."),
        health: field(z.optional(health), "When a backend is left out for a while."),
      }),
      {
        holds: (spec) => new Set(spec.tiers.map((one) => one.name)).size === spec.tiers.length,
        cel: "self.tiers.all(tier, self.tiers.exists_one(other, other.name == tier.name))",
        message: "tier names must be unique",
        path: "tiers",
      },
    ),
    "The tiers, and when to leave one.",
  ),
});
