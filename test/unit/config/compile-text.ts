import { type Compiled, compile, type Platform } from "../../../src/config/compile.ts";
import type { Backend } from "../../../src/model/backend.ts";
import type { TransportFeature } from "../../../src/model/ports.ts";
import type { CompiledRule, Snapshot } from "../../../src/model/snapshot.ts";

const ALL_FEATURES: ReadonlySet<TransportFeature> = new Set([
  "custom-ca",
  "client-cert",
  "crl",
  "spki-pin",
  "dns-pin",
  "dns-guard",
  "sni",
  "h2",
  "h2c",
  "plaintext",
  "service",
  "host-rewrite",
]);

export const NODE: Platform = { name: "knative", features: ALL_FEATURES };
/** What a platform that only has `fetch` can do. */
export const FETCH_ONLY: Platform = { name: "workers", features: new Set(["plaintext"]) };

/** One Gateway `infra/egress` with a listener `http` that every namespace may use, and anonymous callers. */
export const GATEWAY = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: spillway}
spec: {controllerName: spillway.dev/broker}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: egress, namespace: infra}
spec:
  gatewayClassName: spillway
  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: spillway.dev/v1alpha1
kind: BrokerConfig
metadata: {name: default, namespace: infra}
spec: {identity: {anonymous: Allow}}
`;

export const NAMESPACES = `
apiVersion: v1
kind: Namespace
metadata: {name: team-a, labels: {data: personal}}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-b}
---
apiVersion: v1
kind: Namespace
metadata: {name: infra}
`;

/** An XBackend `team-a/<name>`; `spec` replaces parts of a good one. */
export function xBackend(name: string, spec: Readonly<Record<string, unknown>> = {}, metadata: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
    kind: "XBackend",
    metadata: { name, namespace: "team-a", ...metadata },
    spec: {
      type: "ExternalHostname",
      externalHostname: { hostname: `${name}.example.com` },
      port: { port: 443 },
      protocol: "HTTP",
      tls: { mode: "ServerOnly" },
      ...spec,
    },
  });
}

/** An HTTPRoute `team-a/<name>` on the Gateway; a rule is filled up with a backendRef to XBackend `one` unless it says otherwise. */
export function route(
  name: string,
  rules: readonly Readonly<Record<string, unknown>>[] = [{}],
  spec: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name, namespace: "team-a", ...metadata },
    spec: { parentRefs: [{ name: "egress", namespace: "infra" }], rules: rules.map((rule) => ({ backendRefs: [toXBackend("one")], ...rule })), ...spec },
  });
}

export function toXBackend(name: string): Readonly<Record<string, unknown>> {
  return { group: "gateway.networking.x-k8s.io", kind: "XBackend", name };
}

export function own(kind: string, name: string, spec: unknown, namespace = "team-a", metadata: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ apiVersion: "spillway.dev/v1alpha1", kind, metadata: { name, namespace, ...metadata }, spec });
}

export function grant(namespace: string, from: unknown, to: unknown): string {
  return JSON.stringify({
    apiVersion: "gateway.networking.k8s.io/v1beta1",
    kind: "ReferenceGrant",
    metadata: { name: "grant", namespace },
    spec: { from: [from], to: [to] },
  });
}

/** Compiles documents as one file each. */
export function compileAll(documents: readonly string[], platform: Platform = NODE): Compiled {
  return compile(
    documents.map((text, index) => ({ path: `${index}.yaml`, text })),
    platform,
  );
}

/** Compiles on top of GATEWAY and NAMESPACES, and fails the test when a manifest is not even read. */
export function compileGood(documents: readonly string[], platform: Platform = NODE): Compiled & { readonly snapshot: Snapshot } {
  const compiled = compileAll([GATEWAY, NAMESPACES, ...documents], platform);
  const errors = compiled.faults.filter((fault) => fault.severity === "error");
  if (compiled.snapshot === null)
    throw new Error(`not compiled: ${errors.map((fault) => `${fault.file}:${fault.line} ${fault.pointer} ${fault.message}`).join("; ")}`);
  return { ...compiled, snapshot: compiled.snapshot };
}

export function rulesOf(compiled: { readonly snapshot: Snapshot | null }, listener = "http"): readonly CompiledRule[] {
  return compiled.snapshot?.gateways[0]?.listeners.find((one) => one.name === listener)?.routes.rules ?? [];
}

export function backendOf(compiled: { readonly snapshot: Snapshot }, key: string): Backend {
  const backend = compiled.snapshot.backends.get(key);
  if (backend === undefined) throw new Error(`no backend ${key} among ${[...compiled.snapshot.backends.keys()].join(", ")}`);
  return backend;
}

/** `True/Accepted`, `False/Conflicted` …; undefined when there is no such condition. */
export function conditionOf(compiled: Compiled, kind: string, name: string, type: string, parent?: string | null): string | undefined {
  for (const object of compiled.conditions) {
    if (object.kind !== kind || object.name !== name || (parent !== undefined && object.parent !== parent)) continue;
    const condition = object.conditions.find((one) => one.type === type);
    if (condition !== undefined) return `${condition.status}/${condition.reason}`;
  }
  return undefined;
}
