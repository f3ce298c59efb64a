import { describe, expect, it } from "vitest";
import { createCallerTokens, MAX_CALLER_TOKENS } from "../../src/credentials/caller-tokens.ts";
import { find } from "../../src/lib/header-list.ts";
import type { SecretReference } from "../../src/model/secret.ts";
import { createFakeExchange, type ExchangeOptions } from "../fakes/exchange.ts";
import { CALLER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import type { Step } from "../fakes/scripted-transport.ts";
import { createTokenIssuer } from "../fakes/token-issuer.ts";
import { chat, type Installation, install } from "./installation.ts";

const REF = "targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]";
const ENDPOINT = "tokenEndpoint: {backendRef: {name: idp}, path: /token}";
const policy = (spec: string, name = "p", ref = REF) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${ref}\n${spec}`;
const source = "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: s, namespace: team-a}\nspec: {file: {path: /run/client.secret}}";
const OAUTH = `  type: OAuth2ClientCredentials\n  oauth2ClientCredentials:\n    ${ENDPOINT}\n    clientID: c\n    clientSecretRef: {group: spillway.dev, kind: SecretSource, name: s}`;
const EXCHANGE = `  type: TokenExchange\n  tokenExchange:\n    ${ENDPOINT}\n    subject: {caller: {}}\n    resource: ["https://first.example"]`;
const SIGV4 = `  type: AWSSigV4\n  awsSigV4: {service: bedrock, region: eu-central-1, credentials: {secretRef: {group: spillway.dev, kind: SecretSource, name: s}}}`;

const manifests = (spec: string, more: Partial<TestManifests> = {}): TestManifests => ({
  backends: [
    { name: "first", port: 8001 },
    { name: "second", port: 8002, key: "second-key-value" },
    { name: "idp", port: 8003 },
  ],
  group: ["first", "second"],
  groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1s, maxEvictFor: 1s}",
  more: `${policy(spec)}\n---\n${source}`,
  ...more,
});
const issuer = createTokenIssuer("EC");
/** The same with an issuer of JWTs beside the API keys. */
const withIssuer = (spec: string) =>
  testManifests(manifests(spec)).replace(
    "identity: {apiKeys",
    `identity: {issuers: [{name: cluster, type: KubernetesServiceAccount, issuer: "https://kubernetes.default.svc", audiences: [spillway], jwks: {inline: '${JSON.stringify(issuer.jwks())}'}}], apiKeys`,
  );

let given = 0;
const token: Step = () => {
  given += 1;
  return {
    status: 200,
    headers: ["content-type", "application/json"],
    body: JSON.stringify({ access_token: `token-${given}`, token_type: "Bearer", expires_in: 600 }),
  };
};
function start(text: TestManifests | string): Installation {
  given = 0;
  const one = install(text);
  one.secret("client.secret", "canary-secret");
  one.transport.script("idp", token);
  return one;
}
const asked = (one: Installation, to: string) => one.transport.sent.filter((sent) => sent.to === to);
const shown = (one: Installation) => asked(one, "first").map((sent) => find(sent.request.headers, "authorization"));

describe("a token as the credential of a backend", () => {
  it("is asked for once, shown to its backend alone, and named in the log without its value", async () => {
    const one = start(manifests(OAUTH));
    await one.call(chat());
    await one.call(chat());
    expect(shown(one)).toEqual(["Bearer token-1", "Bearer token-1"]);
    expect(asked(one, "idp")).toHaveLength(1);
    expect(asked(one, "idp")[0]?.request.poolKey).toBe("control|http://idp.provider.example:8003");
    expect(one.log.map((line) => JSON.stringify(line["attempts"]))).toEqual([
      expect.stringContaining("BackendCredentialPolicy/team-a/p:miss"),
      expect.stringContaining("BackendCredentialPolicy/team-a/p:hit"),
    ]);
    expect(one.told()).not.toMatch(/token-1|canary-secret/);
    expect(one.broker.status()["secrets"]).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: "BackendCredentialPolicy/team-a/p", provider: "token", state: "fresh" })]),
    );
  });

  it("that the destination refuses is got anew once, and the call tried once more", async () => {
    const one = start(manifests(OAUTH));
    one.transport.script("first", { status: 401, body: "" }, { status: 200, body: "with the new token" });
    expect((await one.call(chat())).received()?.body).toBe("with the new token");
    expect(shown(one)).toEqual(["Bearer token-1", "Bearer token-2"]);
  });

  it("that cannot be had sends the call to the next candidate", async () => {
    const one = start(manifests(OAUTH));
    one.transport.script("idp", { status: 500, body: "canary-answer" });
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(asked(one, "first")).toEqual([]);
    expect(one.events.filter((event) => event.type === "credential.unavailable").map((event) => event.subject)).toEqual(["BackendCredentialPolicy/team-a/p"]);
    expect(one.told()).not.toContain("canary");
  });

  it("of an endpoint that hangs is given up in time", async () => {
    const one = start(manifests(OAUTH));
    one.transport.script("idp", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(5_000);
    await done;
    expect(fake.received()?.body).toBe("from second");
    expect(one.transport.listening()).toBe(0);
  });
});

describe("a token of each caller's own (RFC 8693)", () => {
  const jwt = (one: Installation, name: string) => {
    const now = Math.floor(one.clock.now() / 1_000);
    return issuer.token(
      issuer.claims(now, { sub: `system:serviceaccount:team-a:${name}`, "kubernetes.io": { namespace: "team-a", serviceaccount: { name, uid: "u" } } }),
    );
  };
  const as = (proof: string): ExchangeOptions => ({ ...chat(), headers: ["authorization", `Bearer ${proof}`, "content-type", "application/json"] });

  it("is exchanged for the one that was verified, once a caller, and never shown for another", async () => {
    const one = start(withIssuer(EXCHANGE));
    const [ann, bob] = [jwt(one, "ann"), jwt(one, "bob")];
    for (const proof of [ann, bob, ann, bob]) await one.call(as(proof));
    expect(shown(one)).toEqual(["Bearer token-1", "Bearer token-2", "Bearer token-1", "Bearer token-2"]);
    expect(asked(one, "idp").map((sent) => new URLSearchParams(sent.body ?? "").get("subject_token"))).toEqual([ann, bob]);
    expect(Object.fromEntries(new URLSearchParams(asked(one, "idp")[0]?.body ?? ""))).toMatchObject({
      resource: "https://first.example",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    });
    // Nothing that one caller's connection has left over may reach another.
    expect(new Set(asked(one, "first").map((sent) => sent.request.poolKey)).size).toBe(2);
    expect(JSON.stringify(asked(one, "first").map((sent) => sent.request.headers))).not.toContain(ann);
    expect(one.log.map((line) => JSON.stringify(line)).join()).not.toMatch(/p#\d/);
    expect(one.told()).not.toContain(ann.slice(-20));
  });

  it("is none for a caller without a JWT: its API key goes nowhere", async () => {
    const one = start(withIssuer(EXCHANGE));
    expect((await one.call(as(CALLER_TOKEN))).received()?.body).toBe("from second");
    expect(asked(one, "idp")).toEqual([]);
  });

  it("is held for four thousand callers at most", () => {
    const { referenceFor } = createCallerTokens();
    const location = { provider: "token", plan: { flow: "tokenExchange", subject: null }, subject: null } as unknown as SecretReference["location"]; // as: the rest is not looked at
    const general: SecretReference = { id: "p", location, refresh: { intervalMs: 1, jitterPercent: 0, staleForMs: 0 } };
    const of = (name: string) =>
      referenceFor(general, {
        caller: { namespace: "n", serviceAccount: null, workload: null, proof: { kind: "jwt", issuer: "i" } },
        tokenSlot: "authorization",
        exchange: createFakeExchange({ headers: ["authorization", `Bearer ${name}`] }).exchange,
      });
    const first = of("first");
    expect(of("first")).toBe(first);
    for (let caller = 0; caller < MAX_CALLER_TOKENS; caller += 1) of(`caller-${caller}`);
    expect(of("first")).not.toBe(first);
  });

  it("is not asked for with a token that was not verified", async () => {
    const one = start(withIssuer(EXCHANGE));
    expect((await one.call(as(`${jwt(one, "ann")}x`))).received()?.status).toBe(401);
    expect(one.transport.sent).toEqual([]);
  });

  it("fails for one caller without a word about the other", async () => {
    const one = start(withIssuer(EXCHANGE));
    const [ann, bob] = [jwt(one, "ann"), jwt(one, "bob")];
    one.transport.script("idp", (request) => {
      const subject = new URLSearchParams(request.body.kind === "bytes" ? Buffer.from(request.body.bytes).toString() : "").get("subject_token");
      return subject === ann
        ? { status: 403, body: "{}" }
        : { status: 200, body: JSON.stringify({ access_token: "bobs", token_type: "Bearer", expires_in: 600 }) };
    });
    await one.call(as(ann));
    await one.call(as(bob));
    await one.call(as(ann));
    expect(shown(one)).toEqual(["Bearer bobs"]);
    expect(one.events.filter((event) => event.type === "credential.unavailable").map((event) => event.subject)).toEqual(["BackendCredentialPolicy/team-a/p"]);
  });
});

describe("a signature as the credential of a backend", () => {
  const KEYS = JSON.stringify({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "canary-key" });
  const converse = { ...chat(), target: "/model/anthropic.claude-v1%3A0/converse" };

  it("stands over what leaves after header filters; what the caller signed does not leave", async () => {
    const one = start(
      manifests(SIGV4, { rule: "    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-amzn-trace, value: filtered}]}}]\n" }),
    );
    one.secret("client.secret", KEYS);
    await one.call({ ...converse, headers: [...(converse.headers ?? []), "x-amz-date", "19990101T000000Z", "x-amz-security-token", "theirs"] });
    const [sent] = asked(one, "first");
    expect(find(sent?.request.headers ?? [], "authorization")).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261122\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amzn-trace, /,
    );
    expect(JSON.stringify(sent?.request.headers)).not.toMatch(/theirs|19990101/);
    expect(sent?.request.path).toBe("/model/anthropic.claude-v1%3A0/converse");
    expect(one.log[0]).toMatchObject({ operation: "converse" });
    expect(one.told()).not.toContain("canary-key");
  });

  it("is made anew at AWS's time when ours is wrong", async () => {
    const one = start(manifests(SIGV4));
    one.secret("client.secret", KEYS);
    const date = new Date(one.clock.now() + 3_600_000).toUTCString();
    one.transport.script("first", { status: 403, headers: ["date", date], body: "{}" }, { status: 200, body: "well" });
    expect((await one.call(converse)).received()?.body).toBe("well");
    expect(asked(one, "first").map((sent) => find(sent.request.headers, "x-amz-date"))).toEqual(["20261122T120000Z", "20261122T130000Z"]);
  });

  it("of a body that would stream is made of the whole of it", async () => {
    const one = start(manifests(SIGV4));
    one.secret("client.secret", KEYS);
    const body = "x".repeat(200_000);
    await one.call({ ...converse, target: "/guardrail/g/version/1/apply", body });
    const [sent] = asked(one, "first");
    expect(sent?.request.body.kind).toBe("bytes");
    expect(sent?.body).toBe(body);
  });

  it("is not told of to the caller: AWS quotes the session token where it explains a refusal", async () => {
    const one = start(manifests(SIGV4));
    one.secret("client.secret", JSON.stringify({ ...JSON.parse(KEYS), sessionToken: "canary-session/token==" }));
    one.transport.script("first", {
      status: 400,
      headers: ["content-type", "application/json"],
      body: '{"message":"x-amz-security-token:canary-session/token== canary-key"}',
    });
    const answer = (await one.call(converse)).received();
    expect(answer?.status).toBe(400);
    expect(answer?.body).toContain("[redacted] [redacted]");
  });

  it("needs keys: a secret that holds none is no credential", async () => {
    const one = start(manifests(SIGV4));
    one.secret("client.secret", "not-json-canary");
    expect((await one.call(converse)).received()?.body).toBe("from second");
    expect(one.told()).not.toContain("not-json-canary");
  });

  it("a model of the target's own stands in the path that is signed", async () => {
    const group =
      "apiVersion: spillway.dev/v1alpha1\nkind: BackendGroup\nmetadata: {name: group, namespace: team-a}\nspec:\n  tiers:\n  - {name: one, backends: [{model: 'eu.other:0', backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: first}}]}";
    const { group: _, groupSpec: __, ...rest } = manifests(SIGV4);
    const one = start({
      ...rest,
      more: `${rest.more}\n---\n${group}`,
      rules: "  - backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]\n",
    });
    one.secret("client.secret", KEYS);
    await one.call(converse);
    expect(asked(one, "first")[0]?.request.path).toBe("/model/eu.other%3A0/converse");
  });
});
