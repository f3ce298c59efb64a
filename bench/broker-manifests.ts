import { createHash, generateKeyPairSync, sign } from "node:crypto";

/** The broker's side of the bench: identity, routing, a credential, an alias for the model, usage, spans: all that a real call has. */
export interface BenchManifests {
  readonly text: string;
  readonly tokens: { readonly "api-key": string; readonly jwt: string };
}

const NAMESPACE = "bench";
const ISSUER = "https://issuer.bench.example";
const AUDIENCE = "spillway";

/**
 * Manifests with a plaintext upstream at this loopback port. `keep` puts a named secret where the broker finds it, and says in a SecretSource's
 * terms where that is. `pinned` false: the platform looks the upstream's name up, as Workers always do.
 */
export function benchManifests(upstreamPort: number, keep: (name: string, value: string) => object, pinned = true): BenchManifests {
  const apiKey = "bench-token-0123456789abcdef0123456789";
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const header = { alg: "ES256", typ: "JWT", kid: "bench" };
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "bench-app", iat: now, exp: now + 3600 };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode(header)}.${encode(claims)}`;
  const jwt = `${signed}.${sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;

  const digest = createHash("sha256").update(apiKey).digest("hex");
  const keys = keep("broker-keys", JSON.stringify({ keys: [{ sha256: digest, namespace: NAMESPACE, serviceAccount: "app", workload: "load" }] }));
  const provider = keep("provider-key", "sk-bench-0123456789abcdef");

  const own = "spillway.dev/v1alpha1";
  const standard = "gateway.networking.k8s.io/v1";
  const named = (name: string) => ({ name, namespace: NAMESPACE });
  const secretRef = (name: string) => ({ group: "spillway.dev", kind: "SecretSource", name });
  const backend = { group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "provider" };
  const documents = [
    { apiVersion: standard, kind: "GatewayClass", metadata: { name: "spillway" }, spec: { controllerName: "spillway.dev/broker" } },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    {
      apiVersion: standard,
      kind: "Gateway",
      metadata: named("egress"),
      spec: {
        gatewayClassName: "spillway",
        infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: "default" } },
        listeners: [{ name: "http", port: 80, protocol: "HTTP" }],
      },
    },
    {
      apiVersion: own,
      kind: "BrokerConfig",
      metadata: named("default"),
      spec: {
        identity: {
          issuers: [
            {
              name: "bench",
              type: "OIDC",
              issuer: ISSUER,
              audiences: [AUDIENCE],
              namespace: NAMESPACE,
              jwks: { inline: JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "bench", alg: "ES256", use: "sig" }] }) },
            },
          ],
          apiKeys: { secretRef: secretRef("broker-keys") },
          anonymous: "Deny",
        },
      },
    },
    { apiVersion: own, kind: "SecretSource", metadata: named("broker-keys"), spec: keys },
    { apiVersion: own, kind: "SecretSource", metadata: named("provider-key"), spec: provider },
    {
      apiVersion: standard,
      kind: "HTTPRoute",
      metadata: named("llm"),
      spec: { parentRefs: [{ name: "egress" }], rules: [{ matches: [{ path: { type: "PathPrefix", value: "/v1" } }], backendRefs: [backend] }] },
    },
    {
      apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
      kind: "XBackend",
      metadata: { ...named("provider"), labels: { "topology.kubernetes.io/region": "eu" } },
      spec: {
        type: "ExternalHostname",
        externalHostname: { hostname: "provider.bench.example" },
        port: { port: upstreamPort },
        protocol: "HTTP",
        tls: { mode: "None" },
      },
    },
    ...(pinned
      ? [{ apiVersion: own, kind: "BackendConnectionPolicy", metadata: named("provider"), spec: { targetRefs: [backend], dns: { addresses: ["127.0.0.1"] } } }]
      : []),
    {
      apiVersion: own,
      kind: "BackendCredentialPolicy",
      metadata: named("provider"),
      spec: { targetRefs: [backend], type: "Bearer", bearer: { secretRef: secretRef("provider-key") } },
    },
    {
      apiVersion: own,
      kind: "AIBackendPolicy",
      metadata: named("provider"),
      spec: {
        targetRefs: [backend],
        schema: { name: "OpenAI", prefix: "/v1" },
        models: [{ name: "smart", upstream: "gpt-5.5", price: { inputPerMTok: "1.25", outputPerMTok: "10" } }, { name: "gpt-*" }],
      },
    },
    {
      apiVersion: own,
      kind: "RegionPolicy",
      metadata: named("europe"),
      spec: { targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "egress" }], allow: { regions: ["eu"] } },
    },
  ];
  return { text: documents.map((document) => JSON.stringify(document, null, 2)).join("\n---\n"), tokens: { "api-key": apiKey, jwt } };
}

/** One limit of each kind, of which no bench comes near: what it costs to ask. */
export const THREE_LIMITS = `apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: bench, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits:
    - {name: rpm, unit: Requests, limit: 1000000000, window: {duration: 1m}, per: [Namespace, ServiceAccount]}
    - {name: tokens-a-day, unit: Tokens, limit: 1000000000000, window: {duration: 24h, type: Calendar}, per: [Namespace]}
    - {name: at-once, unit: Concurrency, limit: 100000, per: [Namespace]}
`;
