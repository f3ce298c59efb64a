import type { Backend } from "../model/backend.ts";
import { attachBackendPolicies, type BackendPolicies } from "./backend-policies.ts";
import { compileSecretSource } from "./compile-secret.ts";
import { compileService } from "./compile-service.ts";
import { compileXBackend } from "./compile-x-backend.ts";
import { createConditionBook } from "./conditions.ts";
import { type LinkContext, type Resolved, type Unresolved, unresolved } from "./link-context.ts";
import { notAmong } from "./not-among.ts";

/** Every backend that routes may refer to, compiled once each. */
export interface BackendDirectory {
  xBackend(namespace: string, name: string): Resolved<Backend>;
  service(namespace: string, name: string, port: number | null): Resolved<Backend>;
  /** All that can be used, by key: every good XBackend, and the ports of Services that were asked for. */
  usable(): ReadonlyMap<string, Backend>;
}

export function compileBackends(context: LinkContext, gatewayNamespaces: ReadonlySet<string>): BackendDirectory {
  for (const source of context.set.SecretSource.values()) {
    const secret = compileSecretSource(context, source);
    if (!secret.ok) {
      const type = secret.reason === "UnsupportedOnPlatform" ? "Accepted" : "ResolvedRefs";
      context.conditions.write(source, null, { type, status: "False", reason: secret.reason, message: secret.message });
    }
    for (const type of ["Accepted", "ResolvedRefs"]) context.conditions.approve(source, null, type);
  }
  const attached = attachBackendPolicies(context, gatewayNamespaces);
  const policies: BackendPolicies = {
    ...attached,
    tokenBackend: (kind, namespace, name, port) => tokenBackend(context, attached, kind, namespace, name, port),
  };
  const xBackends = new Map([...context.set.XBackend].map(([id, manifest]) => [id, compileXBackend(context, policies, manifest)]));
  const services = new Map<string, Resolved<Backend>>();

  return {
    xBackend: (namespace, name) =>
      xBackends.get(`${namespace}/${name}`) ?? unresolved("BackendNotFound", notAmong("XBackend", namespace, name, context.set.XBackend)),
    service(namespace, name, port) {
      const key = `${namespace}/${name}:${port ?? ""}`;
      const known = services.get(key);
      if (known !== undefined) return known;
      const manifest = context.set.Service.get(`${namespace}/${name}`);
      const backend = manifest === undefined ? noService(context, namespace, name) : compileService(context, policies, manifest, port);
      services.set(key, backend);
      return backend;
    },
    usable() {
      const all = [...xBackends.values(), ...services.values()];
      return new Map(all.flatMap((one) => (one.ok ? [[one.value.key, one.value] as const] : [])));
    },
  };
}

/** Compiled apart from the backend of the same name: what is said of that one is said once, and this one has no credential. */
function tokenBackend(
  context: LinkContext,
  attached: Omit<BackendPolicies, "tokenBackend">,
  kind: "XBackend" | "Service",
  namespace: string,
  name: string,
  port: number | null,
): Resolved<Backend> {
  const aside: LinkContext = { ...context, conditions: createConditionBook(), faults: [] };
  const policies: BackendPolicies = {
    ...attached,
    credential: new Map(),
    tokenBackend: () => unresolved("Invalid", "a token endpoint has no credential"),
  };
  const missing = unresolved("BackendNotFound", notAmong(kind, namespace, name, context.set[kind]));
  if (kind === "Service") {
    const service = context.set.Service.get(`${namespace}/${name}`);
    return service === undefined ? missing : compileService(aside, policies, service, port);
  }
  const manifest = context.set.XBackend.get(`${namespace}/${name}`);
  return manifest === undefined ? missing : compileXBackend(aside, policies, manifest);
}

/** A reference without group and kind means a Service; whoever meant another kind is told what to write. */
function noService(context: LinkContext, namespace: string, name: string): Unresolved {
  const id = `${namespace}/${name}`;
  const group = context.set.XBackend.has(id)
    ? "gateway.networking.x-k8s.io, kind: XBackend"
    : context.set.BackendGroup.has(id)
      ? "spillway.dev, kind: BackendGroup"
      : null;
  if (group === null) return unresolved("BackendNotFound", notAmong("Service", namespace, name, context.set.Service));
  return unresolved("BackendNotFound", `Service ${id} is not among the manifests: write group: ${group}`);
}
