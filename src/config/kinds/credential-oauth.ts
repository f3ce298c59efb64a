import * as z from "zod/mini";
import { assertion, clientProof, endpoint, ONE_PROOF, printable, scopes } from "./credential-fields.ts";
import { exactlyOne, withRules } from "./cross-field-rule.ts";
import { field } from "./fields.ts";

const audiences = (description: string) => field(z.optional(z.array(printable(2048)).check(z.minLength(1), z.maxLength(16))), description);
const resources = () => audiences("Addresses of the services that the token is for (RFC 8707).");

export const oauth2ClientCredentials = withRules(
  z.strictObject({
    tokenEndpoint: endpoint("The authorization server's token endpoint."),
    clientID: field(printable(1024), "The broker's client id there."),
    ...clientProof,
    scopes: scopes("Scopes to ask for."),
    audience: audiences("`audience` parameters, which some servers want."),
    resource: resources(),
  }),
  ONE_PROOF,
  {
    holds: (value) => value.clientSecretRef !== undefined || value.privateKeyJWT !== undefined,
    cel: "has(self.clientSecretRef) || has(self.privateKeyJWT)",
    message: "the client must prove itself: clientSecretRef or privateKeyJWT",
    path: "clientSecretRef",
  },
);

export const tokenExchange = withRules(
  z.strictObject({
    tokenEndpoint: endpoint("The authorization server's token endpoint."),
    subject: field(
      withRules(
        z.strictObject({
          caller: field(
            z.optional(z.strictObject({})),
            "The JWT that the caller has shown to the broker and that was verified: each caller gets a token of its own. A caller with an API key has none.",
          ),
          token: z.optional(assertion("The broker's own token: one for all callers.")),
        }),
        exactlyOne(["caller", "token"], "subject"),
      ),
      "Whose token is exchanged.",
    ),
    subjectTokenType: field(z._default(printable(256), "urn:ietf:params:oauth:token-type:jwt"), "What it is."),
    requestedTokenType: field(z.optional(printable(256)), "What is wanted; left out: the server chooses."),
    clientID: field(z.optional(printable(1024)), "The broker's client id there; left out: it shows none."),
    ...clientProof,
    scopes: scopes("Scopes to ask for."),
    audience: audiences("Names of the services that the token is for."),
    resource: resources(),
  }),
  ONE_PROOF,
  {
    holds: (value) => value.clientID !== undefined || (value.clientSecretRef === undefined && value.privateKeyJWT === undefined),
    cel: "has(self.clientID) || (!has(self.clientSecretRef) && !has(self.privateKeyJWT))",
    message: "a client that proves itself needs a clientID",
    path: "clientID",
  },
);

export const openAIWorkloadIdentity = z.strictObject({
  identityProviderID: field(printable(256), "Identity provider in the organisation's settings."),
  serviceAccountID: field(printable(256), "Service account as which the broker acts."),
  clientID: field(z.optional(printable(256)), "Client id, where the provider asks for one."),
  subjectTokenType: field(
    z._default(z.enum(["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"]), "urn:ietf:params:oauth:token-type:jwt"),
    "What the token is.",
  ),
  token: assertion("The token that the identity provider trusts."),
  tokenEndpoint: z.optional(endpoint("Left out: `https://auth.openai.com/oauth/token`.")),
});

export const anthropicWorkloadIdentity = z.strictObject({
  federationRuleID: field(printable(256), "Federation rule in the organisation's settings."),
  organizationID: field(printable(256), "Organisation."),
  serviceAccountID: field(z.optional(printable(256)), "Service account as which the broker acts, where the rule leaves it open."),
  workspaceID: field(z.optional(printable(256)), "Workspace, where the rule leaves it open."),
  token: assertion("The token that the rule trusts, at most 16 KiB."),
  tokenEndpoint: z.optional(endpoint("Left out: `https://api.anthropic.com/v1/oauth/token`.")),
});
