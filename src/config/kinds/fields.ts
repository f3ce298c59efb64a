import * as z from "zod/mini";
import { BYTE_SIZE } from "../byte-size.ts";
import { DURATION } from "../duration.ts";
import { kindOfGroup, withRules } from "./cross-field-rule.ts";

// Workers forbid `new Function`, which zod otherwise uses to compile its schemas.
z.config({ jitless: true });

/** Gives a field its description: for the reader of docs/manifests.md and for `kubectl explain`. */
export function field<Schema extends z.ZodMiniType>(schema: Schema, description: string, extra: Readonly<Record<string, unknown>> = {}): Schema {
  return schema.check(z.meta({ description, ...extra }));
}

/** RFC 1123 subdomain, as Kubernetes names are. */
export const objectName = () =>
  z.string().check(z.maxLength(253), z.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, "must be a lower-case RFC 1123 subdomain"));

/** RFC 1123 label, as namespaces are. */
export const dnsLabel = () => z.string().check(z.maxLength(63), z.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "must be a lower-case RFC 1123 label"));

/** Text of bounded length; an empty one is refused. */
export const text = (maxLength: number) =>
  z.string().check(z.minLength(1, "must not be empty"), z.maxLength(maxLength, `must be at most ${maxLength} characters`));

export const duration = () => z.string().check(z.regex(DURATION, "must be a duration such as 30s, 5m or 1h30m"));

export const byteSizeField = () =>
  field(
    z.union([
      z.int("must be a whole number of bytes, or text such as 32Mi").check(z.minimum(1)),
      z.string().check(z.regex(BYTE_SIZE, "must be a whole number of bytes, or text such as 32Mi")),
    ]),
    "",
    { "x-kubernetes-int-or-string": true },
  );

export const labelMap = () => z.record(z.string().check(z.maxLength(317)), z.string().check(z.maxLength(63)));

/** metadata as the API server accepts it; what only the server writes is let through, so that `kubectl get -o yaml` can be read back. */
export const metadata = () =>
  z.strictObject({
    name: objectName(),
    namespace: z.optional(dnsLabel()),
    labels: z.optional(labelMap()),
    annotations: z.optional(z.record(z.string(), z.string())),
    creationTimestamp: z.optional(
      z.nullable(z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/, "must be an RFC 3339 time"))),
    ),
    generation: z.optional(z.int()),
    uid: z.optional(z.string()),
    resourceVersion: z.optional(z.string()),
    generateName: z.optional(z.string()),
    selfLink: z.optional(z.string()),
    finalizers: z.optional(z.array(z.string())),
    ownerReferences: z.optional(z.array(z.unknown())),
    managedFields: z.optional(z.array(z.unknown())),
    deletionTimestamp: z.optional(z.nullable(z.string())),
    deletionGracePeriodSeconds: z.optional(z.int()),
  });

/** A reference to a SecretSource or to a core Secret. */
export const secretRef = () =>
  withRules(
    z.strictObject({
      group: field(z._default(z.enum(["spillway.dev", ""]), ""), "API group: `spillway.dev` for a SecretSource, empty for a core Secret."),
      kind: field(z._default(z.enum(["SecretSource", "Secret"]), "Secret"), "`SecretSource` or `Secret`."),
      name: field(objectName(), "Name of the object."),
      namespace: field(z.optional(dnsLabel()), "Namespace of the object; left out: the namespace of this one. Another namespace needs a ReferenceGrant there."),
      key: field(z.optional(text(253)), "Key inside a core Secret; left out: `value`, then `token`, then the only key there is. Not for a SecretSource."),
    }),
    kindOfGroup({ SecretSource: "spillway.dev", Secret: "" }, "group and kind do not belong together: spillway.dev/SecretSource or (empty group)/Secret"),
  );

/** A backend that a policy attaches to: always in the policy's own namespace. */
export const backendTarget = () =>
  withRules(
    z.strictObject({
      group: field(
        z.enum(["gateway.networking.x-k8s.io", ""]),
        "API group of the backend: `gateway.networking.x-k8s.io` for an XBackend, empty for a Service.",
      ),
      kind: field(z.enum(["XBackend", "Service"]), "`XBackend` or `Service`."),
      name: field(objectName(), "Name of the backend, in the namespace of this policy."),
    }),
    kindOfGroup(
      { XBackend: "gateway.networking.x-k8s.io", Service: "" },
      "group and kind do not belong together: gateway.networking.x-k8s.io/XBackend or (empty group)/Service",
    ),
  );

export const backendTargets = () =>
  field(z.array(backendTarget()).check(z.minLength(1, "must name at least one backend"), z.maxLength(16)), "The backends that this policy is for; at most 16.");
