import * as z from "zod/mini";
import { objectName, text } from "../kinds/fields.ts";
import { apiGroup, GATEWAY_GROUP, kindName, standardKind } from "./standard-kind.ts";
import { backendValidation } from "./x-backend.ts";

const spec = z.strictObject({
  targetRefs: z
    .array(z.strictObject({ group: apiGroup(), kind: kindName(), name: objectName(), sectionName: z.optional(objectName()) }))
    .check(z.minLength(1), z.maxLength(16)),
  validation: backendValidation,
  options: z.optional(z.record(z.string(), text(4096))),
});

/** TLS toward a Service (GEP-1897). An XBackend says the same itself. */
export const backendTlsPolicy = standardKind({ group: GATEWAY_GROUP, versions: ["v1", "v1alpha3"], kind: "BackendTLSPolicy", scope: "Namespaced", spec });
