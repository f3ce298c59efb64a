import * as z from "zod/mini";
import { algorithm, assertion, endpoint, filePath, printable, scopes } from "./credential-fields.ts";
import { exactlyOne, withRules } from "./cross-field-rule.ts";
import { duration, field, secretRef, text } from "./fields.ts";

const roleArn = () =>
  text(2048).check(z.regex(/^arn:[a-z-]+:iam::\d{12}:role\/[\x21-\x7e]+$/, "must be the ARN of a role: arn:aws:iam::123456789012:role/name"));
const sessionName = () =>
  field(
    z._default(text(64).check(z.regex(/^[\w+=,.@-]{2,64}$/, "must be 2 to 64 characters of letters, digits and +=,.@-_")), "spillway"),
    "Name of the session, which CloudTrail shows.",
  );
const roleDuration = () => field(z._default(duration(), "1h"), "How long the keys are good; 15m to 12h, and at most what the role allows.");

const AWS_SOURCES = ["ambient", "secretRef", "webIdentity", "container"] as const;

export const awsSigV4 = z.strictObject({
  service: field(
    text(64).check(z.regex(/^[a-z0-9-]+$/, "must be the name that the service signs with")),
    "Name that the service signs with: `bedrock`, `bedrock-mantle`, `aws-external-anthropic`, `bedrock-agentcore`, `s3` …",
  ),
  region: field(
    text(64).check(z.regex(/^[a-z]{2,5}(?:-[a-z]+)+-\d{1,2}$/, "must be a region such as eu-central-1")),
    "Region of the service; the hostname must not name another.",
  ),
  payload: field(
    z._default(z.enum(["Signed", "Unsigned"]), "Signed"),
    "`Signed`: the body is read whole and is part of the signature. `Unsigned`: it is not, so that it may stream; S3 alone takes that.",
  ),
  credentials: field(
    z._default(
      withRules(
        z.strictObject({
          ambient: field(
            z.optional(z.strictObject({})),
            "What the platform gives: environment (Lambda), IRSA's web identity, EKS Pod Identity or ECS. Not on Workers.",
          ),
          secretRef: field(z.optional(secretRef()), "A JSON object with `accessKeyId`, `secretAccessKey` and, for temporary keys, `sessionToken`."),
          webIdentity: field(
            z.optional(
              z.strictObject({
                roleArn: field(roleArn(), "Role that trusts the token's issuer."),
                sessionName: sessionName(),
                duration: roleDuration(),
                token: assertion("The token, for the audience `sts.amazonaws.com`."),
              }),
            ),
            "AssumeRoleWithWebIdentity.",
          ),
          container: field(
            z.optional(
              z.strictObject({
                url: field(
                  z._default(text(2048), "http://169.254.170.23/v1/credentials"),
                  "Address of the credentials service: https, loopback, or the link-local ones of EKS and ECS.",
                ),
                tokenFile: field(
                  z._default(filePath(), "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"),
                  "File whose text goes into `Authorization`.",
                ),
              }),
            ),
            "EKS Pod Identity, or another container credentials service. On Knative only.",
          ),
        }),
        exactlyOne(AWS_SOURCES, "source"),
      ),
      { ambient: {} },
    ),
    "The keys, or how they are come by; left out: `ambient`.",
  ),
  assumeRole: field(
    z.optional(
      z
        .array(
          z.strictObject({
            roleArn: field(roleArn(), "Role to take on."),
            sessionName: sessionName(),
            duration: roleDuration(),
            externalID: field(
              z.optional(text(1224).check(z.regex(/^[\w+=,.@:/-]{2,1224}$/, "must be letters, digits and +=,.@:/-_"))),
              "External id that the role asks for.",
            ),
            tags: field(
              z.optional(
                z
                  .array(
                    z.strictObject({
                      key: field(text(128), "Name of the session tag."),
                      value: field(z.string().check(z.maxLength(256)), "Its value."),
                    }),
                  )
                  .check(z.maxLength(50)),
              ),
              "Session tags.",
            ),
          }),
        )
        .check(z.minLength(1), z.maxLength(4)),
    ),
    "Roles that are taken on one after the other, the first by the keys above; at most 4.",
  ),
  stsEndpoint: z.optional(endpoint("STS; left out: that of the region.")),
});

export const gcp = withRules(
  z.strictObject({
    token: field(
      z._default(z.enum(["AccessToken", "IDToken"]), "AccessToken"),
      "`AccessToken` for Google's APIs, `IDToken` for services behind IAM (Cloud Run).",
    ),
    scopes: scopes("Of an access token; left out: `https://www.googleapis.com/auth/cloud-platform`."),
    audience: field(z.optional(printable(2048)), "Of an identity token: the address of the service."),
    credentials: field(
      z._default(
        withRules(
          z.strictObject({
            ambient: field(z.optional(z.strictObject({})), "The metadata server: GKE, Cloud Run, virtual machines. On Knative only."),
            secretRef: field(z.optional(secretRef()), "The JSON key of a service account."),
            workloadIdentityFederation: field(
              z.optional(
                z.strictObject({
                  audience: field(
                    text(1024).check(z.regex(/^\/\/iam\.googleapis\.com\/[\x21-\x7e]+$/, "must be //iam.googleapis.com/projects/…/providers/…")),
                    "Full name of the pool's provider: `//iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P/providers/X`.",
                  ),
                  subjectTokenType: field(z._default(printable(256), "urn:ietf:params:oauth:token-type:jwt"), "What the token is."),
                  token: assertion("The token that the pool trusts."),
                }),
              ),
              "A token of another issuer, exchanged at Google's STS.",
            ),
          }),
          exactlyOne(["ambient", "secretRef", "workloadIdentityFederation"], "source"),
        ),
        { ambient: {} },
      ),
      "Who the broker is; left out: `ambient`.",
    ),
    impersonate: field(
      z.optional(
        z.strictObject({
          serviceAccount: field(text(256).check(z.regex(/^[\w.+-]+@[\w.-]+$/, "must be the e-mail address of a service account")), "Its e-mail address."),
          lifetime: field(z._default(duration(), "1h"), "How long an access token is good; at most 12h, and 1h unless the organisation allows more."),
        }),
      ),
      "The service account as which the broker then acts.",
    ),
    tokenEndpoint: z.optional(endpoint("Where a key is exchanged for a token; left out: `https://oauth2.googleapis.com/token`.")),
    stsEndpoint: z.optional(endpoint("Where a federated token is exchanged; left out: `https://sts.googleapis.com/v1/token`.")),
    iamEndpoint: z.optional(endpoint("Where a service account is impersonated; left out: that of `https://iamcredentials.googleapis.com`.")),
  }),
  {
    holds: (value) => (value.token === "IDToken") === (value.audience !== undefined),
    cel: "(self.token == 'IDToken') == has(self.audience)",
    message: "audience is for IDToken, which needs it",
    path: "audience",
  },
  {
    holds: (value) => value.token === "AccessToken" || value.scopes === undefined,
    cel: "self.token == 'AccessToken' || !has(self.scopes)",
    message: "scopes are for AccessToken",
    path: "scopes",
  },
  {
    holds: (value) => value.token === "AccessToken" || value.credentials.workloadIdentityFederation === undefined || value.impersonate !== undefined,
    cel: "self.token == 'AccessToken' || !has(self.credentials.workloadIdentityFederation) || has(self.impersonate)",
    message: "a federated token becomes an identity token by impersonation only: name a service account",
    path: "impersonate",
  },
);

const AZURE_SOURCES = ["clientSecretRef", "clientCertificate", "federatedToken", "managedIdentity"] as const;

export const azure = withRules(
  z.strictObject({
    tenantID: field(z.optional(text(256).check(z.regex(/^[A-Za-z0-9.-]+$/, "must be a tenant's id or domain"))), "Tenant; not for `managedIdentity`."),
    clientID: field(z.optional(printable(256)), "Application; for `managedIdentity` the identity that a user assigned."),
    scope: field(printable(1024), "`https://cognitiveservices.azure.com/.default` for Azure OpenAI, `https://ai.azure.com/.default` for a Foundry project."),
    credentials: field(
      withRules(
        z.strictObject({
          clientSecretRef: field(z.optional(secretRef()), "The application's secret."),
          clientCertificate: field(
            z.optional(
              z.strictObject({
                secretRef: field(secretRef(), "Certificate and private key (PKCS #8), both PEM, in one secret."),
                algorithm: algorithm("PS256"),
              }),
            ),
            "The application's certificate.",
          ),
          federatedToken: z.optional(assertion("A token of an issuer that the application trusts, for the audience `api://AzureADTokenExchange`.")),
          managedIdentity: field(z.optional(z.strictObject({})), "The identity of the machine or the container app. On Knative only."),
        }),
        exactlyOne(AZURE_SOURCES, "source"),
      ),
      "How the application proves itself.",
    ),
    tokenEndpoint: z.optional(endpoint("Left out: `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`.")),
  }),
  {
    holds: (value) => value.credentials.managedIdentity !== undefined || (value.tenantID !== undefined && value.clientID !== undefined),
    cel: "has(self.credentials.managedIdentity) || (has(self.tenantID) && has(self.clientID))",
    message: "tenantID and clientID are missing: only managedIdentity does without",
    path: "tenantID",
  },
);
