import * as z from "zod/mini";
import { dnsLabel, field } from "./fields.ts";

/** BrokerConfig `debug`: whose decisions are told of in the log, and until when. */
export const debugWindow = z.strictObject({
  until: field(
    z
      .string()
      .check(z.regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/, "must be a time of UTC such as 2026-11-23T12:00:00Z")),
    "When it ends by itself, in UTC. It is open for the 24 hours before that at most.",
  ),
  namespaces: field(z.optional(z.array(dnsLabel()).check(z.minLength(1), z.maxLength(64))), "Only calls of callers of these namespaces; left out: of all."),
});
