import { regionOfTokenHost, tokenEndpoint } from "../credentials/tokens/token-endpoint.ts";
import { targetFault } from "../lib/request-target.ts";
import type { Backend } from "../model/backend.ts";
import type { TokenEndpoint } from "../model/token-plan.ts";
import { tokenHostPlaces } from "../transport/locate/token-host-places.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { isPermitted, notPermitted, type Referrer } from "./reference-permission.ts";

/** What compiling a credential needs beside its policy. */
export interface CredentialSite {
  readonly context: LinkContext;
  readonly policy: ManifestOf<"BackendCredentialPolicy">;
  readonly from: Referrer;
  /** `BackendCredentialPolicy/namespace/name`: ids of tokens begin with it. */
  readonly id: string;
  /** A backend as a place to ask for tokens: without a credential of its own. */
  readonly tokenBackend: (kind: "XBackend" | "Service", namespace: string, name: string, port: number | null) => Resolved<Backend>;
}

/** An endpoint as authored; see `endpoint` in `kinds/credential-fields.ts`. */
export interface AuthoredEndpoint {
  readonly url?: string | undefined;
  readonly backendRef?:
    | {
        readonly group: string;
        readonly kind: "XBackend" | "Service";
        readonly name: string;
        readonly namespace?: string | undefined;
        readonly port?: number | undefined;
      }
    | undefined;
  readonly path?: string | undefined;
}

/** The endpoint that is written, else the provider's own at `preset`, whose path counts where a `backendRef` names none. */
export function compileTokenEndpoint(site: CredentialSite, authored: AuthoredEndpoint | undefined, preset: string): Resolved<TokenEndpoint> {
  if (authored?.backendRef !== undefined) return endpointOfBackend(site, authored.backendRef, authored.path ?? (preset === "" ? "/" : pathOf(preset)));
  const address = authored?.url ?? preset;
  const endpoint = tokenEndpoint(address);
  if (typeof endpoint === "string") return unresolved("Invalid", `${address}: ${endpoint}`);
  if (endpoint.local && !site.context.platform.features.has("dns-pin")) {
    return unresolved("UnsupportedOnPlatform", `${address} is on the machine itself, which ${site.context.platform.name} cannot ask`);
  }
  if (targetFault(endpoint.path) !== null) return unresolved("Invalid", `${address}: ${targetFault(endpoint.path)}`);
  return resolved({ ...endpoint, reach: endpoint.local ? [] : tokenHostPlaces(regionOfTokenHost(endpoint.origin.hostname)) });
}

function pathOf(address: string): string {
  return new URL(address).pathname;
}

/** An address of ours that is known to be one, with the path of the machine's own service. */
export function localEndpoint(address: string): TokenEndpoint {
  const endpoint = tokenEndpoint(address);
  // The caller writes a constant: a wrong one shows in the first test.
  if (typeof endpoint === "string") throw new TypeError(`${address}: ${endpoint}`);
  return endpoint;
}

function endpointOfBackend(site: CredentialSite, ref: NonNullable<AuthoredEndpoint["backendRef"]>, path: string): Resolved<TokenEndpoint> {
  const to = { group: ref.group, kind: ref.kind, namespace: ref.namespace ?? site.from.namespace, name: ref.name };
  // Before the look-up: without a grant nobody may learn whether the object exists.
  if (!isPermitted(site.context, site.from, to)) return unresolved("RefNotPermitted", notPermitted(site.from, to));
  const backend = site.tokenBackend(ref.kind, to.namespace, to.name, ref.port ?? null);
  if (!backend.ok) return backend;
  const { origin, authority, tls, dns, region, protocol } = backend.value;
  if (protocol !== "http1") return unresolved("UnsupportedProtocol", `${ref.kind} ${to.namespace}/${to.name}: a token endpoint is asked by HTTP/1.1`);
  const fault = targetFault(path);
  if (fault !== null) return unresolved("Invalid", `path ${path}: ${fault}`);
  return resolved({ origin, authority, path, tls, dns, reach: region.reach, local: false });
}
