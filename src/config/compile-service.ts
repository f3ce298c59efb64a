import type { Backend } from "../model/backend.ts";
import { createBackendDraft, draftConnection, draftCredential, draftRegion, refuseUnencrypted } from "./backend-draft.ts";
import type { BackendPolicies } from "./backend-policies.ts";
import { draftBackendTls } from "./backend-tls.ts";
import { compileApi } from "./compile-api.ts";
import { draftParent } from "./compile-parent.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** A Service's addresses are private by nature: the guard against private addresses is for outside names. */
const ANY_ADDRESS: readonly string[] = ["0.0.0.0/0", "::/0"];

/** One port of a Service in the cluster, in plaintext unless a BackendTLSPolicy says otherwise. Fails for a port that the Service does not have and for ExternalName, which reaches outside unchecked. */
export function compileService(context: LinkContext, policies: BackendPolicies, manifest: ManifestOf<"Service">, port: number | null): Resolved<Backend> {
  const { spec } = manifest.body;
  const namespace = namespaceOf(manifest);
  const id = `Service ${namespace}/${manifest.name}`;
  if (spec.type === "ExternalName") return unresolved("UnsupportedValue", `${id} is of type ExternalName: write an XBackend instead`);
  if (port === null) return unresolved("BackendNotFound", `the reference to ${id} needs a port`);
  const ports = spec.ports ?? [];
  const found = ports.find((one) => one.port === port && (one.protocol ?? "TCP") === "TCP");
  if (found === undefined) return unresolved("BackendNotFound", `${id} has no TCP port ${port}`);

  const draft = createBackendDraft(context);
  draft.need("service", "a Service backend");
  const policyKey = `Service/${namespace}/${manifest.name}`;
  const connection = draftConnection(context, draft, policies, policyKey);
  const tls = draftBackendTls(context, draft, policies.serviceTls, policyKey, found.name, connection.tls);
  if (tls === null) {
    draft.need("plaintext", "a Service backend");
    refuseUnencrypted(draft, connection);
  } else draft.need("sni", "a BackendTLSPolicy");
  const protocol = protocolOf(found.appProtocol, tls !== null);
  if (protocol === null)
    return unresolved(
      "UnsupportedProtocol",
      `${id}: appProtocol ${found.appProtocol ?? ""} is not supported ${tls === null ? "in plaintext: http, kubernetes.io/ws or kubernetes.io/h2c" : "with TLS: https or kubernetes.io/wss"}`,
    );
  if (protocol === "h2c") draft.need("h2c", "appProtocol kubernetes.io/h2c");
  if (found.appProtocol === WEB_SOCKET || found.appProtocol === WEB_SOCKET_TLS) draft.need("upgrade", `appProtocol ${found.appProtocol}`);
  const credential = draftCredential(context, draft, policies, policyKey, null);
  const parent = draftParent(context, draft, policies, policyKey, credential);
  const suffix = context.platform.serviceDomain === undefined ? "" : `.${context.platform.serviceDomain}`;
  const hostname = `${manifest.name}.${namespace}.svc${suffix}`;
  const origin = { scheme: tls === null ? "http" : "https", hostname, port } as const;
  const region = draftRegion(draft, manifest, { origin, tls }, policies.attestations.get(policyKey) ?? []);
  const api = policies.api.get(policyKey);

  const [refusal] = draft.refusals;
  if (refusal !== undefined) return unresolved(refusal.reason, `${id}: ${refusal.message}`);
  return resolved({
    key: `${policyKey}:${port}`,
    kind: "Service",
    namespace,
    name: manifest.name,
    origin,
    authority: port === (tls === null ? 80 : 443) ? hostname : `${hostname}:${port}`,
    protocol,
    mcp: false,
    tls,
    dns: { ...connection.dns, allowCIDRs: ANY_ADDRESS },
    timeouts: connection.timeouts,
    credential,
    api: api === undefined ? null : compileApi(api),
    region,
    concurrency: connection.concurrency,
    retryBudget: policies.retryBudgets.get(policyKey) ?? null,
    parent,
  });
}

/** KEP-3726. A handshake is a call of HTTP/1.1, and so are the other calls that such a port takes. */
const WEB_SOCKET = "kubernetes.io/ws";
const WEB_SOCKET_TLS = "kubernetes.io/wss";

/** Null: that cannot be spoken there. */
function protocolOf(appProtocol: string | undefined, encrypted: boolean): "http1" | "h2c" | null {
  if (appProtocol === undefined || appProtocol === (encrypted ? "https" : "http") || appProtocol === (encrypted ? WEB_SOCKET_TLS : WEB_SOCKET)) return "http1";
  if (encrypted) return null;
  return appProtocol === "kubernetes.io/h2c" ? "h2c" : null;
}
