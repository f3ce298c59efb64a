/** Why a package is a runtime dependency, and who loads it when. */
export interface DependencyReason {
  /** `core`: a call or a manifest may need it whatever is configured. `connector`: loaded on first use, where a manifest or a variable names the system that it speaks to. */
  readonly part: "core" | "connector";
  readonly reason: string;
  readonly loaded: string;
}

const START = "Node and Lambda at start";

/** Every entry of `dependencies` in package.json. A package without a line here fails the tests. */
export const REASONS: Readonly<Record<string, DependencyReason>> = {
  undici: {
    part: "core",
    reason: "The HTTP/1.1 client of Node and Lambda: back-pressure without web streams, and what fetch hides (raw headers, no redirects, no inflating)",
    loaded: START,
  },
  "ipaddr.js": { part: "core", reason: "Which range an address belongs to, embedded IPv4 included: the guard against private destinations", loaded: START },
  jose: { part: "core", reason: "Signatures of tokens: verified, and made for token exchanges. Nobody writes such code anew", loaded: `${START}; Worker` },
  devalue: { part: "core", reason: "The compiled bundle: plain data with maps, sets and shared objects, read without evaluating", loaded: `${START}; Worker` },
  "@opentelemetry/api": { part: "core", reason: "The interface of traces and metrics. Records nothing by itself", loaded: `${START}; Worker` },
  hono: { part: "core", reason: "Routes of the paths under `/-/`", loaded: "Node and Lambda with the first call of such a path; Worker" },
  "@hono/node-server": { part: "core", reason: "Those paths on Node", loaded: "Node, with the first call of such a path" },
  aws4fetch: {
    part: "core",
    reason: "AWS signatures (SigV4) by web standards: Bedrock, S3, and on Workers Secrets Manager",
    loaded: "Node and Lambda on first use; Worker",
  },
  oauth4webapi: { part: "core", reason: "OAuth 2.0 client credentials and token exchange, as the RFCs say", loaded: "Node and Lambda on first use; Worker" },
  yaml: {
    part: "core",
    reason: "Reads manifests, with the line and column of every mistake",
    loaded: "Node and Lambda where manifests are read; never with a bundle",
  },
  zod: {
    part: "core",
    reason: "The schemas of the kinds, from which CRDs, types and pages are generated",
    loaded: "Node and Lambda where manifests are read; never with a bundle",
  },
  re2js: {
    part: "core",
    reason: "Regular expressions of manifests in linear time: no pattern can stall the broker",
    loaded: "Node and Lambda where manifests are read; never with a bundle",
  },
  "@aws-sdk/client-secrets-manager": {
    part: "connector",
    reason: "AWS Secrets Manager by the vendor's own client",
    loaded: "Node and Lambda, when a SecretSource names AWS. Workers use signed REST",
  },
  "@aws-sdk/credential-provider-node": {
    part: "connector",
    reason: "The broker's own AWS identity from wherever AWS keeps one: container, instance, web identity, SSO, files",
    loaded: "Node and Lambda, when AWS is spoken to and no simpler source has it",
  },
  "@google-cloud/secret-manager": {
    part: "connector",
    reason: "Google Secret Manager by the vendor's own client",
    loaded: "Node and Lambda, when a SecretSource names Google. Workers use REST",
  },
  "@kubernetes/client-node": {
    part: "connector",
    reason: "Manifests, Secrets, Services and conditions of a cluster: its kubeconfig, its certificates, its logins",
    loaded: "Node, when manifests or secrets come from a cluster",
  },
  ioredis: {
    part: "connector",
    reason: "Redis and Valkey, cluster and sentinel included: limits and events over many instances",
    loaded: "Node and Lambda, when a store says `redis`",
  },
  "@pydantic/genai-prices": { part: "connector", reason: "List prices of models, as data", loaded: "Node and Lambda, when a policy asks for list prices" },
  "@opentelemetry/resources": {
    part: "connector",
    reason: "What a trace says of this instance",
    loaded: "Node and Lambda, when `OTEL_*` names a collector; Worker",
  },
  "@opentelemetry/sdk-trace": { part: "connector", reason: "Spans, sampled and batched", loaded: "Node and Lambda, when `OTEL_*` names a collector; Worker" },
  "@opentelemetry/sdk-metrics": { part: "connector", reason: "Metrics, summed over time", loaded: "Node and Lambda, when `OTEL_*` names a collector" },
  "@opentelemetry/exporter-trace-otlp-http": { part: "connector", reason: "OTLP for spans", loaded: "Node and Lambda, when `OTEL_*` names a collector" },
  "@opentelemetry/exporter-metrics-otlp-http": { part: "connector", reason: "OTLP for metrics", loaded: "Node and Lambda, when `OTEL_*` names a collector" },
};

/**
 * Licences under which a runtime dependency may come: they ask for a notice, and nothing of what is built with them. `npm run build` keeps the notices
 * (THIRD-PARTY-LICENSES.txt).
 */
export const ALLOWED_LICENCES: readonly string[] = [
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "PSF-2.0",
  "Unlicense",
];

/** Why a package may or may not run its install script. */
export const INSTALL_SCRIPTS: Readonly<Record<string, { readonly runs: boolean; readonly reason: string }>> = {
  node: { runs: true, reason: "development: puts the pinned Node in place, with which every script of the project runs" },
  esbuild: { runs: true, reason: "development: checks and places the compiler's own binary" },
  workerd: { runs: true, reason: "development: the same for the Workers runtime" },
  protobufjs: { runs: false, reason: "comes with @google-cloud/secret-manager; its script only warns of version mistakes, and nothing misses it" },
  "classic-level": {
    runs: false,
    reason:
      "development: comes with dynalite, a DynamoDB for tests in memory; the module brings its binaries ready, and its script would only compile where none fits",
  },
};
