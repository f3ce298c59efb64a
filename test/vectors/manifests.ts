import { createHash } from "node:crypto";
import { routes } from "./routes.ts";
import { ISSUER, OIDC_ISSUER } from "./tokens.ts";
import type { Platform } from "./vector.ts";

export const TOKEN_A = "caller-token-of-team-a";
export const TOKEN_B = "caller-token-of-team-b";

/** The variables that hold the callers and the destinations' keys; on every platform they have the same names. */
export function secretsOfVectors(): Readonly<Record<string, string>> {
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");
  const keys = [
    { sha256: digest(TOKEN_A), namespace: "team-a", serviceAccount: "assistant" },
    { sha256: digest(TOKEN_B), namespace: "team-b", serviceAccount: "worker" },
  ];
  const names = BACKENDS.filter(({ credential }) => credential !== undefined && credential.key !== "missing").map(({ name }) => name);
  return { SPILLWAY_CALLERS: JSON.stringify({ keys }), BAD_KEY: "two\nlines", ...Object.fromEntries(names.map((name) => [variable(name), `key-of-${name}`])) };
}

const variable = (name: string) => `KEY_OF_${name.replaceAll("-", "_").toUpperCase()}`;

interface VectorBackend {
  readonly name: string;
  readonly namespace?: string;
  readonly api?: "OpenAI" | "Anthropic";
  /** More of the AIBackendPolicy's spec. */
  readonly ai?: object;
  readonly credential?: {
    readonly key?: "missing" | "bad";
    readonly header?: string;
    readonly prefix?: string;
    readonly query?: string;
    readonly strip?: false;
  };
  readonly passthrough?: true;
  readonly region?: string;
  readonly timeouts?: object;
  /** Nobody listens there. */
  readonly closed?: true;
}

const HASTY = { firstByte: "300ms", streamIdle: "300ms" };
const KEY = {};

const BACKENDS: readonly VectorBackend[] = [
  { name: "plain" },
  { name: "other" },
  { name: "third" },
  { name: "of-team-b", namespace: "team-b" },
  { name: "common", namespace: "egress-system" },
  { name: "openai", api: "OpenAI", credential: KEY },
  { name: "anthropic", api: "Anthropic", credential: { header: "x-api-key" } },
  { name: "prefixed", credential: { header: "x-token", prefix: "Token " } },
  { name: "azure", credential: { header: "api-key" } },
  { name: "queried", credential: { query: "key" } },
  { name: "trusting", credential: { strip: false } },
  { name: "passing", passthrough: true },
  { name: "keyless", credential: { key: "missing" } },
  { name: "badkey", credential: { key: "bad" } },
  { name: "listed", api: "OpenAI", ai: { models: [{ name: "smart", upstream: "gpt-real" }, { name: "gpt-*" }] } },
  { name: "spent", api: "OpenAI" },
  { name: "moved", api: "OpenAI", ai: { schema: { name: "OpenAI", prefix: "/v1beta/openai" } } },
  { name: "hasty", timeouts: HASTY },
  { name: "hasty-ai", api: "OpenAI", timeouts: { ...HASTY, firstByte: "1500ms" } },
  { name: "first", api: "OpenAI", credential: KEY },
  { name: "silent", api: "OpenAI", timeouts: HASTY },
  { name: "second", api: "OpenAI", credential: KEY },
  { name: "third-tier", api: "OpenAI" },
  { name: "anthropic-first", api: "Anthropic", credential: { header: "x-api-key" } },
  { name: "anthropic-second", api: "Anthropic", credential: { header: "x-api-key" } },
  { name: "after-keyless" },
  { name: "closed-one", closed: true },
  { name: "closed-two", closed: true },
  { name: "closed-three", closed: true },
  { name: "after-closed" },
  { name: "european", region: "eu-central-1" },
  { name: "american", region: "us-east-1" },
  { name: "nowhere" },
  { name: "busy" },
  { name: "again" },
  { name: "again-late" },
  { name: "again-fault" },
  { name: "steady" },
  { name: "thrice-failed" },
  { name: "now-and-then" },
  { name: "asks-for-time" },
  { name: "finds-fault" },
  { name: "resting" },
  { name: "in-an-hour" },
  { name: "rate-limited", api: "OpenAI", credential: KEY },
  { name: "parked-one" },
  { name: "parked-two" },
  { name: "parked-three" },
];

/** The manifests of all cases. The only difference of the platforms: Workers makes the look-up itself, so nothing may be pinned there. */
export function manifestsOfVectors(platform: Platform, port: number, jwks: object): string {
  const documents = [
    ...gateways(jwks),
    ...BACKENDS.flatMap((backend) => backendDocuments(backend, platform, port)),
    ...groups(),
    ...routes(),
    ...locks(),
    ...limits(),
  ];
  return documents.map((document) => JSON.stringify(document)).join("\n---\n");
}

const STANDARD = "gateway.networking.k8s.io/v1";
const OURS = "spillway.dev/v1alpha1";
const named = (name: string, namespace: string) => ({ name, namespace });
const secretSource = (name: string) => ({ group: "spillway.dev", kind: "SecretSource", name });

function gateway(name: string, listeners: readonly { readonly name: string; readonly hostname: string }[], broker: object | null): object[] {
  const metadata = named(name, "egress-system");
  const parametersRef = { group: "spillway.dev", kind: "BrokerConfig", name };
  const spec = {
    gatewayClassName: "spillway",
    ...(broker === null ? {} : { infrastructure: { parametersRef } }),
    listeners: listeners.map((listener) => ({ ...listener, port: 80, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" } } })),
  };
  const config = broker === null ? [] : [{ apiVersion: OURS, kind: "BrokerConfig", metadata, spec: broker }];
  return [{ apiVersion: STANDARD, kind: "Gateway", metadata, spec }, ...config];
}

function gateways(jwks: object): object[] {
  const apiKeys = { secretRef: secretSource("callers") };
  const issuers = [
    { name: "cluster", type: "KubernetesServiceAccount", issuer: ISSUER, audiences: ["spillway"], jwks: { inline: jwks } },
    { name: "ci", type: "OIDC", issuer: OIDC_ISSUER, audiences: ["spillway"], jwks: { inline: jwks }, claims: { namespace: "team" } },
  ];
  const namespaces = { "egress-system": {}, "team-a": {}, "team-b": { "data-class": "personal" } };
  return [
    { apiVersion: STANDARD, kind: "GatewayClass", metadata: { name: "spillway" }, spec: { controllerName: "spillway.dev/broker" } },
    ...Object.entries(namespaces).map(([name, labels]) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } })),
    { apiVersion: OURS, kind: "SecretSource", metadata: named("callers", "egress-system"), spec: { env: { name: "SPILLWAY_CALLERS" } } },
    ...gateway(
      "egress",
      [
        { name: "main", hostname: "egress.example" },
        { name: "tenants", hostname: "*.egress.example" },
      ],
      { identity: { apiKeys, issuers }, routing: { scope: "CallerNamespace" }, chainId: "egress-1" },
    ),
    ...gateway("shared", [{ name: "all", hostname: "shared.example" }], { identity: { apiKeys }, routing: { scope: "Shared" } }),
    ...gateway("open", [{ name: "all", hostname: "open.example" }], { identity: { anonymous: "Allow" }, routing: { scope: "Shared" } }),
    ...gateway("guests", [{ name: "all", hostname: "guests.example" }], { identity: { apiKeys, anonymous: "Allow" }, routing: { scope: "Shared" } }),
    ...gateway("small", [{ name: "all", hostname: "small.example" }], {
      identity: { apiKeys },
      routing: { scope: "Shared" },
      bounds: { maxRequestBytes: 200_000, replayBytes: 70_000 },
    }),
    ...gateway("nobody", [{ name: "all", hostname: "nobody.example" }], null),
  ];
}

function backendDocuments(backend: VectorBackend, platform: Platform, port: number): object[] {
  const { name, namespace = "team-a", api, ai = {}, credential, passthrough, region, timeouts, closed } = backend;
  const metadata = named(name, namespace);
  const targetRefs = [{ group: "gateway.networking.x-k8s.io", kind: "XBackend", name }];
  const documents: object[] = [
    {
      apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
      kind: "XBackend",
      metadata: { ...metadata, ...(region === undefined ? {} : { labels: { "topology.kubernetes.io/region": region } }) },
      spec: {
        type: "ExternalHostname",
        externalHostname: { hostname: `${name}.provider.example` },
        // Port 1 of loopback belongs to nobody.
        port: { port: closed === true ? 1 : port },
        protocol: "HTTP",
        tls: { mode: "None" },
      },
    },
  ];
  const dns = platform === "workers" ? {} : { dns: { addresses: ["127.0.0.1"] } };
  const connection = { ...dns, ...(timeouts === undefined ? {} : { timeouts }) };
  if (Object.keys(connection).length > 0) {
    documents.push({ apiVersion: OURS, kind: "BackendConnectionPolicy", metadata, spec: { targetRefs, ...connection } });
  }
  if (passthrough === true) {
    documents.push({ apiVersion: OURS, kind: "BackendCredentialPolicy", metadata, spec: { targetRefs, type: "Passthrough", passthrough: {} } });
  }
  if (credential !== undefined) {
    const { key, header, prefix, query, strip } = credential;
    const secretRef = secretSource(`${name}-key`);
    const place = query === undefined ? { in: "Header", name: header, ...(prefix === undefined ? {} : { prefix }) } : { in: "Query", name: query };
    const how = header === undefined && query === undefined ? { type: "Bearer", bearer: { secretRef } } : { type: "APIKey", apiKey: { secretRef, ...place } };
    documents.push(
      {
        apiVersion: OURS,
        kind: "SecretSource",
        metadata: named(`${name}-key`, namespace),
        spec: { env: { name: key === "bad" ? "BAD_KEY" : variable(name) } },
      },
      {
        apiVersion: OURS,
        kind: "BackendCredentialPolicy",
        metadata,
        spec: { targetRefs, ...how, ...(strip === undefined ? {} : { stripClientCredentials: strip }) },
      },
    );
  }
  if (api !== undefined) {
    documents.push({ apiVersion: OURS, kind: "AIBackendPolicy", metadata, spec: { targetRefs, schema: { name: api }, ...ai } });
  }
  return documents;
}

type Member = string | { readonly name: string; readonly model?: string; readonly weight?: number };

/** A failure of one case must not be felt by the next: by default nothing is ever put out. */
function group(name: string, tiers: readonly (readonly Member[])[], more: object = {}): object {
  const members = (tier: readonly Member[]) =>
    tier.map((member) => {
      const { name: backend, ...rest } = typeof member === "string" ? { name: member } : member;
      return { backendRef: { name: backend }, ...rest };
    });
  const spec = {
    tiers: tiers.map((tier, index) => ({ name: `tier-${index + 1}`, backends: members(tier) })),
    health: { consecutiveFailures: 1_000, evictFor: "1ms", maxEvictFor: "1ms" },
    ...more,
  };
  return { apiVersion: OURS, kind: "BackendGroup", metadata: named(name, "team-a"), spec };
}

function groups(): object[] {
  return [
    group("pair", [["first"], ["second"]]),
    group("silent-pair", [["silent"], ["second"]]),
    group("anthropic-pair", [["anthropic-first"], ["anthropic-second"]]),
    group("codes", [["first"], ["second"]], { failover: { statusCodes: [500, 404] } }),
    group("capped", [["openai"], ["second"]], { failover: { firstByteTimeout: "500ms" } }),
    group(
      "one-per-tier",
      [
        [
          { name: "first", weight: 1_000_000 },
          { name: "third-tier", weight: 0 },
        ],
        ["second"],
      ],
      { failover: { attemptsPerTier: 1 } },
    ),
    group("three", [["first"], ["second"], ["third-tier"]]),
    group("parked", [["parked-one"], ["second"]]),
    group("both-parked", [["parked-two"], ["parked-three"]]),
    ...["thrice-failed", "now-and-then", "asks-for-time", "finds-fault"].map((name) => group(name, [[name], ["steady"]], { health: undefined })),
    group("keyless-first", [["keyless"], ["after-keyless"]]),
    group("closed-first", [["closed-one"], ["after-closed"]]),
    group("all-closed", [["closed-two"], ["closed-three"]]),
    group("homewards", [["american"], ["nowhere"], ["european"]]),
    group("both-apis", [["anthropic"], ["openai"]]),
    group("spent-first", [["spent"], ["second"]]),
    group("renamed-model", [[{ name: "openai", model: "gpt-in-place" }]]),
    group("listed-first", [["listed"], ["openai"]]),
  ];
}

function limits(): object[] {
  const rule = (sectionName: string) => ({ group: "gateway.networking.k8s.io", kind: "HTTPRoute", name: "limited", sectionName });
  const policy = (name: string, target: object, limit: object, more: object = {}) => ({
    apiVersion: OURS,
    kind: "UsageLimitPolicy",
    metadata: named(name, "team-a"),
    spec: { targetRefs: [target], limits: [{ window: { duration: "1h" }, ...limit }], ...more },
  });
  return [
    policy("limited-once", rule("limited-once"), { name: "r", unit: "Requests", limit: 1, per: ["ServiceAccount"] }),
    policy("limited-none", rule("limited-none"), { name: "r", unit: "Requests", limit: 0 }),
    // Twice what is held does not fit.
    policy("limited-tokens", rule("limited-tokens"), { name: "t", unit: "Tokens", limit: 190 }),
    policy(
      "spent",
      { group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "spent" },
      { name: "r", unit: "Requests", limit: 0 },
      { onExceeded: "NextTier" },
    ),
  ];
}

function locks(): object[] {
  const policy = (name: string, namespace: string, spec: object) => ({ apiVersion: OURS, kind: "RegionPolicy", metadata: named(name, namespace), spec });
  const rule = (sectionName: string) => ({ group: "gateway.networking.k8s.io", kind: "HTTPRoute", name: "regions", sectionName });
  const allow = { jurisdictions: ["EU"] };
  return [
    policy("homewards", "team-a", { targetRefs: [rule("homewards")], allow }),
    policy("american-only", "team-a", { targetRefs: [rule("american-only")], allow }),
    policy("european-only", "team-a", { targetRefs: [rule("european-only")], allow }),
    policy("narrow", "team-a", { targetRefs: [rule("narrow")], allow: { regions: ["eu-central-1"] } }),
    policy("narrower", "team-a", { targetRefs: [rule("narrow")], allow: { countries: ["FR"] } }),
    policy("broker-at-home", "team-a", { targetRefs: [rule("broker-at-home")], allow, also: { brokerRegion: true } }),
    policy("personal", "egress-system", {
      targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "shared" }],
      appliesTo: { namespaces: { matchLabels: { "data-class": "personal" } } },
      allow,
    }),
  ];
}
