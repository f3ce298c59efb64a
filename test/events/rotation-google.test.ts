import { credentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createGoogleSecretManagerStore } from "../../adapters/secrets/google-secret-manager.ts";
import { compile } from "../../src/compiler.ts";
import { type Broker, createBroker, UNKNOWN_PLACE } from "../../src/index.ts";
import { createFakeClock, type FakeClock } from "../fakes/clock.ts";
import { createFakeExchange } from "../fakes/exchange.ts";
import { type FakeGoogleSecretManager, startFakeGoogleSecretManager } from "../fakes/google-secret-manager.ts";
import { testManifests } from "../fakes/manifests.ts";
import { createScriptedTransport, type ScriptedTransport } from "../fakes/scripted-transport.ts";
import { createFakeState, type FakeState } from "../fakes/state-store.ts";
import { createTokenIssuer, type TokenIssuer } from "../fakes/token-issuer.ts";

const GOOGLE = "https://accounts.google.com";
const ROTATED = "projects/shop/secrets/provider";
const OTHER = "projects/shop/secrets/other";

let google: FakeGoogleSecretManager;
let issuer: TokenIssuer;
let clock: FakeClock;
let state: FakeState;
let transport: ScriptedTransport;
const brokers: Broker[] = [];

beforeEach(async () => {
  google = await startFakeGoogleSecretManager();
  google.put(ROTATED, "key-old");
  google.put(OTHER, "key-other");
  issuer = createTokenIssuer();
  clock = createFakeClock();
  state = createFakeState(clock);
  transport = createScriptedTransport(clock);
  transport.script("one", { status: 200, body: "{}" });
  transport.script("two", { status: 200, body: "{}" });
});
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  google.close();
});

/** An instance whose secrets are read by Google's own client, and whose events come by an OIDC token that Google signs for the push. */
function start(): Broker {
  const reference = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
  const jwks = JSON.stringify(issuer.jwks());
  const issuers = `  identity:\n    anonymous: Allow\n    issuers:\n    - name: pubsub\n      type: OIDC\n      issuer: ${GOOGLE}\n      audiences: ["https://broker.example/-/events"]\n      namespace: egress-system\n      requiredClaims: {email: [push@shop.iam.gserviceaccount.com]}\n      jwks: {inline: '${jwks}'}\n    - name: people\n      type: OIDC\n      issuer: https://people.example\n      audiences: [spillway]\n      namespace: team-a\n      jwks: {inline: '${jwks}'}\n`;
  const names: Readonly<Record<string, string>> = { one: ROTATED, two: OTHER };
  const text = testManifests({
    backends: [
      { name: "one", port: 1, key: "unused" },
      { name: "two", port: 2, key: "unused" },
    ],
    rules: `  - matches: [{path: {type: PathPrefix, value: /two}}]\n    backendRefs: [${reference("two")}]\n  - backendRefs: [${reference("one")}]\n`,
  })
    .replace(/ {2}identity: .*\n/, issuers)
    .replace(/(metadata: \{name: (one|two)-key, namespace: team-a\}\nspec: )\{file: \{path: [^}]+\}\}/g, (_, head: string, name: string) => {
      return `${head}{googleSecretManager: {name: ${names[name]}}, refresh: {interval: 1h}}`;
    });
  const clientOptions = { servicePath: "127.0.0.1", apiEndpoint: "127.0.0.1", port: google.port, sslCreds: credentials.createInsecure(), projectId: "p" };
  const broker = createBroker({
    outlets: [],
    clock,
    random: () => 0,
    transport,
    secretStores: [createGoogleSecretManagerStore({ clientOptions })],
    documents: { fetchJson: () => Promise.reject(new Error("no documents here")) },
    sink: { emit: () => {} },
    log: null,
    schedule: (work) => queueMicrotask(work),
    tracer: null,
    events: { state: state.client(), answers: null, reload: null, source: "/spillway" },
  });
  const compiled = compile([{ path: "test.yaml", text }], { name: "knative", features: transport.features });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  broker.load(compiled);
  brokers.push(broker);
  return broker;
}

/** The key that a call carried. */
async function keyOf(broker: Broker, target = "/one"): Promise<string> {
  const fake = createFakeExchange({ target, headers: ["authorization", `Bearer ${token("https://people.example", "spillway")}`] });
  await broker.handle(fake.exchange);
  expect(fake.received()?.status).toBe(200);
  const sent = transport.sent.at(-1)?.request.headers ?? [];
  return (sent[sent.findIndex((name) => name.toLowerCase() === "authorization") + 1] ?? "").replace("Bearer ", "");
}

function token(iss: string, aud: string, email = "push@shop.iam.gserviceaccount.com"): string {
  const now = Math.floor(clock.now() / 1_000);
  return issuer.token({ iss, aud, sub: "1", email, email_verified: true, iat: now, exp: now + 3_600 });
}

/** As Secret Manager publishes it and Pub/Sub pushes it: the project by its number. */
function push(bearer: string | null, attributes: object = {}) {
  const resource = { name: "projects/424242/secrets/provider/versions/2", createTime: "2026-11-22T12:00:00Z", state: "ENABLED", etag: '"16"' };
  const message = {
    attributes: {
      eventType: "SECRET_VERSION_ADD",
      secretId: "projects/424242/secrets/provider",
      versionId: resource.name,
      dataFormat: "JSON_API_V1",
      timestamp: "2026-11-22T12:00:00-08:00",
      ...attributes,
    },
    data: Buffer.from(JSON.stringify(resource)).toString("base64"),
    messageId: "1215011316659232",
    message_id: "1215011316659232",
    publishTime: "2026-11-22T12:00:00.1Z",
    publish_time: "2026-11-22T12:00:00.1Z",
  };
  return {
    headers: ["content-type", "application/json", ...(bearer === null ? [] : ["authorization", `Bearer ${bearer}`])],
    authority: "broker.example",
    body: async () => new TextEncoder().encode(JSON.stringify({ message, subscription: "projects/shop/subscriptions/rotations" })),
    platform: { principal: null, place: UNKNOWN_PLACE, remainingMs: null, waitUntil: () => {} },
  };
}

const good = () => token(GOOGLE, "https://broker.example/-/events");

describe("a new version in Google Secret Manager, told by a Pub/Sub push", () => {
  it("is used at once where the push arrives, within five seconds elsewhere, and no other secret is asked for", async () => {
    const [first, second] = [start(), start()];
    for (const broker of [first, second]) expect([await keyOf(broker), await keyOf(broker, "/two")]).toEqual(["key-old", "key-other"]);
    await clock.advance(1_000);
    google.put(ROTATED, "key-new");
    expect(await keyOf(first)).toBe("key-old");
    expect((await first.events?.takeMessage(push(good())))?.status).toBe(202);
    expect([await keyOf(first), await keyOf(second)]).toEqual(["key-new", "key-old"]);
    await clock.advance(4_000);
    expect(await keyOf(second)).toBe("key-new");
    await clock.advance(60_000);
    for (const broker of [first, second]) expect([await keyOf(broker), await keyOf(broker, "/two")]).toEqual(["key-new", "key-other"]);
    expect(google.asked.filter((name) => name.startsWith(`${ROTATED}/`))).toHaveLength(4);
    expect(google.asked.filter((name) => name.startsWith(`${OTHER}/`))).toHaveLength(2);
  });

  it.each([
    ["nobody's token", () => null, 401],
    ["a token for another audience", () => token(GOOGLE, "https://elsewhere.example"), 401],
    ["a token that Google signed for somebody else", () => token(GOOGLE, "https://broker.example/-/events", "thief@other.iam.gserviceaccount.com"), 401],
    ["a caller's own token", () => token("https://people.example", "spillway"), 403],
    ["a token of somebody else's key", () => createTokenIssuer().token({ iss: GOOGLE, aud: "https://broker.example/-/events" }), 401],
  ])("is not believed with %s", async (_, bearer, status) => {
    const broker = start();
    await keyOf(broker);
    google.put(ROTATED, "key-new");
    expect((await broker.events?.takeMessage(push(bearer())))?.status).toBe(status);
    expect(await keyOf(broker)).toBe("key-old");
  });

  it("of which nothing follows is acknowledged, and no secret is asked for", async () => {
    const broker = start();
    await keyOf(broker);
    expect((await broker.events?.takeMessage(push(good(), { eventType: "TOPIC_CONFIGURED" })))?.status).toBe(202);
    expect((await broker.events?.takeMessage(push(good(), { secretId: "projects/424242/secrets/another" })))?.status).toBe(202);
    await keyOf(broker);
    expect(google.asked).toHaveLength(1);
  });
});
