import * as z from "zod/mini";
import { GUARDED_HEADERS, isGuardedHeader } from "../guarded-headers.ts";
import { awsSigV4, azure, gcp } from "./credential-clouds.ts";
import { anthropicWorkloadIdentity, oauth2ClientCredentials, openAIWorkloadIdentity, tokenExchange } from "./credential-oauth.ts";
import { withRules } from "./cross-field-rule.ts";
import { backendTargets, field, secretRef, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

const bearer = z.strictObject({ secretRef: field(secretRef(), "The token.") });

const apiKey = withRules(
  z.strictObject({
    secretRef: field(secretRef(), "The key."),
    in: field(z.enum(["Header", "Query"]), "`Header` or `Query`. A key in the query is kept out of logs and spans."),
    name: field(
      text(256).check(z.regex(TOKEN, "must be a token (RFC 9110)")),
      "Header or query parameter, such as `x-api-key` (Anthropic) or `api-key` (Azure).",
    ),
    prefix: field(
      z._default(z.string().check(z.maxLength(64), z.regex(/^[\x20-\x7e]*$/, "must be printable ASCII")), ""),
      "Stands before the key in a header.",
    ),
  }),

  {
    holds: (value) => value.in === "Header" || value.prefix === "",
    cel: "self.__in__ == 'Header' || self.prefix == ''",
    message: "prefix is for a key in a header",
    path: "prefix",
  },
  {
    holds: (value) => value.in === "Query" || !isGuardedHeader(value.name.toLowerCase()),
    cel: `self.__in__ == 'Query' || !(self.name.lowerAscii() in [${[...GUARDED_HEADERS].map((name) => `'${name}'`).join(", ")}] || self.name.lowerAscii().startsWith('egress-'))`,
    message: "this header belongs to the broker",
    path: "name",
  },
);

const MEMBER_OF_TYPE = {
  Bearer: "bearer",
  APIKey: "apiKey",
  AWSSigV4: "awsSigV4",
  GCP: "gcp",
  Azure: "azure",
  OAuth2ClientCredentials: "oauth2ClientCredentials",
  TokenExchange: "tokenExchange",
  OpenAIWorkloadIdentity: "openAIWorkloadIdentity",
  AnthropicWorkloadIdentity: "anthropicWorkloadIdentity",
  Passthrough: "passthrough",
} as const;

// `as`: the names of an object literal are those that stand in it.
const TYPES = Object.keys(MEMBER_OF_TYPE) as (keyof typeof MEMBER_OF_TYPE)[];

export const backendCredentialPolicy = ownKind({
  kind: "BackendCredentialPolicy",
  plural: "backendcredentialpolicies",
  shortName: "bcred",
  description: "The credential that the broker adds to calls of a backend. The workload never sees it, and what the workload presented is removed.",
  policy: "Direct",
  columns: { Type: ".spec.type" },
  spec: field(
    withRules(
      z.strictObject({
        targetRefs: backendTargets(),
        type: field(z.enum(TYPES), `Which member below says how: ${TYPES.map((type) => `\`${type}\``).join(", ")}.`),
        bearer: field(z.optional(bearer), "`Authorization: Bearer <token>`."),
        apiKey: field(z.optional(apiKey), "A key in a header or in the query."),
        awsSigV4: field(z.optional(awsSigV4), "A signature of AWS, version 4, over the request as it leaves."),
        gcp: field(z.optional(gcp), "A token of Google Cloud as a bearer."),
        azure: field(z.optional(azure), "A token of Microsoft Entra as a bearer."),
        oauth2ClientCredentials: field(z.optional(oauth2ClientCredentials), "A token of any OAuth 2 server as a bearer (RFC 6749 section 4.4)."),
        tokenExchange: field(z.optional(tokenExchange), "A token that is got for another one, as a bearer (RFC 8693)."),
        openAIWorkloadIdentity: field(z.optional(openAIWorkloadIdentity), "A token of OpenAI's workload identity federation as a bearer."),
        anthropicWorkloadIdentity: field(
          z.optional(anthropicWorkloadIdentity),
          "A token of Anthropic's workload identity federation as a bearer, with the `anthropic-beta` that goes with it.",
        ),
        passthrough: field(
          z.optional(z.strictObject({})),
          "The caller's own credential goes on; only the broker's token is removed. Callers must then present the two in different headers.",
        ),
        stripClientCredentials: field(
          z._default(z.boolean(), true),
          "Removes `Authorization`, `x-api-key`, `api-key`, `x-goog-api-key` and `Cookie` of the caller before the credential is added. Not for `Passthrough`.",
        ),
      }),

      {
        holds: (spec) => Object.entries(MEMBER_OF_TYPE).every(([type, member]) => type === spec.type || spec[member] === undefined),
        cel: Object.entries(MEMBER_OF_TYPE)
          .map(([type, member]) => `(self.type == '${type}' || !has(self.${member}))`)
          .join(" && "),
        message: "only the member that `type` names may be there",
        path: "type",
      },
      {
        holds: (spec) => spec.type === "Passthrough" || spec[MEMBER_OF_TYPE[spec.type]] !== undefined,
        cel: Object.entries(MEMBER_OF_TYPE)
          .flatMap(([type, member]) => (type === "Passthrough" ? [] : [`(self.type != '${type}' || has(self.${member}))`]))
          .join(" && "),
        message: "the member that `type` names is missing",
        path: "type",
      },
    ),
    "The backends and the one credential that they get.",
  ),
});
