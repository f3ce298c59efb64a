import * as z from "zod/mini";
import { objectName, text } from "../kinds/fields.ts";
import { apiGroup, enumValue, GATEWAY_GROUP, hostname, kindName, objectRef, portNumber, secretObjectRef, selector, standardKind } from "./standard-kind.ts";

const listenerNamespaces = () => z.strictObject({ from: z.optional(enumValue()), selector: z.optional(selector()) });

const listener = z.strictObject({
  name: objectName(),
  hostname: z.optional(hostname()),
  port: portNumber(),
  protocol: text(255),
  tls: z.optional(
    z.strictObject({
      mode: z.optional(enumValue()),
      certificateRefs: z.optional(z.array(secretObjectRef()).check(z.maxLength(64))),
      options: z.optional(z.record(z.string(), z.string())),
    }),
  ),
  allowedRoutes: z.optional(
    z.strictObject({
      namespaces: z.optional(listenerNamespaces()),
      kinds: z.optional(z.array(z.strictObject({ group: z._default(apiGroup(), GATEWAY_GROUP), kind: kindName() })).check(z.maxLength(8))),
    }),
  ),
});

/** Of a Gateway or of a ListenerSet. */
export const listeners = (none: string) =>
  z.array(listener).check(
    z.minLength(1, none),
    z.maxLength(64),
    z.refine((all) => new Set(all.map((one) => one.name)).size === all.length, { error: "listener names must be unique" }),
  );

const frontendTls = z.strictObject({
  validation: z.optional(z.strictObject({ caCertificateRefs: z.array(objectRef()).check(z.minLength(1), z.maxLength(16)), mode: z.optional(enumValue()) })),
});

const spec = z.strictObject({
  gatewayClassName: objectName(),
  listeners: listeners("a Gateway needs a listener"),
  addresses: z.optional(z.array(z.strictObject({ type: z.optional(enumValue()), value: z.optional(text(253)) })).check(z.maxLength(16))),
  infrastructure: z.optional(
    z.strictObject({
      labels: z.optional(z.record(z.string(), z.string())),
      annotations: z.optional(z.record(z.string(), z.string())),
      parametersRef: z.optional(z.strictObject({ group: apiGroup(), kind: kindName(), name: objectName() })),
    }),
  ),
  allowedListeners: z.optional(z.strictObject({ namespaces: z.optional(listenerNamespaces()) })),
  defaultScope: z.optional(enumValue()),
  tls: z.optional(
    z.strictObject({
      backend: z.optional(z.strictObject({ clientCertificateRef: z.optional(secretObjectRef()) })),
      frontend: z.optional(z.strictObject({ default: frontendTls, perPort: z.optional(z.array(z.strictObject({ port: portNumber(), tls: frontendTls }))) })),
    }),
  ),
});

export const gateway = standardKind({ group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], kind: "Gateway", scope: "Namespaced", spec });
export type ListenerSpec = z.infer<typeof listener>;
export type ListenerNamespaces = z.infer<ReturnType<typeof listenerNamespaces>>;
