import * as z from "zod/mini";
import { dnsLabel, objectName, text } from "../kinds/fields.ts";
import { apiGroup, GATEWAY_GROUP, kindName, standardKind } from "./standard-kind.ts";

const spec = z.strictObject({
  controllerName: text(253),
  description: z.optional(z.string().check(z.maxLength(64))),
  parametersRef: z.optional(z.strictObject({ group: apiGroup(), kind: kindName(), name: objectName(), namespace: z.optional(dnsLabel()) })),
});

export const gatewayClass = standardKind({ group: GATEWAY_GROUP, versions: ["v1", "v1beta1"], kind: "GatewayClass", scope: "Cluster", spec });
