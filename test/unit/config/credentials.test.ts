import { describe, expect, it } from "vitest";
import type { Compiled } from "../../../src/config/compile.ts";
import { readBundle } from "../../../src/config/read-bundle.ts";
import { writeBundle } from "../../../src/config/write-bundle.ts";
import { credentialPartsOf } from "../../../src/model/credential-parts.ts";
import { compileCredentialOf, fromEnv, planOf, secretOfPlan, sourceRef } from "../credentials/compile-credentials.ts";
import { compileAll, conditionOf, FETCH_ONLY, GATEWAY, grant, NAMESPACES, NODE, own, toXBackend, xBackend } from "./compile-text.ts";

const backendIn = (compiled: Compiled) => {
  const backend = compiled.snapshot?.backends.get("XBackend/team-a/one");
  if (backend === undefined) throw new Error(JSON.stringify(compiled.conditions));
  return backend;
};
const LAMBDA = { ...NODE, name: "lambda" } as const;
const aws = (more: object = {}) => ({ type: "AWSSigV4", awsSigV4: { service: "bedrock", region: "eu-central-1", ...more } });
const oauth = (tokenEndpoint: object) => ({
  type: "OAuth2ClientCredentials",
  oauth2ClientCredentials: { tokenEndpoint, clientID: "c", clientSecretRef: sourceRef("s") },
});
const S = [fromEnv("s", "SECRET")];
const accepted = (spec: object, more: readonly string[] = [], platform = NODE, hostname?: string) => {
  const compiled = compileCredentialOf(spec, more, platform, hostname);
  return [
    conditionOf(compiled, "BackendCredentialPolicy", "p", "Accepted", "XBackend/team-a/one"),
    conditionOf(compiled, "BackendCredentialPolicy", "p", "ResolvedRefs"),
  ];
};
const partsOf = (spec: object, more: readonly string[]) => credentialPartsOf(backendIn(compileCredentialOf(spec, more)));
const faults = (spec: object) =>
  compileAll([GATEWAY, NAMESPACES, xBackend("one"), own("BackendCredentialPolicy", "p", { targetRefs: [toXBackend("one")], ...spec }), ...S]).faults.map(
    (fault) => fault.message,
  );
const endpoints = (spec: object, more: readonly string[] = S) =>
  partsOf(spec, more).endpoints.map(({ origin, path }) => `${origin.scheme}://${origin.hostname}:${origin.port}${path}`);

describe("where tokens are asked for", () => {
  it("is the provider's own address, told by credentialPartsOf", () => {
    const federation = { audience: "//iam.googleapis.com/projects/1/x", token: { file: { path: "/t" } } };
    expect(endpoints({ type: "GCP", gcp: { credentials: { secretRef: sourceRef("s") } } })).toEqual(["https://oauth2.googleapis.com:443/token"]);
    expect(endpoints({ type: "GCP", gcp: { credentials: { workloadIdentityFederation: federation }, impersonate: { serviceAccount: "a@b.c" } } })).toEqual([
      "https://iamcredentials.googleapis.com:443/v1/projects/-/serviceAccounts/a%40b.c:generateAccessToken",
      "https://sts.googleapis.com:443/v1/token",
    ]);
    expect(endpoints({ type: "GCP", gcp: {} })).toEqual(["http://metadata.google.internal:80/computeMetadata/v1/"]);
    const token = { file: { path: "/t" } };
    expect(endpoints({ type: "Azure", azure: { tenantID: "t", clientID: "c", scope: "s", credentials: { federatedToken: token } } })).toEqual([
      "https://login.microsoftonline.com:443/t/oauth2/v2.0/token",
    ]);
    expect(endpoints({ type: "OpenAIWorkloadIdentity", openAIWorkloadIdentity: { identityProviderID: "i", serviceAccountID: "s", token } })).toEqual([
      "https://auth.openai.com:443/oauth/token",
    ]);
    expect(endpoints({ type: "AnthropicWorkloadIdentity", anthropicWorkloadIdentity: { federationRuleID: "i", organizationID: "s", token } })).toEqual([
      "https://api.anthropic.com:443/v1/oauth/token",
    ]);
    expect(endpoints({ type: "Bearer", bearer: { secretRef: sourceRef("s") } })).toEqual([]);
  });

  it.each([
    ["eu-central-1", "sts.eu-central-1.amazonaws.com", "DE"],
    ["eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu", "DE"],
    ["cn-north-1", "sts.cn-north-1.amazonaws.com.cn", "CN"],
  ])("STS is that of the region: %s", (region, host, country) => {
    const parts = partsOf(aws({ region, assumeRole: [{ roleArn: "arn:aws:iam::123456789012:role/r" }], credentials: { secretRef: sourceRef("s") } }), S);
    expect(parts.endpoints).toMatchObject([{ origin: { hostname: host }, local: false }]);
    expect(parts.endpoints[0]?.reach.flatMap((place) => place.countries)).toEqual([country]);
    expect(parts.secrets.map((one) => one.id)).toEqual(["SecretSource/team-a/s"]);
  });

  it("what the machine itself gives is local", () => {
    const own = partsOf(aws(), S).endpoints;
    expect(own.filter((one) => !one.local).map((one) => one.origin.hostname)).toEqual(["sts.eu-central-1.amazonaws.com"]);
    expect(own.filter((one) => one.local).every((one) => one.dns.addresses.length === 1)).toBe(true);
  });

  it.each([
    ["http://idp.example.com/token", "plaintext"],
    ["https://user:pw@idp.example.com/token", "user"],
    ["https://10.0.0.7/token", "must name a host"],
    ["ftp://idp.example.com/token", "https"],
    ["https://idp.example.com/a/../token%2f..", "dot segment"],
  ])("is no place for a secret: %s", (url, why) => {
    const compiled = compileCredentialOf(oauth({ url }), S);
    expect(conditionOf(compiled, "BackendCredentialPolicy", "p", "Accepted", "XBackend/team-a/one")).toBe("False/Invalid");
    expect(JSON.stringify(compiled.conditions)).toContain(why);
    expect(compiled.snapshot?.backends.has("XBackend/team-a/one")).toBe(false);
  });

  it("a backend as an endpoint brings its TLS, DNS and region, and needs a grant elsewhere", () => {
    const idp = xBackend("idp", { port: { port: 8443 } }, { labels: { "topology.kubernetes.io/region": "eu-central-1" } });
    const connection = own("BackendConnectionPolicy", "idp", { targetRefs: [toXBackend("idp")], dns: { addresses: ["10.1.2.3"] } });
    const parts = partsOf(oauth({ backendRef: { name: "idp" }, path: "/realms/x/token" }), [...S, idp, connection]);
    expect(parts.endpoints).toMatchObject([
      {
        origin: { scheme: "https", hostname: "idp.example.com", port: 8443 },
        path: "/realms/x/token",
        dns: { addresses: ["10.1.2.3"] },
        tls: { serverName: "idp.example.com" },
      },
    ]);
    expect(parts.endpoints[0]?.reach.flatMap((place) => place.countries)).toEqual(["DE"]);
    const elsewhere = oauth({ backendRef: { name: "idp", namespace: "team-b" } });
    expect(accepted(elsewhere, S)[1]).toBe("False/RefNotPermitted");
    const permitted = grant(
      "team-b",
      { group: "spillway.dev", kind: "BackendCredentialPolicy", namespace: "team-a" },
      { group: "gateway.networking.x-k8s.io", kind: "XBackend" },
    );
    expect(accepted(elsewhere, [...S, permitted])[1]).toBe("False/BackendNotFound");
  });

  it("is one reference for all backends of a policy", () => {
    const both = own("BackendCredentialPolicy", "p", {
      targetRefs: [toXBackend("one"), toXBackend("two")],
      ...oauth({ url: "https://idp.example.com/token" }),
    });
    const { snapshot } = compileAll([GATEWAY, NAMESPACES, xBackend("one"), xBackend("two"), both, ...S]);
    const [one, two] = ["one", "two"].map((name) => snapshot?.backends.get(`XBackend/team-a/${name}`)?.credential);
    expect(secretOfPlan(one ?? planOf(aws(), S))).toBe(secretOfPlan(two ?? planOf(aws(), S)));
  });

  it("may be the very backend that the token is for", () => {
    const parts = partsOf(oauth({ backendRef: { name: "one" }, path: "/token" }), S);
    expect(parts.endpoints).toMatchObject([{ origin: { hostname: "one.example.com" } }]);
  });
});

describe("what cannot be is refused", () => {
  it("a signature for another region than the host's", () => {
    const host = "bedrock-runtime.us-east-1.amazonaws.com";
    expect(accepted(aws(), S, NODE, host)[0]).toBe("False/RegionMismatch");
    expect(accepted(aws({ region: "us-east-1" }), S, NODE, host)).toEqual(["True/Accepted", "True/ResolvedRefs"]);
    expect(accepted(aws(), S, NODE, "vpce-1-a.bedrock-runtime.us-east-1.vpce.amazonaws.com")[0]).toBe("False/RegionMismatch");
  });

  it.each([
    ["knative", NODE, {}, {}, {}, { file: { path: "/t" } }],
    ["lambda", LAMBDA, {}, { container: {} }, { managedIdentity: {} }, { file: { path: "/t" } }],
  ] as const)("by platform: %s", (name, platform, ambient, container, identity, token) => {
    const expected = (refused: boolean) => (refused ? "False/UnsupportedOnPlatform" : "True/Accepted");
    expect(accepted(aws({ credentials: { ambient } }), S, platform)[0]).toBe("True/Accepted");
    if ("container" in container) expect(accepted(aws({ credentials: container }), S, platform)[0]).toBe(expected(name === "lambda"));
    if ("managedIdentity" in identity) expect(accepted({ type: "Azure", azure: { scope: "s", credentials: identity } }, S, platform)[0]).toBe(expected(true));
    expect(accepted({ type: "GCP", gcp: {} }, S, platform)[0]).toBe(expected(name === "lambda"));
    const webIdentity = { roleArn: "arn:aws:iam::123456789012:role/r", token };
    expect(accepted(aws({ credentials: { webIdentity } }), S, platform)[0]).toBe("True/Accepted");
  });

  it("on Workers: files, the platform's own credentials, metadata and loopback; not keys, nor tokens that the broker signs", () => {
    const roleArn = "arn:aws:iam::123456789012:role/r";
    const signed = { keyRef: sourceRef("s"), issuer: "https://i", subject: "s", audience: "a" };
    const no = "False/UnsupportedOnPlatform";
    expect(accepted(aws(), S, FETCH_ONLY)[0]).toBe(no);
    expect(accepted(aws({ credentials: { container: {} } }), S, FETCH_ONLY)[0]).toBe(no);
    expect(accepted(aws({ credentials: { webIdentity: { roleArn, token: { file: { path: "/t" } } } } }), S, FETCH_ONLY)[0]).toBe(no);
    expect(accepted({ type: "GCP", gcp: {} }, S, FETCH_ONLY)[0]).toBe(no);
    expect(accepted({ type: "Azure", azure: { scope: "s", credentials: { managedIdentity: {} } } }, S, FETCH_ONLY)[0]).toBe(no);
    expect(accepted(oauth({ url: "http://127.0.0.1:9/token" }), S, FETCH_ONLY)[0]).toBe(no);
    const good = "True/Accepted";
    expect(accepted(aws({ credentials: { webIdentity: { roleArn, token: { signed } } } }), S, FETCH_ONLY)[0]).toBe(good);
    expect(accepted(aws({ credentials: { secretRef: sourceRef("s") } }), S, FETCH_ONLY)[0]).toBe(good);
    expect(accepted(oauth({ url: "https://idp.example.com/token" }), S, FETCH_ONLY)[0]).toBe(good);
  });

  it("an unsigned body where the service wants it signed, and a role for too long", () => {
    expect(accepted(aws({ payload: "Unsigned" }), S)[0]).toBe("False/Invalid");
    expect(accepted(aws({ payload: "Unsigned", service: "s3" }), S)[0]).toBe("True/Accepted");
    const roles = (duration: string) => aws({ assumeRole: [{ roleArn: "arn:aws:iam::123456789012:role/r", duration }] });
    expect(accepted(roles("5m"), S)[0]).toBe("False/Invalid");
    expect(accepted(roles("12h"), S)[0]).toBe("True/Accepted");
  });

  it.each([
    [{ type: "GCP", gcp: { token: "IDToken" } }, /audience is for IDToken/],
    [{ type: "GCP", gcp: { audience: "https://x" } }, /audience is for IDToken/],
    [{ type: "GCP", gcp: { credentials: {} } }, /exactly one source/],
    [{ type: "Azure", azure: { scope: "s", credentials: { clientSecretRef: sourceRef("s") } } }, /tenantID and clientID are missing/],
    [{ type: "OAuth2ClientCredentials", oauth2ClientCredentials: { tokenEndpoint: { url: "https://x" }, clientID: "c" } }, /must prove itself/],
    [oauth({ url: "https://x", backendRef: { name: "one" } }), /exactly one form/],
    [oauth({ url: "https://x", path: "/y" }), /path is for backendRef/],
    [oauth({ backendRef: { group: "", kind: "Service", name: "x" } }), /a Service needs a port/],
    [{ type: "TokenExchange", tokenExchange: { tokenEndpoint: { url: "https://x" }, subject: {} } }, /exactly one subject/],
    [aws({ region: "Frankfurt" }), /must be a region/],
    [aws({ assumeRole: [{ roleArn: "role/r" }] }), /must be the ARN of a role/],
    [{ type: "AWSSigV4", gcp: {} }, /only the member that `type` names/],
  ])("mistakes are told of: %j", (spec, message) => {
    expect(faults(spec).join("\n")).toMatch(message);
  });
});

describe("a bundle", () => {
  it("holds token plans and no secret", () => {
    const compiled = compileCredentialOf(
      aws({ credentials: { secretRef: sourceRef("s") }, assumeRole: [{ roleArn: "arn:aws:iam::123456789012:role/r", tags: [{ key: "a", value: "b" }] }] }),
      S,
    );
    const back = readBundle(writeBundle(compiled, NODE), NODE);
    const key = "XBackend/team-a/one";
    expect(back.faults).toEqual([]);
    expect(back.snapshot?.backends.get(key)?.credential).toEqual(compiled.snapshot?.backends.get(key)?.credential);
    const secret = secretOfPlan(back.snapshot?.backends.get(key)?.credential ?? planOf(aws(), S));
    expect(secret.location).toMatchObject({ provider: "token", plan: { flow: "awsAssumeRole" }, subject: null });
  });
});
