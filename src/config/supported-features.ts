import type { TransportFeature } from "../model/ports.ts";
import type { Platform } from "./platform.ts";

/** Names of the standard's features (its `pkg/features`); HTTPS listeners and gRPC are not among them. */
const EVERYWHERE: readonly string[] = [
  "Gateway",
  "GatewayHTTPListenerIsolation",
  "HTTPRoute",
  "HTTPRoute303RedirectStatusCode",
  "HTTPRoute307RedirectStatusCode",
  "HTTPRoute308RedirectStatusCode",
  "HTTPRouteBackendRequestHeaderModification",
  "HTTPRouteBackendRequestRedirect",
  "HTTPRouteBackendTimeout",
  "HTTPRouteCORS",
  "HTTPRouteExternalAuth",
  "HTTPRouteExternalAuthForwardBody",
  "HTTPRouteExternalAuthHTTP",
  "HTTPRouteMethodMatching",
  "HTTPRouteNamedRouteRule",
  "HTTPRouteParentRefPort",
  "HTTPRoutePathRedirect",
  "HTTPRoutePathRewrite",
  "HTTPRoutePortRedirect",
  "HTTPRouteQueryParamMatching",
  "HTTPRouteRequestMirror",
  "HTTPRouteRequestMultipleMirrors",
  "HTTPRouteRequestPercentageMirror",
  "HTTPRouteRequestTimeout",
  "HTTPRouteResponseHeaderModification",
  "HTTPRouteRetry",
  "HTTPRouteRetryBackendTimeout",
  "HTTPRouteRetryConnectionError",
  "HTTPRouteSchemeRedirect",
  "ListenerSet",
  "ReferenceGrant",
  // GEP-4894.
  "ResourceBackendExternalHostname",
];

/** Those that need something of the platform. */
const BY_PLATFORM: readonly (readonly [string, TransportFeature])[] = [
  ["BackendTLSPolicy", "custom-ca"],
  ["BackendTLSPolicySANValidation", "custom-ca"],
  ["HTTPRouteBackendProtocolH2C", "h2c"],
  ["HTTPRouteBackendProtocolWebSocket", "upgrade"],
  ["HTTPRouteBackendURLRewrite", "host-rewrite"],
  ["HTTPRouteHostRewrite", "host-rewrite"],
];

/** What a GatewayClass says in `status.supportedFeatures` there: sorted, as the standard asks. */
export function supportedFeatures(platform: Platform): readonly string[] {
  // Elsewhere the platform terminates TLS, and who was asked for is not told.
  const ownTls = platform.name === "knative" ? ["GatewayHTTPSListenerDetectMisdirectedRequests"] : [];
  return [...EVERYWHERE, ...ownTls, ...BY_PLATFORM.flatMap(([name, needed]) => (platform.features.has(needed) ? [name] : []))].sort();
}
