import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ISSUER } from "../fakes/token-issuer.ts";
import { callerKey, hostOf, OPERATOR_KEY, ROLES, type Role, TENANTS, type Tenant } from "./tenants.ts";

export interface SoakAddresses {
  readonly ports: Readonly<Record<Role, number>>;
  readonly jwksUri: string;
  /** Address of the Redis that counts limits; null: each instance counts for itself. */
  readonly redis: string | null;
  /** Where secrets that are files are written. */
  readonly folder: string;
}

const REGION = "eu-central-1";
const XBACKEND = "group: gateway.networking.x-k8s.io, kind: XBackend";
const SOURCE = "group: spillway.dev, kind: SecretSource";

/** Manifests of the soak, as YAML. `variant` changes names of rules and nothing that a call could notice; `extra` adds so many routes that nobody calls. */
export function soakManifests(addresses: SoakAddresses, variant: number, extra = 0): string {
  const { folder, redis } = addresses;
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");
  const keys = TENANTS.map(({ name }) => ({ sha256: digest(callerKey(name)), namespace: name, serviceAccount: "app" }));
  keys.push({ sha256: digest(OPERATOR_KEY), namespace: "egress-system", serviceAccount: "operator" });
  writeFileSync(join(folder, "callers.json"), JSON.stringify({ keys }));
  if (redis !== null) writeFileSync(join(folder, "redis"), redis);
  const limits = redis === null ? "" : `\n  limits: {store: {redis: {urlRef: {${SOURCE}, name: redis}}}}`;
  const documents = [
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}",
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: egress-system}\nspec:\n  gatewayClassName: spillway\n  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}\n  listeners:\n  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}",
    `apiVersion: spillway.dev/v1alpha1
kind: BrokerConfig
metadata: {name: default, namespace: egress-system}
spec:
  identity:
    apiKeys: {secretRef: {${SOURCE}, name: callers}}
    issuers:
    - {name: cluster, type: KubernetesServiceAccount, issuer: "${ISSUER}", audiences: [spillway], jwks: {uri: "${addresses.jwksUri}"}}
  routing: {scope: CallerNamespace}${limits}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: callers, namespace: egress-system}\nspec: {file: {path: ${join(folder, "callers.json")}}}`,
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: egress-system}",
    ...TENANTS.flatMap((tenant) => tenantDocuments(tenant, addresses, variant)),
    ...Array.from({ length: extra }, (_, index) => extraRoute(index, variant)),
  ];
  if (redis !== null)
    documents.push(
      `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: redis, namespace: egress-system}\nspec: {file: {path: ${join(folder, "redis")}}}`,
    );
  return `${documents.join("\n---\n")}\n`;
}

function tenantDocuments({ name, onStoreFailure }: Tenant, { ports }: SoakAddresses, variant: number): readonly string[] {
  const at = (object: string) => `metadata: {name: ${object}, namespace: ${name}}`;
  return [
    `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}`,
    `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
${at("calls")}
spec:
  parentRefs: [{name: egress, namespace: egress-system}]
  rules:
  - name: models-${variant}
    matches: [{path: {type: PathPrefix, value: /v1}}]
    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: models}]
    timeouts: {request: 15s}
  - name: files
    matches: [{path: {type: PathPrefix, value: /files}}]
    backendRefs: [{${XBACKEND}, name: files}]
    timeouts: {request: 15s}`,
    `apiVersion: spillway.dev/v1alpha1
kind: BackendGroup
${at("models")}
spec:
  tiers:
  - {name: first, backends: [{backendRef: {${XBACKEND}, name: primary}}]}
  - {name: then, backends: [{backendRef: {${XBACKEND}, name: second}}]}
  health: {consecutiveFailures: 3, evictFor: 1s, maxEvictFor: 3s}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\n${at("destination-key")}\nspec: {awsSecretsManager: {secretId: soak/${name}, region: ${REGION}, jsonKey: token}, refresh: {interval: 2s, staleFor: 1h}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: tokens-of-${name}, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  limits:\n  - {name: tokens, unit: Tokens, limit: 1000000000000, window: {duration: 720h}, match: {namespaces: [${name}]}, onStoreFailure: ${onStoreFailure}}`,
    ...ROLES.flatMap((role) => {
      const target = `targetRefs: [{${XBACKEND}, name: ${role}}]`;
      return [
        `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\n${at(role)}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${hostOf(role, name)}}\n  port: {port: ${ports[role]}}\n  protocol: HTTP\n  tls: {mode: None}`,
        `apiVersion: spillway.dev/v1alpha1\nkind: BackendConnectionPolicy\n${at(role)}\nspec:\n  ${target}\n  dns: {addresses: [127.0.0.1]}\n  timeouts: {firstByte: 3s, streamIdle: 3s}`,
        `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\n${at(role)}\nspec:\n  ${target}\n  type: Bearer\n  bearer: {secretRef: {${SOURCE}, name: destination-key}}`,
        ...(role === "files" ? [] : [`apiVersion: spillway.dev/v1alpha1\nkind: AIBackendPolicy\n${at(role)}\nspec:\n  ${target}\n  schema: {name: OpenAI}`]),
      ];
    }),
  ];
}

function extraRoute(index: number, variant: number): string {
  return `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: extra-${index}, namespace: tenant-0}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules: [{name: r-${variant}, matches: [{path: {type: Exact, value: /extra/${index}}}], backendRefs: [{${XBACKEND}, name: files}]}]`;
}
