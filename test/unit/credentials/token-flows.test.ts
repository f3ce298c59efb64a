import { importSPKI, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { awsKeysOf } from "../../../src/credentials/aws-keys.ts";
import type { CredentialPlan } from "../../../src/model/backend.ts";
import { isSigned } from "../../fakes/aws-signature.ts";
import { createAuthority } from "../../fakes/certificates.ts";
import { createTokenWorld, json, keyPair, numbered, startTokenServer, type TokenServer, type TokenWorld } from "../../fakes/token-world.ts";
import { fromEnv, fromFile, planOf, secretOfPlan, sourceRef } from "./compile-credentials.ts";

let world: TokenWorld;
let server: TokenServer;
const signal = new AbortController().signal;

beforeEach(async () => {
  world = createTokenWorld();
  server = await startTokenServer(numbered());
});
afterEach(async () => {
  await world.close();
  await server.close();
});

const read = async (plan: CredentialPlan) => (await world.secrets.cache.read(secretOfPlan(plan), signal)).secret;
const value = async (plan: CredentialPlan) => (await read(plan)).reveal();
const failure = (plan: CredentialPlan) => read(plan).catch((error: unknown) => error);
const verify = async (jwt: string, publicPem: string, algorithm: string, audience: string) =>
  jwtVerify(jwt, await importSPKI(publicPem, algorithm), { audience, currentDate: new Date(world.clock.now()) });
const LATER = () => new Date(world.clock.now() + 3_600_000).toISOString();
const STS_KEYS = (id = "ASIAEXAMPLE") => ({
  Credentials: { AccessKeyId: id, SecretAccessKey: "temporary/secret", SessionToken: "session==", Expiration: (world.clock.now() + 3_600_000) / 1_000 },
});
const aws = (credentials: object, more: object = {}) => ({
  type: "AWSSigV4",
  awsSigV4: { service: "bedrock", region: "eu-central-1", stsEndpoint: { url: `${server.url}/` }, credentials, ...more },
});

describe("AWS", () => {
  it("web identity: an unsigned AssumeRoleWithWebIdentity with the token as the file holds it now", async () => {
    server.replies = [json({ AssumeRoleWithWebIdentityResponse: { AssumeRoleWithWebIdentityResult: STS_KEYS() } })];
    const path = world.file("token", "first.token.value\n");
    const roleArn = "arn:aws:iam::123456789012:role/broker";
    const plan = planOf(aws({ webIdentity: { roleArn, duration: "30m", sessionName: "egress", token: { file: { path } } } }));
    expect(awsKeysOf(await read(plan))).toEqual({ accessKeyId: "ASIAEXAMPLE", secretAccessKey: "temporary/secret", sessionToken: "session==" });
    const [asked] = server.asked;
    expect(Object.fromEntries(asked?.form ?? [])).toEqual({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: roleArn,
      RoleSessionName: "egress",
      DurationSeconds: "1800",
      WebIdentityToken: "first.token.value",
    });
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.headers.accept).toBe("application/json");
    // The kubelet has written a new one: the next exchange shows that.
    world.file("token", "second.token.value");
    await world.clock.advance(3_600_000);
    server.replies = [json({ AssumeRoleWithWebIdentityResponse: { AssumeRoleWithWebIdentityResult: STS_KEYS("ASIANEXT") } })];
    expect(awsKeysOf(await read(plan)).accessKeyId).toBe("ASIANEXT");
    expect(server.asked[1]?.form.get("WebIdentityToken")).toBe("second.token.value");
  });

  it("reads STS's XML too", async () => {
    const xml = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
      <AccessKeyId>ASIAXML</AccessKeyId><SecretAccessKey>se+cr/et</SecretAccessKey><SessionToken>tok/en==</SessionToken><Expiration>${LATER()}</Expiration>
      </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
    server.replies = [(_, response) => void response.writeHead(200, { "content-type": "text/xml" }).end(xml)];
    const plan = planOf(aws({ webIdentity: { roleArn: "arn:aws:iam::123456789012:role/broker", token: { file: { path: world.file("token", "t") } } } }));
    expect(awsKeysOf(await read(plan))).toEqual({ accessKeyId: "ASIAXML", secretAccessKey: "se+cr/et", sessionToken: "tok/en==" });
  });

  it("assumes roles one after the other, each signed with the keys before", async () => {
    const replies = ["ASIAONE", "ASIATWO"].map((id) => json({ AssumeRoleResponse: { AssumeRoleResult: STS_KEYS(id) } }));
    server.replies = replies;
    world.environment["KEYS"] = JSON.stringify({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" });
    const assumeRole = [
      { roleArn: "arn:aws:iam::111111111111:role/one", externalID: "ext-1", tags: [{ key: "team", value: "a b" }] },
      { roleArn: "arn:aws:iam::222222222222:role/two" },
    ];
    const plan = planOf(aws({ secretRef: sourceRef("keys") }, { assumeRole }), [fromEnv("keys", "KEYS")]);
    expect(awsKeysOf(await read(plan)).accessKeyId).toBe("ASIATWO");
    const [first, second] = server.asked;
    expect(Object.fromEntries(first?.form ?? [])).toMatchObject({
      Action: "AssumeRole",
      RoleArn: "arn:aws:iam::111111111111:role/one",
      ExternalId: "ext-1",
      "Tags.member.1.Key": "team",
      "Tags.member.1.Value": "a b",
    });
    expect(first === undefined ? false : await isSigned(first.request, first.body, { region: "eu-central-1", service: "sts", now: world.clock.now })).toBe(
      true,
    );
    expect(second?.form.get("RoleArn")).toBe("arn:aws:iam::222222222222:role/two");
    expect(second?.headers.authorization).toContain("Credential=ASIAONE/");
    expect(second?.headers["x-amz-security-token"]).toBe("session==");
  });

  it("signs anew at AWS's own time when ours is wrong", async () => {
    world.environment["KEYS"] = JSON.stringify({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" });
    const theirs = () => world.clock.now() + 1_200_000;
    const date = () => ({ date: new Date(theirs()).toUTCString() });
    server.replies = [
      async (question, response) => {
        const good = await isSigned(question.request, question.body, { region: "eu-central-1", service: "sts", now: theirs });
        return good
          ? json({ AssumeRoleResponse: { AssumeRoleResult: STS_KEYS() } }, 200, date())(question, response)
          : json({ Error: { Code: "SignatureDoesNotMatch" } }, 403, date())(question, response);
      },
    ];
    const plan = planOf(aws({ secretRef: sourceRef("keys") }, { assumeRole: [{ roleArn: "arn:aws:iam::111111111111:role/one" }] }), [fromEnv("keys", "KEYS")]);
    expect(awsKeysOf(await read(plan)).accessKeyId).toBe("ASIAEXAMPLE");
    expect(server.asked.length).toBe(2);
  });

  it("EKS Pod Identity: the token of its file as it is, in Authorization", async () => {
    server.replies = [json({ AccessKeyId: "ASIAPOD", SecretAccessKey: "s", Token: "t", AccountId: "1", Expiration: LATER() })];
    const tokenFile = world.file("pod-token", "pod-identity-token\n");
    expect(awsKeysOf(await read(planOf(aws({ container: { url: `${server.url}/v1/credentials`, tokenFile } }))))).toEqual({
      accessKeyId: "ASIAPOD",
      secretAccessKey: "s",
      sessionToken: "t",
    });
    expect(server.asked[0]).toMatchObject({ method: "GET", url: "/v1/credentials", headers: { authorization: "pod-identity-token" } });
  });

  it("takes the environment's own: keys, then web identity, then the container", async () => {
    const plan = planOf(aws({ ambient: {} }));
    expect(await failure(plan)).toMatchObject({ reason: "missing" });
    server.replies = [json({ AccessKeyId: "ASIACONTAINER", SecretAccessKey: "s", Token: "t", Expiration: LATER() })];
    world.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = `${server.url}/creds`;
    world.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "plain-token";
    await world.clock.advance(2_000);
    expect(awsKeysOf(await read(plan)).accessKeyId).toBe("ASIACONTAINER");
    expect(server.asked[0]?.headers.authorization).toBe("plain-token");

    world.environment["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/irsa";
    world.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = world.file("irsa", "irsa-token");
    server.replies = [json({ AssumeRoleWithWebIdentityResponse: { AssumeRoleWithWebIdentityResult: STS_KEYS("ASIAIRSA") } })];
    world.secrets.cache.invalidate(() => true);
    expect(awsKeysOf(await read(plan)).accessKeyId).toBe("ASIAIRSA");
    expect(server.asked[1]?.form.get("RoleArn")).toBe("arn:aws:iam::123456789012:role/irsa");

    Object.assign(world.environment, { AWS_ACCESS_KEY_ID: "AKIDLAMBDA", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "of-the-function" });
    world.secrets.cache.invalidate(() => true);
    expect(awsKeysOf(await read(plan))).toMatchObject({ accessKeyId: "AKIDLAMBDA", sessionToken: "of-the-function" });
    expect(server.asked.length).toBe(2);
  });

  it.each(["http://10.0.0.7/creds", "http://169.254.169.254.example.com/", "https://collector.example.com/creds", "http://2852039166/"])(
    "does not tell the container's token to %s",
    async (uri) => {
      world.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
      world.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "plain-token";
      expect(await failure(planOf(aws({ ambient: {} })))).toMatchObject({ reason: "denied" });
    },
  );
});

describe("Google", () => {
  const key = keyPair();
  const keyFile = () =>
    JSON.stringify({ type: "service_account", client_email: "b@p.iam.gserviceaccount.com", private_key: key.privatePem, private_key_id: "kid-1" });
  const gcp = (spec: object) => ({
    type: "GCP",
    gcp: { tokenEndpoint: { url: `${server.url}/token` }, stsEndpoint: { url: `${server.url}/v1/token` }, ...spec },
  });

  it("a service account's key: a signed grant for the scopes", async () => {
    world.environment["KEY"] = keyFile();
    const plan = planOf(gcp({ credentials: { secretRef: sourceRef("key") } }), [fromEnv("key", "KEY")]);
    expect(await value(plan)).toBe("token-1");
    const form = server.asked[0]?.form;
    expect(form?.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    const { payload, protectedHeader } = await verify(form?.get("assertion") ?? "", key.publicPem, "RS256", "https://127.0.0.1/token");
    expect(protectedHeader).toMatchObject({ alg: "RS256", kid: "kid-1" });
    expect(payload).toMatchObject({ iss: "b@p.iam.gserviceaccount.com", scope: "https://www.googleapis.com/auth/cloud-platform" });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
  });

  it("an identity token for an audience, by the same key", async () => {
    world.environment["KEY"] = keyFile();
    server.replies = [json({ id_token: "a.b.c" })];
    const plan = planOf(gcp({ token: "IDToken", audience: "https://run.example", credentials: { secretRef: sourceRef("key") } }), [fromEnv("key", "KEY")]);
    expect(await value(plan)).toBe("a.b.c");
    const { payload } = await verify(server.asked[0]?.form.get("assertion") ?? "", key.publicPem, "RS256", "https://127.0.0.1/token");
    expect(payload).toMatchObject({ target_audience: "https://run.example" });
    expect(payload["scope"]).toBeUndefined();
  });

  it("federation, then impersonation", async () => {
    const audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x";
    server.replies = [json({ access_token: "federated", token_type: "Bearer", expires_in: 3_599 }), json({ accessToken: "impersonated", expireTime: LATER() })];
    const plan = planOf(
      gcp({
        credentials: { workloadIdentityFederation: { audience, token: { file: { path: world.file("ksa", "ksa.jwt.token") } } } },
        impersonate: { serviceAccount: "caller@p.iam.gserviceaccount.com", lifetime: "30m" },
        iamEndpoint: { url: `${server.url}/v1/projects/-/serviceAccounts/caller@p.iam.gserviceaccount.com:generateAccessToken` },
        scopes: ["https://www.googleapis.com/auth/cloud-platform", "openid"],
      }),
    );
    expect(await value(plan)).toBe("impersonated");
    expect(Object.fromEntries(server.asked[0]?.form ?? [])).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      audience,
      scope: "https://www.googleapis.com/auth/cloud-platform",
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      subject_token: "ksa.jwt.token",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    });
    expect(server.asked[1]?.headers.authorization).toBe("Bearer federated");
    expect(JSON.parse(server.asked[1]?.body ?? "")).toEqual({ scope: ["https://www.googleapis.com/auth/cloud-platform", "openid"], lifetime: "1800s" });
  });

  it("names the account and the method in the address that it impersonates by", () => {
    const plan = planOf(gcp({ impersonate: { serviceAccount: "caller@p.iam.gserviceaccount.com" }, token: "IDToken", audience: "https://run.example" }));
    const { location } = secretOfPlan(plan);
    expect(location.provider === "token" && location.plan.flow === "googleImpersonation" ? location.plan.endpoint : null).toMatchObject({
      origin: { scheme: "https", hostname: "iamcredentials.googleapis.com", port: 443 },
      path: "/v1/projects/-/serviceAccounts/caller%40p.iam.gserviceaccount.com:generateIdToken",
    });
  });
});

describe("Azure", () => {
  const azure = (credentials: object) => ({
    type: "Azure",
    azure: {
      tenantID: "tenant",
      clientID: "app-1",
      scope: "https://cognitiveservices.azure.com/.default",
      tokenEndpoint: { url: `${server.url}/tenant/oauth2/v2.0/token` },
      credentials,
    },
  });

  it("a client's secret, in the form", async () => {
    world.environment["SECRET"] = "s3cr+t/=";
    expect(await value(planOf(azure({ clientSecretRef: sourceRef("s") }), [fromEnv("s", "SECRET")]))).toBe("token-1");
    expect(Object.fromEntries(server.asked[0]?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      client_id: "app-1",
      client_secret: "s3cr+t/=",
      scope: "https://cognitiveservices.azure.com/.default",
    });
  });

  it.each(["PS256", "RS256"])("a certificate: an assertion by %s with its thumbprint", async (algorithm) => {
    const { privatePem, publicPem } = keyPair();
    const { certPem } = createAuthority().issue({ dnsNames: ["app.example"] });
    const path = world.file("cert.pem", `${certPem}\n${privatePem}`);
    expect(await value(planOf(azure({ clientCertificate: { secretRef: sourceRef("c"), algorithm } }), [fromFile("c", path)]))).toBe("token-1");
    const form = server.asked[0]?.form;
    expect(form?.get("client_assertion_type")).toBe("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    const { payload, protectedHeader } = await verify(form?.get("client_assertion") ?? "", publicPem, algorithm, "https://127.0.0.1/tenant/oauth2/v2.0/token");
    expect(payload).toMatchObject({ iss: "app-1", sub: "app-1" });
    expect(payload.jti).toBeTruthy();
    const { X509Certificate, createHash } = await import("node:crypto");
    expect(protectedHeader["x5t#S256"]).toBe(createHash("sha256").update(new X509Certificate(certPem).raw).digest("base64url"));
  });

  it("a federated token: the assertion of the file", async () => {
    expect(await value(planOf(azure({ federatedToken: { file: { path: world.file("f", "federated.jwt.x") } } })))).toBe("token-1");
    expect(server.asked[0]?.form.get("client_assertion")).toBe("federated.jwt.x");
    expect(server.asked[0]?.form.get("client_id")).toBe("app-1");
  });

  it("a managed identity, where App Service names the endpoint", async () => {
    server.replies = [json({ access_token: "managed", expires_on: String(Math.floor(world.clock.now() / 1_000) + 600), token_type: "Bearer" })];
    Object.assign(world.environment, { IDENTITY_ENDPOINT: `${server.url}/msi/token`, IDENTITY_HEADER: "header-secret" });
    const plan = planOf({ type: "Azure", azure: { clientID: "user-assigned", scope: "https://ai.azure.com/.default", credentials: { managedIdentity: {} } } });
    const secret = await read(plan);
    expect(secret.reveal()).toBe("managed");
    expect(secret.goodForMs).toBe(600_000);
    const asked = new URL(server.asked[0]?.url ?? "", "http://x");
    expect(asked.pathname).toBe("/msi/token");
    expect(Object.fromEntries(asked.searchParams)).toEqual({ "api-version": "2019-08-01", resource: "https://ai.azure.com", client_id: "user-assigned" });
    expect(server.asked[0]?.headers["x-identity-header"]).toBe("header-secret");
  });

  it("never asks an identity endpoint elsewhere", async () => {
    Object.assign(world.environment, { IDENTITY_ENDPOINT: "https://collector.example.com/", IDENTITY_HEADER: "header-secret" });
    const plan = planOf({ type: "Azure", azure: { scope: "https://ai.azure.com/.default", credentials: { managedIdentity: {} } } });
    expect(await failure(plan)).toMatchObject({ reason: "denied" });
  });
});

describe("OAuth 2", () => {
  const oauth = (spec: object) => ({
    type: "OAuth2ClientCredentials",
    oauth2ClientCredentials: { tokenEndpoint: { url: `${server.url}/token` }, clientID: "cli:ent", ...spec },
  });

  it("a secret by Basic, encoded as RFC 6749 says, with scopes, audiences and resources", async () => {
    world.environment["SECRET"] = "p:s%";
    const spec = { clientSecretRef: sourceRef("s"), scopes: ["a", "b"], audience: ["https://one"], resource: ["https://r1", "https://r2"] };
    expect(await value(planOf(oauth(spec), [fromEnv("s", "SECRET")]))).toBe("token-1");
    const [asked] = server.asked;
    const basic = Buffer.from((asked?.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
    expect(basic.split(":").map(decodeURIComponent)).toEqual(["cli:ent", "p:s%"]);
    expect(asked?.form.get("scope")).toBe("a b");
    expect(asked?.form.getAll("resource")).toEqual(["https://r1", "https://r2"]);
    expect(asked?.form.get("client_secret")).toBeNull();
  });

  it.each([
    ["RS256", "rsa"],
    ["ES256", "ec"],
    ["EdDSA", "ed25519"],
  ] as const)("a private key by %s", async (algorithm, type) => {
    const { privatePem, publicPem } = keyPair(type);
    const path = world.file("key.pem", privatePem);
    const spec = { privateKeyJWT: { keyRef: sourceRef("k"), algorithm, keyID: "k1", audience: "https://issuer.example" } };
    expect(await value(planOf(oauth(spec), [fromFile("k", path)]))).toBe("token-1");
    const { payload, protectedHeader } = await verify(server.asked[0]?.form.get("client_assertion") ?? "", publicPem, algorithm, "https://issuer.example");
    expect(protectedHeader.kid).toBe("k1");
    expect(payload).toMatchObject({ iss: "cli:ent", sub: "cli:ent" });
  });

  it("exchanges the broker's own token (RFC 8693)", async () => {
    server.replies = [json({ access_token: "exchanged", issued_token_type: "urn:x", token_type: "N_A", expires_in: 60 })];
    const spec = {
      type: "TokenExchange",
      tokenExchange: {
        tokenEndpoint: { url: `${server.url}/token` },
        subject: { token: { file: { path: world.file("own", "own.jwt.x") } } },
        requestedTokenType: "urn:ietf:params:oauth:token-type:access_token",
        resource: ["https://mcp.example"],
        audience: ["mcp"],
      },
    };
    expect(await value(planOf(spec))).toBe("exchanged");
    expect([...(server.asked[0]?.form ?? [])]).toEqual([
      ["audience", "mcp"],
      ["resource", "https://mcp.example"],
      ["requested_token_type", "urn:ietf:params:oauth:token-type:access_token"],
      ["subject_token", "own.jwt.x"],
      ["subject_token_type", "urn:ietf:params:oauth:token-type:jwt"],
      ["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
    ]);
  });

  it("refuses a token that is bound to a key", async () => {
    server.replies = [json({ access_token: "bound", token_type: "DPoP", expires_in: 60 })];
    world.environment["SECRET"] = "s";
    expect(await failure(planOf(oauth({ clientSecretRef: sourceRef("s") }), [fromEnv("s", "SECRET")]))).toMatchObject({ reason: "malformed" });
  });
});

describe("providers' own federation", () => {
  const { privatePem, publicPem } = keyPair();
  const signed = { keyRef: sourceRef("k"), keyID: "broker-1", issuer: "https://broker.example", subject: "egress", audience: "the-pool", ttl: "2m" };
  const key = () => fromFile("k", world.file("key.pem", privatePem));

  it("OpenAI: an exchange in JSON, with a token that the broker signs", async () => {
    const spec = {
      type: "OpenAIWorkloadIdentity",
      openAIWorkloadIdentity: { identityProviderID: "idp-1", serviceAccountID: "sa-1", token: { signed }, tokenEndpoint: { url: `${server.url}/oauth/token` } },
    };
    expect(await value(planOf(spec, [key()]))).toBe("token-1");
    const { subject_token, ...rest } = JSON.parse(server.asked[0]?.body ?? "") as Record<string, string>; // written by the flow
    expect(rest).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      identity_provider_id: "idp-1",
      service_account_id: "sa-1",
    });
    const { payload, protectedHeader } = await verify(subject_token ?? "", publicPem, "RS256", "the-pool");
    expect(payload).toMatchObject({ iss: "https://broker.example", sub: "egress" });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
    expect(protectedHeader.kid).toBe("broker-1");
  });

  it("Anthropic: a grant in JSON under its beta names, and calls under the first of them", async () => {
    const spec = {
      type: "AnthropicWorkloadIdentity",
      anthropicWorkloadIdentity: {
        federationRuleID: "rule",
        organizationID: "org",
        workspaceID: "ws",
        token: { signed },
        tokenEndpoint: { url: `${server.url}/v1/oauth/token` },
      },
    };
    const plan = planOf(spec, [key()]);
    expect(await value(plan)).toBe("token-1");
    const [asked] = server.asked;
    expect(asked?.headers["anthropic-beta"]).toBe("oauth-2025-04-20,oidc-federation-2026-04-01");
    expect(JSON.parse(asked?.body ?? "")).toMatchObject({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      federation_rule_id: "rule",
      organization_id: "org",
      workspace_id: "ws",
    });
    expect(plan).toMatchObject({ type: "bearer", beside: { name: "anthropic-beta", value: "oauth-2025-04-20" } });
  });

  it("shows no assertion of more than 16 KiB", async () => {
    const spec = {
      type: "AnthropicWorkloadIdentity",
      anthropicWorkloadIdentity: {
        federationRuleID: "r",
        organizationID: "o",
        token: { file: { path: world.file("big", "x".repeat(16_385)) } },
        tokenEndpoint: { url: `${server.url}/t` },
      },
    };
    expect(await failure(planOf(spec))).toMatchObject({ reason: "malformed" });
    expect(server.asked).toEqual([]);
  });
});
