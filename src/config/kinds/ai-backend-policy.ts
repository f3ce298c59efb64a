import * as z from "zod/mini";
import { backendTargets, field, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

/** Decimal text, as money in manifests should be, or a whole number: Kubernetes has no portable fractions. */
const perMillion = () =>
  field(
    z.optional(
      z.union([
        z.int('must be decimal text such as "1.25", quoted').check(z.minimum(0)),
        z.string().check(z.regex(/^[0-9]{1,9}(\.[0-9]{1,9})?$/, 'must be decimal text such as "1.25", quoted')),
      ]),
    ),
    "",
    { "x-kubernetes-int-or-string": true },
  );

const price = z.strictObject({
  inputPerMTok: field(perMillion(), "Price of a million input tokens."),
  cachedInputPerMTok: field(perMillion(), "Price of a million input tokens that the provider read from its cache."),
  outputPerMTok: field(perMillion(), "Price of a million output tokens."),
  currency: field(z._default(z.string().check(z.regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as USD")), "USD"), "ISO 4217 code."),
});

const model = z.strictObject({
  name: field(
    text(256).check(z.regex(/^(\*[^*]*|[^*]+\*?)$/, "may carry one * at the beginning or at the end")),
    "The name that callers use; one `*` at either end stands for any text.",
  ),
  upstream: field(z.optional(text(256)), "What the backend calls it; left out: the same."),
  price: field(z.optional(price), "For the cost of a call in telemetry."),
});

export const aiBackendPolicy = ownKind({
  kind: "AIBackendPolicy",
  plural: "aibackendpolicies",
  shortName: "aipol",
  description: "Which inference API a backend speaks, which models it offers and what they cost.",
  policy: "Direct",
  columns: { Schema: ".spec.schema.name" },
  spec: field(
    z.strictObject({
      targetRefs: backendTargets(),
      schema: field(
        z.strictObject({
          name: field(z.enum(["OpenAI", "Anthropic"]), "`OpenAI` or `Anthropic`."),
          prefix: field(
            z.optional(z.string().check(z.maxLength(256), z.regex(/^\/[A-Za-z0-9._~/-]*$/, "must be a path that starts with /"))),
            "Path under which the backend serves the API, such as `/v1`; left out: the path as the route made it.",
          ),
        }),
        "The API.",
      ),
      models: field(z.optional(z.array(model).check(z.maxLength(256))), "The first entry whose name fits counts."),
      onUnknownModel: field(
        z.optional(z.enum(["Reject", "Pass"])),
        "What happens to a model that no entry names: `Reject` leaves this backend out, `Pass` sends it as it is. Left out: `Reject` when models are listed, else `Pass`.",
      ),
    }),
    "The backends and what they offer.",
  ),
});

export type AIBackendPolicySpec = z.infer<typeof aiBackendPolicy.spec>;
