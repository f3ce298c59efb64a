import * as z from "zod/mini";
import { dnsLabel, objectName, text } from "../kinds/fields.ts";
import { type KindDefinition, objectWithSpec } from "../kinds/kind-definition.ts";

export const GATEWAY_GROUP = "gateway.networking.k8s.io";
export const BACKEND_GROUP = "gateway.networking.x-k8s.io";

/**
 * The standard kinds are checked for structure only: every field that the standard has is accepted, any other is a fault.
 * Enums stay plain strings here, because a value from a newer version of the standard must become a condition, not a crash.
 */
export function standardKind<Spec>(
  definition: Omit<KindDefinition, "schema"> & { readonly spec: z.ZodMiniType<Spec> },
): KindDefinition<{ readonly spec: Spec }> {
  const { spec, ...rest } = definition;
  return { ...rest, schema: objectWithSpec(spec) };
}

/** A value of one of the standard's enums, checked later. */
export const enumValue = () => text(253);

export const apiGroup = () =>
  z.string().check(z.maxLength(253), z.regex(/^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, "must be an API group"));
export const kindName = () => text(63).check(z.regex(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, "must be a kind"));
export const portNumber = () => z.int().check(z.minimum(1), z.maximum(65535));

/** A hostname, or one below `*.`; IP addresses are not hostnames. Checked for letters by the compiler, so that an upper-case one is told apart from a typo. */
export const hostname = () =>
  text(253).check(z.regex(/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, "must be a lower-case hostname, optionally below *."));
export const preciseHostname = () =>
  text(253).check(z.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, "must be a lower-case hostname"));

export const selector = () =>
  z.strictObject({
    matchLabels: z.optional(z.record(z.string(), z.string())),
    matchExpressions: z.optional(z.array(z.strictObject({ key: z.string(), operator: enumValue(), values: z.optional(z.array(z.string())) }))),
  });

/** SecretObjectReference. */
export const secretObjectRef = () =>
  z.strictObject({
    group: z._default(apiGroup(), ""),
    kind: z._default(kindName(), "Secret"),
    name: objectName(),
    namespace: z.optional(dnsLabel()),
  });

/** LocalObjectReference, and with `namespace` ObjectReference. */
export const objectRef = () => z.strictObject({ group: apiGroup(), kind: kindName(), name: objectName(), namespace: z.optional(dnsLabel()) });
