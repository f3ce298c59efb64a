import * as z from "zod/mini";
import { API_PRESET_NAMES } from "../api-presets.ts";
import { withRules } from "./cross-field-rule.ts";
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
  cachedInputPerMTok: field(
    perMillion(),
    "Price of a million input tokens that the provider read from its cache; left out: that of input, and costs count as estimated.",
  ),
  cacheWritePerMTok: field(
    perMillion(),
    "Price of a million input tokens that were written to the cache; left out: that of input, and costs count as estimated.",
  ),
  cacheWriteHourPerMTok: field(
    perMillion(),
    "The same for tokens that are kept for an hour; left out: twice that of input where writes cost more than input, and costs count as estimated.",
  ),
  outputPerMTok: field(perMillion(), "Price of a million output tokens."),
  reasoningPerMTok: field(perMillion(), "Price of a million output tokens of reasoning; left out: that of output."),
  audioInputPerMTok: field(perMillion(), "Price of a million input tokens of audio; left out: that of input, and costs count as estimated."),
  audioOutputPerMTok: field(perMillion(), "Price of a million output tokens of audio; left out: that of output, and costs count as estimated."),
  imageInputPerMTok: field(perMillion(), "Price of a million input tokens of images; left out: that of input."),
  imageOutputPerMTok: field(perMillion(), "Price of a million output tokens of images; left out: that of output, and costs count as estimated."),
  currency: field(z._default(z.string().check(z.regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as USD")), "USD"), "ISO 4217 code."),
});

const model = z.strictObject({
  name: field(
    text(256).check(z.regex(/^(\*[^*]*|[^*]+\*?)$/, "may carry one * at the beginning or at the end")),
    "The name that callers use; one `*` at either end stands for any text.",
  ),
  upstream: field(z.optional(text(256)), "What the backend calls it; left out: the same."),
  price: field(
    z.optional(price),
    "What is paid, for costs in telemetry, limits and usage, in whatever tier and region; it stands in the place of the list price, whole.",
  ),
});

/** One segment of a path. */
const segment = () => text(64).check(z.regex(/^[A-Za-z0-9._-]+$/, "must be one segment of a path: letters, digits, `.`, `_` and `-`"));

/** Their paths name a project and a location. */
const ON_VERTEX: ReadonlySet<string> = new Set(["GCPVertexAI", "GCPAnthropic"]);

const schema = withRules(
  z.strictObject({
    name: field(
      z.enum(["OpenAI", "OpenAIResponses", "AzureOpenAI", "Anthropic", "AWSAnthropic", "GCPAnthropic", "AWSBedrock", "Gemini", "GCPVertexAI"]),
      "`OpenAI` (and all that speak its API), `OpenAIResponses` (for models that only the Responses API serves), `AzureOpenAI`, `Anthropic`, `AWSAnthropic` (Claude on Bedrock, InvokeModel), `GCPAnthropic` (Claude on Vertex AI, rawPredict), `AWSBedrock` (Converse), `Gemini` or `GCPVertexAI` (both generateContent).",
    ),
    preset: field(
      z.optional(z.enum(API_PRESET_NAMES)),
      "Whose server it is, where that differs from OpenAI's own: its path and which fields it knows. For `OpenAI`.",
    ),
    prefix: field(
      z.optional(z.string().check(z.maxLength(256), z.regex(/^\/[A-Za-z0-9._~/-]*$/, "must be a path that starts with /"))),
      "Path under which the backend serves the API, such as `/v1`; left out: the preset's, or the path as the route made it.",
    ),
    apiVersion: field(
      z.optional(text(32).check(z.regex(/^\d{4}-\d{2}-\d{2}(-preview)?$/, "must be a version such as 2024-10-21"))),
      "Azure's `api-version`, and then models are deployments in the path; left out: its `v1` API. For `AzureOpenAI`.",
    ),
    project: field(z.optional(segment()), "Google Cloud project, as it stands in the path. For `GCPVertexAI` and `GCPAnthropic`."),
    location: field(z.optional(segment()), "Location, as it stands in the path and must agree with the host. For `GCPVertexAI` and `GCPAnthropic`."),
    maxOutputTokens: field(
      z._default(z.int().check(z.minimum(1), z.maximum(1_000_000)), 4_096),
      "What is asked for where a caller names no bound and the API demands one (Anthropic).",
    ),
  }),
  {
    holds: (value) => value.preset === undefined || value.name === "OpenAI",
    cel: "!has(self.preset) || self.name == 'OpenAI'",
    message: "preset is for the schema OpenAI",
    path: "preset",
  },
  {
    holds: (value) => value.preset !== "WorkersAI" || value.prefix !== undefined,
    cel: "!has(self.preset) || self.preset != 'WorkersAI' || has(self.prefix)",
    message: "WorkersAI needs a prefix with the account: /client/v4/accounts/<account>/ai/v1",
    path: "prefix",
  },
  {
    holds: (value) => value.apiVersion === undefined || value.name === "AzureOpenAI",
    cel: "!has(self.apiVersion) || self.name == 'AzureOpenAI'",
    message: "apiVersion is for the schema AzureOpenAI",
    path: "apiVersion",
  },
  {
    holds: (value) =>
      ON_VERTEX.has(value.name) ? value.project !== undefined && value.location !== undefined : (value.project ?? value.location) === undefined,
    cel: "self.name in ['GCPVertexAI', 'GCPAnthropic'] ? has(self.project) && has(self.location) : !has(self.project) && !has(self.location)",
    message: "project and location are for the schemas GCPVertexAI and GCPAnthropic, which need both",
    path: "name",
  },
);

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
      schema: field(schema, "The API. A caller of another one is served by translation."),
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
