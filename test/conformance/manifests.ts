import { type Compiled, compile } from "../../src/config/compile.ts";
import { NODE } from "../unit/config/compile-text.ts";

/** A manifest as an object; JSON is YAML. */
export type Manifest = Readonly<Record<string, unknown>>;

const STANDARD = "gateway.networking.k8s.io/v1";

export const SETTINGS: readonly Manifest[] = [
  { apiVersion: STANDARD, kind: "GatewayClass", metadata: { name: "spillway", generation: 4 }, spec: { controllerName: "spillway.dev/broker" } },
  {
    apiVersion: "spillway.dev/v1alpha1",
    kind: "BrokerConfig",
    metadata: { name: "default", namespace: "infra" },
    spec: { identity: { anonymous: "Allow" }, routing: { scope: "Shared" } },
  },
  ...["infra", "backend", "web"].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { for: name } } })),
];

/** A Gateway `infra/<name>`; listeners are filled up to HTTP at port 80. */
export function gateway(name: string, listeners: readonly Manifest[], metadata: Manifest = {}, spec: Manifest = {}): Manifest {
  return {
    apiVersion: STANDARD,
    kind: "Gateway",
    metadata: { name, namespace: "infra", ...metadata },
    spec: {
      gatewayClassName: "spillway",
      infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: "default" } },
      listeners: listeners.map((listener) => ({ port: 80, protocol: "HTTP", ...listener })),
      ...spec,
    },
  };
}

/** An HTTPRoute `infra/<name>` on Gateway `same`. */
export function httpRoute(name: string, spec: Manifest, metadata: Manifest = {}): Manifest {
  return {
    apiVersion: STANDARD,
    kind: "HTTPRoute",
    metadata: { name, namespace: "infra", ...metadata },
    spec: { parentRefs: [{ name: "same", namespace: "infra" }], ...spec },
  };
}

/** The Gateway that most tests of the suite stand on. */
export const SAME = gateway("same", [{ name: "http" }]);

export function service(name: string, namespace = "infra", spec: Manifest = {}): Manifest {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { ports: [{ port: 8080 }], ...spec } };
}

/** A backendRef to a Service of `service`. */
export function to(name: string, more: Manifest = {}): Manifest {
  return { name, port: 8080, ...more };
}

export function referenceGrant(namespace: string, from: Manifest, to: Manifest, version = "v1beta1"): Manifest {
  return {
    apiVersion: `gateway.networking.k8s.io/${version}`,
    kind: "ReferenceGrant",
    metadata: { name: "grant", namespace },
    spec: { from: [from], to: [to] },
  };
}

export function textOf(...manifests: readonly Manifest[]): string {
  return [...SETTINGS, ...manifests].map((manifest) => JSON.stringify(manifest)).join("\n---\n");
}

/** Fails the test where a manifest cannot even be read. */
export function compileWorld(...manifests: readonly Manifest[]): Compiled {
  const compiled = compile([{ path: "test.yaml", text: textOf(...manifests) }], NODE);
  const errors = compiled.faults.filter((fault) => fault.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((fault) => `${fault.kind} ${fault.name} ${fault.pointer}: ${fault.message}`).join("\n"));
  return compiled;
}

/** `type` -> `status/reason` of an object toward one parent. */
export function conditionsOf(compiled: Compiled, kind: string, name: string, parent: string | null = null): Readonly<Record<string, string>> {
  const object = compiled.conditions.find((one) => one.kind === kind && one.name === name && one.parent === parent);
  return Object.fromEntries((object?.conditions ?? []).map(({ type, status, reason }) => [type, `${status}/${reason}`]));
}
