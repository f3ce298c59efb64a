import * as z from "zod/mini";
import { duration, objectName } from "../kinds/fields.ts";
import { apiGroup, BACKEND_GROUP, kindName, standardKind } from "./standard-kind.ts";

const spec = z.strictObject({
  targetRefs: z.array(z.strictObject({ group: apiGroup(), kind: kindName(), name: objectName() })).check(z.minLength(1), z.maxLength(16)),
  retryConstraint: z.optional(
    z.strictObject({
      budget: z.optional(z.strictObject({ percent: z._default(z.int().check(z.minimum(0), z.maximum(100)), 20), interval: z._default(duration(), "10s") })),
      minRetryRate: z.optional(
        z.strictObject({ count: z._default(z.int().check(z.minimum(1), z.maximum(1_000_000)), 10), interval: z._default(duration(), "1s") }),
      ),
    }),
  ),
  sessionPersistence: z.optional(z.looseObject({})),
});

/** How much may be repeated toward a backend (GEP-3388). */
export const xBackendTrafficPolicy = standardKind({
  group: BACKEND_GROUP,
  versions: ["v1alpha1"],
  kind: "XBackendTrafficPolicy",
  scope: "Namespaced",
  spec,
});
