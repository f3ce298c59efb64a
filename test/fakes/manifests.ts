import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiSchema } from "../../src/index.ts";

/** One backend of a test: an XBackend pinned to loopback. */
export interface TestBackend {
  readonly name: string;
  readonly port: number;
  /** Default `<name>.provider.example`. */
  readonly hostname?: string;
  readonly region?: string;
  /** Value of the bearer token that the broker presents; null: no credential policy. */
  readonly key?: string | null;
  /** `Bearer` by default; `x-api-key` and the like put the key into that header. */
  readonly keyHeader?: string;
  readonly api?: ApiSchema;
  /** More members of `spec.schema` of its AIBackendPolicy, such as `project: p, location: l`. */
  readonly schema?: string;
  /** `spec.models` of its AIBackendPolicy as YAML flow, such as `[{name: a}]`. */
  readonly models?: string;
  /** PEM of the authority that signed its certificate: the backend is then called by TLS. */
  readonly caPem?: string;
  /** Lines of `spec.timeouts` as YAML flow, such as `{firstByte: 300ms}`. */
  readonly timeouts?: string;
  /** `spec.concurrency` of its BackendConnectionPolicy as YAML flow. */
  readonly concurrency?: string;
  readonly protocol?: string;
  /** It is a broker itself. */
  readonly parent?: TestParent;
}

export interface TestParent {
  /** PEM or JWK that signs the callers' identities; left out: the parent is not told who calls. */
  readonly key?: string;
  /** Default `upstream`. */
  readonly audience?: string;
  /** More members of `spec.parent`, such as `maxHops: 2`. */
  readonly more?: string;
}

export interface TestManifests {
  readonly backends: readonly TestBackend[];
  /** Names of backends in order, one tier each; the rule's only backendRef. Default: the first backend alone. */
  readonly group?: readonly string[];
  /** Extra lines of the BackendGroup's spec. */
  readonly groupSpec?: string;
  /** YAML of the rules instead of the one that takes every path. */
  readonly rules?: string;
  /** More documents. */
  readonly more?: string;
  /** `identity.issuers` as YAML flow. */
  readonly issuers?: string;
  /** Extra lines of the BrokerConfig's spec, indented by two. */
  readonly broker?: string;
  /** Extra lines of the one rule, indented by four. */
  readonly rule?: string;
}

/** Token that the test's caller presents; it stands for `team-a/assistant`. */
export const CALLER_TOKEN = "caller-token-of-team-a";
/** Stands for `team-b/worker`. */
export const OTHER_TOKEN = "caller-token-of-team-b";
/** Stands for an operator in the Gateway's own namespace. */
export const ADMIN_TOKEN = "caller-token-of-the-admin";

const digest = (text: string) => createHash("sha256").update(text).digest("hex");

let keys: string | null = null;

/** One folder a test process, gone with it. */
function keysFolder(): string {
  if (keys === null) {
    const created = mkdtempSync(join(tmpdir(), "spillway-keys-"));
    process.once("exit", () => rmSync(created, { recursive: true, force: true }));
    keys = created;
  }
  return keys;
}

/** Manifests of a whole small installation, as YAML. Keys are written to files of their own, as a volume would hold them. */
export function testManifests(options: TestManifests): string {
  const folder = mkdtempSync(join(keysFolder(), "keys-"));
  const callers = {
    keys: [
      { sha256: digest(CALLER_TOKEN), namespace: "team-a", serviceAccount: "assistant", workload: "assistant-0" },
      { sha256: digest(OTHER_TOKEN), namespace: "team-b", serviceAccount: "worker" },
      { sha256: digest(ADMIN_TOKEN), namespace: "egress-system", serviceAccount: "operator" },
    ],
  };
  writeFileSync(join(folder, "callers.json"), JSON.stringify(callers));
  const refs =
    options.group === undefined
      ? `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${options.backends[0]?.name ?? "none"}}`
      : "{group: spillway.dev, kind: BackendGroup, name: group}";
  const documents = [
    `apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}`,
    `apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: egress-system}\nspec:\n  gatewayClassName: spillway\n  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}\n  listeners:\n  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: BrokerConfig\nmetadata: {name: default, namespace: egress-system}\nspec:\n  identity: {apiKeys: {secretRef: {group: spillway.dev, kind: SecretSource, name: callers}}${options.issuers === undefined ? "" : `, issuers: ${options.issuers}`}}\n  routing: {scope: Shared}\n${options.broker ?? ""}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: callers, namespace: egress-system}\nspec: {file: {path: ${join(folder, "callers.json")}}}`,
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: egress-system}",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a, labels: {team: a}}",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-b, labels: {team: b}}",
    `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route, namespace: team-a}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules:\n${options.rules ?? `  - name: all\n    backendRefs: [${refs}]\n${options.rule ?? ""}`}`,
    ...options.backends.flatMap((backend) => backendDocuments(backend, folder)),
  ];
  if (options.group !== undefined) {
    const tiers = options.group.map(
      (name) => `  - {name: ${name}, backends: [{backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}}]}`,
    );
    documents.push(
      `apiVersion: spillway.dev/v1alpha1\nkind: BackendGroup\nmetadata: {name: group, namespace: team-a}\nspec:\n  tiers:\n${tiers.join("\n")}\n${options.groupSpec ?? ""}`,
    );
  }
  if (options.more !== undefined) documents.push(options.more);
  return `${documents.join("\n---\n")}\n`;
}

function backendDocuments(backend: TestBackend, folder: string): string[] {
  const { name } = backend;
  const hostname = backend.hostname ?? `${name}.provider.example`;
  const target = `targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`;
  const tls =
    backend.caPem === undefined
      ? "{mode: None}"
      : `{mode: ServerOnly, validation: {hostname: ${hostname}, caCertificateRefs: [{group: "", kind: ConfigMap, name: ${name}-ca}]}}`;
  const labels = backend.region === undefined ? "" : `, labels: {topology.kubernetes.io/region: ${backend.region}}`;
  const documents = [
    `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: ${name}, namespace: team-a${labels}}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${hostname}}\n  port: {port: ${backend.port}}\n  protocol: ${backend.protocol ?? "HTTP"}\n  tls: ${tls}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: BackendConnectionPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${target}\n  dns: {addresses: [127.0.0.1]}\n${backend.timeouts === undefined ? "" : `  timeouts: ${backend.timeouts}`}\n${backend.concurrency === undefined ? "" : `  concurrency: ${backend.concurrency}\n`}${backend.parent === undefined ? "" : parentLines(name, backend.parent)}`,
  ];
  if (backend.parent?.key !== undefined) {
    const path = join(folder, `${name}-chain.key`);
    writeFileSync(path, backend.parent.key);
    documents.push(`apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}-chain, namespace: team-a}\nspec: {file: {path: ${path}}}`);
  }
  if (backend.caPem !== undefined) {
    const pem = backend.caPem.trim().replaceAll("\n", "\n    ");
    documents.push(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}-ca, namespace: team-a}\ndata:\n  ca.crt: |\n    ${pem}`);
  }
  if (backend.key !== undefined && backend.key !== null) {
    const path = join(folder, `${name}.key`);
    writeFileSync(path, `${backend.key}\n`);
    const secretRef = `{group: spillway.dev, kind: SecretSource, name: ${name}-key}`;
    const member =
      backend.keyHeader === undefined
        ? `type: Bearer\n  bearer: {secretRef: ${secretRef}}`
        : `type: APIKey\n  apiKey: {secretRef: ${secretRef}, in: Header, name: ${backend.keyHeader}}`;
    documents.push(
      `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}-key, namespace: team-a}\nspec: {file: {path: ${path}}}`,
      `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${target}\n  ${member}`,
    );
  }
  if (backend.api !== undefined)
    documents.push(
      `apiVersion: spillway.dev/v1alpha1\nkind: AIBackendPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${target}\n  schema: {name: ${backend.api}${backend.schema === undefined ? "" : `, ${backend.schema}`}}${backend.models === undefined ? "" : `\n  models: ${backend.models}`}`,
    );
  return documents;
}

function parentLines(name: string, { key, audience = "upstream", more }: TestParent): string {
  const members = more === undefined ? [] : [more];
  if (key === undefined) members.push("region: Ignore");
  else members.push(`forwardIdentity: {signingKeyRef: {group: spillway.dev, kind: SecretSource, name: ${name}-chain}, audience: ${audience}}`);
  return `  mode: Parent\n  parent: {${members.join(", ")}}\n`;
}
