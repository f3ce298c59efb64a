import * as z from "zod/mini";
import { objectName, text } from "../kinds/fields.ts";
import { apiGroup, BACKEND_GROUP, enumValue, kindName, portNumber, secretObjectRef, standardKind } from "./standard-kind.ts";

/** How a backend proves itself; the same in an XBackend and a BackendTLSPolicy. */
export const backendValidation = z.strictObject({
  // Names are checked by the compiler, which gives the XBackend a condition instead of refusing the whole set.
  hostname: text(253),
  caCertificateRefs: z.optional(z.array(z.strictObject({ group: apiGroup(), kind: kindName(), name: objectName() })).check(z.maxLength(8))),
  wellKnownCACertificates: z.optional(enumValue()),
  subjectAltNames: z.optional(
    z.array(z.strictObject({ type: enumValue(), hostname: z.optional(text(253)), uri: z.optional(text(253)) })).check(z.maxLength(5)),
  ),
});

const spec = z.strictObject({
  type: enumValue(),
  externalHostname: z.optional(z.strictObject({ hostname: text(253) })),
  port: z.strictObject({ name: z.optional(text(63)), port: portNumber() }),
  protocol: z.optional(enumValue()),
  tls: z.optional(z.strictObject({ mode: enumValue(), clientCertificateRef: z.optional(secretObjectRef()), validation: z.optional(backendValidation) })),
});

export const xBackend = standardKind({ group: BACKEND_GROUP, versions: ["v1alpha1"], kind: "XBackend", scope: "Namespaced", spec });
export type BackendValidation = z.infer<typeof backendValidation>;
export type XBackendSpec = z.infer<typeof spec>;
