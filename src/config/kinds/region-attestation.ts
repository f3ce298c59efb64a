import * as z from "zod/mini";
import { kindOfGroup, withRules } from "./cross-field-rule.ts";
import { dnsLabel, field, objectName, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

/** RFC 3339: a date, or a time with its zone. */
const CHECKED_AT = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d))?$/;

const country = () => z.string().check(z.regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code such as DE"));

const place = () =>
  withRules(
    z.strictObject({
      regions: field(z.optional(z.array(text(64)).check(z.maxLength(64))), "Regions as the provider writes them; all of them may be used."),
      countries: field(z.optional(z.array(country()).check(z.maxLength(250))), "ISO 3166-1 alpha-2 codes; left out: those of the regions."),
    }),
    {
      holds: (value) => (value.regions?.length ?? 0) + (value.countries?.length ?? 0) > 0,
      cel: "(has(self.regions) && self.regions.size() > 0) || (has(self.countries) && self.countries.size() > 0)",
      message: "must name at least one region or country",
    },
  );

const target = withRules(
  z.strictObject({
    group: field(z.enum(["gateway.networking.x-k8s.io", ""]), "API group of the backend: `gateway.networking.x-k8s.io` for an XBackend, empty for a Service."),
    kind: field(z.enum(["XBackend", "Service"]), "`XBackend` or `Service`."),
    namespace: field(dnsLabel(), "Namespace of the backend."),
    name: field(objectName(), "Name of the backend."),
  }),
  kindOfGroup(
    { XBackend: "gateway.networking.x-k8s.io", Service: "" },
    "group and kind do not belong together: gateway.networking.x-k8s.io/XBackend or (empty group)/Service",
  ),
);

const deployment = z.strictObject({
  name: field(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must be the name of a deployment")), "Name of the deployment."),
  sku: field(text(64), "`sku.name` as Azure Resource Manager writes it, such as `Standard` or `DataZoneStandard`."),
  location: field(
    z.string().check(z.regex(/^[a-z0-9]{1,32}$/, "must be a location such as swedencentral")),
    "The account's `location`, such as `swedencentral`.",
  ),
});

const profile = z.strictObject({
  id: field(text(2048), "Id of the inference profile, such as `eu.anthropic.claude-sonnet-4-5-20250929-v1:0`, or any ARN that hides a model."),
  sourceRegion: field(z.optional(text(64)), "The region that is called; left out: any."),
  destinationRegions: field(z.array(text(64)).check(z.minLength(1, "must name at least one region"), z.maxLength(64)), "Every region that it may go to."),
});

const allow = z.strictObject({
  serverTools: field(
    z.optional(z.array(text(128)).check(z.maxLength(64))),
    "Types of tools that the provider runs, and names of fields of the body, that stay inside the place too, such as `web_search_20250305`.",
  ),
  fetches: field(
    z.optional(
      z
        .array(z.string().check(z.maxLength(512), z.regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/, "must be an origin such as https://files.example, or *")))
        .check(z.maxLength(64)),
    ),
    "Origins that the provider may fetch files and images from, such as `https://files.example` or `s3://bucket`; `*`: any.",
  ),
  storedState: field(
    z._default(z.boolean(), false),
    "What the provider keeps stays inside: stored answers, conversations, files, batches. Then calls may store, and refer to what is stored.",
  ),
  guardrails: field(z._default(z.boolean(), false), "Guardrails run inside the place."),
});

export const regionAttestation = ownKind({
  kind: "RegionAttestation",
  plural: "regionattestations",
  shortName: "regatt",
  description:
    "What an administrator vouches for, or a provider's control plane says, about where backends process: the facts that a hostname cannot show. It counts only in the namespace of a Gateway, so that the owner of a route cannot attest himself out of a lock.",
  policy: "Direct",
  columns: { Checked: ".spec.checkedAt", Source: ".spec.source" },
  spec: field(
    z.strictObject({
      targetRefs: field(z.array(target).check(z.minLength(1, "must name at least one backend"), z.maxLength(64)), "The backends that this is about."),
      checkedAt: field(
        z.string().check(z.regex(CHECKED_AT, "must be an RFC 3339 date such as 2026-11-22, or a time with its zone")),
        "When this was last compared with its source. RegionPolicy `evidence.maxAge` counts from here.",
      ),
      source: field(text(512), "Where it was read: a contract, a page, a command. Shown as evidence."),
      from: field(
        z._default(z.enum(["Statement", "ControlPlane"]), "Statement"),
        "`Statement`: somebody's word. `ControlPlane`: read from the provider's own API, as `spillway regions update` does.",
      ),
      processing: field(z.optional(place()), "Where the whole backend processes, for a host that proves nothing."),
      deployments: field(z.optional(z.array(deployment).check(z.maxLength(512))), "Deployments of an Azure OpenAI or Foundry account."),
      inferenceProfiles: field(z.optional(z.array(profile).check(z.maxLength(512))), "Inference profiles of Amazon Bedrock."),
      project: field(z.optional(place()), "Region of the OpenAI project behind `api.openai.com`."),
      models: field(
        z.optional(z.array(text(256)).check(z.maxLength(512))),
        "Models for which the provider documents processing inside, beyond the built-in tables. Vertex AI models of other publishers are written `publisher/model`.",
      ),
      allow: field(z.optional(allow), "What beyond the model stays inside; left out: nothing is known to."),
    }),
    "About which backends, since when, and what.",
  ),
});
