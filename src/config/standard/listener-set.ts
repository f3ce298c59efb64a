import * as z from "zod/mini";
import { dnsLabel, objectName } from "../kinds/fields.ts";
import { listeners } from "./gateway.ts";
import { apiGroup, GATEWAY_GROUP, kindName, standardKind } from "./standard-kind.ts";

const spec = z.strictObject({
  parentRef: z.strictObject({
    group: z._default(apiGroup(), GATEWAY_GROUP),
    kind: z._default(kindName(), "Gateway"),
    name: objectName(),
    namespace: z.optional(dnsLabel()),
  }),
  listeners: listeners("a ListenerSet needs a listener"),
});

/** Listeners that are added to a Gateway from outside it (GEP-1713). */
export const listenerSet = standardKind({ group: GATEWAY_GROUP, versions: ["v1"], kind: "ListenerSet", scope: "Namespaced", spec });
