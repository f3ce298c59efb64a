import type { Backend, TlsProfile } from "../model/backend.ts";
import { type BackendDraft, concludeBackend, createBackendDraft, draftConnection, draftCredential, draftRegion, refuseUnencrypted } from "./backend-draft.ts";
import type { BackendPolicies } from "./backend-policies.ts";
import { compileApi } from "./compile-api.ts";
import { draftParent } from "./compile-parent.ts";
import { compileTls } from "./compile-tls.ts";
import { refuseExternalHostname } from "./external-hostname.ts";
import { type LinkContext, type Resolved, resolved, unresolved, warn } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** An XBackend (GEP-4894) with its policies. Whatever is wrong with it or with one of them makes it unusable as a target. */
export function compileXBackend(context: LinkContext, policies: BackendPolicies, manifest: ManifestOf<"XBackend">): Resolved<Backend> {
  const { spec } = manifest.body;
  const namespace = namespaceOf(manifest);
  const key = `XBackend/${namespace}/${manifest.name}`;
  const draft = createBackendDraft(context);
  if (spec.type !== "ExternalHostname") draft.refuse("UnsupportedValue", `type ${spec.type} is not supported: ExternalHostname`);
  const hostname = spec.externalHostname?.hostname ?? "";
  const refused = refuseExternalHostname(hostname);
  if (spec.externalHostname === undefined) draft.refuse("Invalid", "externalHostname is missing");
  else if (refused !== null) draft.refuse("Invalid", `externalHostname.hostname ${hostname}: ${refused}`);

  const connection = draftConnection(context, draft, policies, key);
  const tls = compileTls(context, draft, manifest, hostname, connection.tls);
  if (tls === null) refuseUnencrypted(draft, connection);
  const protocol = compileProtocol(draft, spec.protocol, tls);
  const api = policies.api.get(key);
  const credential = draftCredential(context, draft, policies, key, hostname);
  const parent = draftParent(context, draft, policies, key, credential);
  const scheme = tls === null ? "http" : "https";
  const { port } = spec.port;
  const origin = { scheme, hostname, port } as const;
  const region = draftRegion(draft, manifest, { origin, tls }, policies.attestations.get(key) ?? []);
  if (spec.tls?.mode === "None" && credential !== null) {
    warn(context, manifest, ["spec", "tls", "mode"], "a credential will travel to this backend in plaintext", "write `tls: {mode: ServerOnly}`");
  }
  concludeBackend(context, manifest, draft);

  const [refusal] = draft.refusals;
  if (refusal !== undefined) return unresolved(refusal.reason, `XBackend ${namespace}/${manifest.name}: ${refusal.message}`);
  return resolved({
    key,
    kind: "XBackend",
    namespace,
    name: manifest.name,
    origin,
    authority: port === (scheme === "https" ? 443 : 80) ? hostname : `${hostname}:${port}`,
    protocol,
    mcp: spec.protocol === "MCP",
    tls,
    dns: connection.dns,
    timeouts: connection.timeouts,
    credential,
    api: api === undefined ? null : compileApi(api),
    region,
    concurrency: connection.concurrency,
    retryBudget: policies.retryBudgets.get(key) ?? null,
    parent,
  });
}

/** MCP is HTTP/1.1 here; what runs inside is the route's business. */
function compileProtocol(draft: BackendDraft, authored: string | undefined, tls: TlsProfile | null): Backend["protocol"] {
  switch (authored) {
    case undefined:
    case "HTTP":
    case "HTTP11":
    case "MCP":
      return "http1";
    case "HTTP2":
      draft.need("h2", "protocol HTTP2");
      if (tls === null) draft.refuse("Invalid", "protocol HTTP2 is negotiated in TLS: write H2C for HTTP/2 in plaintext");
      return "h2";
    case "H2C":
      draft.need("h2c", "protocol H2C");
      if (tls !== null) draft.refuse("Invalid", "protocol H2C is HTTP/2 in plaintext: write HTTP2, or tls.mode None");
      return "h2c";
    default:
      draft.refuse("UnsupportedValue", `protocol ${authored} is not supported: HTTP, HTTP11, HTTP2, H2C or MCP`);
      return "http1";
  }
}
