import * as z from "zod/mini";
import { dnsLabel, objectName } from "../kinds/fields.ts";
import { apiGroup, GATEWAY_GROUP, kindName, standardKind } from "./standard-kind.ts";

const spec = z.strictObject({
  from: z.array(z.strictObject({ group: apiGroup(), kind: kindName(), namespace: dnsLabel() })).check(z.minLength(1), z.maxLength(16)),
  to: z.array(z.strictObject({ group: apiGroup(), kind: kindName(), name: z.optional(objectName()) })).check(z.minLength(1), z.maxLength(16)),
});

export const referenceGrant = standardKind({ group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], kind: "ReferenceGrant", scope: "Namespaced", spec });
