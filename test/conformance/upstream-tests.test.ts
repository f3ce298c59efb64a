import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** Tests of the Gateway API conformance suite whose behaviour this project claims: each is named in the title of a test here that shows the same. */
const CLAIMED = [
  "BackendTLSPolicyConflictResolution",
  "BackendTLSPolicyInvalidCACertificateRef",
  "GatewayClassObservedGenerationBump",
  "GatewayHTTPListenerIsolation",
  "GatewayInvalidRouteKind",
  "GatewayObservedGenerationBump",
  "GatewayWithAttachedRoutes",
  "HTTPRoute303Redirect",
  "HTTPRoute307Redirect",
  "HTTPRoute308Redirect",
  "HTTPRouteBackendRequestHeaderModifier",
  "HTTPRouteBackendRequestRedirect",
  "HTTPRouteBackendURLRewrite",
  "HTTPRouteCORS",
  "HTTPRouteCrossNamespace",
  "HTTPRouteDisallowedKind",
  "HTTPRouteExactPathMatching",
  "HTTPRouteHeaderMatching",
  "HTTPRouteHostnameIntersection",
  "HTTPRouteInvalidBackendRefUnknownKind",
  "HTTPRouteInvalidCrossNamespaceBackendRef",
  "HTTPRouteInvalidCrossNamespaceParentRef",
  "HTTPRouteInvalidNonExistentBackendRef",
  "HTTPRouteInvalidParentRefNotMatchingListenerPort",
  "HTTPRouteInvalidParentRefNotMatchingSectionName",
  "HTTPRouteInvalidParentRefSectionNameNotMatchingPort",
  "HTTPRouteInvalidReferenceGrant",
  "HTTPRouteListenerHostnameMatching",
  "HTTPRouteListenerPortMatching",
  "HTTPRouteMatching",
  "HTTPRouteMatchingAcrossRoutes",
  "HTTPRouteMethodMatching",
  "HTTPRouteMultipleGateways",
  "HTTPRouteNamedRule",
  "HTTPRouteNoBackendRefs",
  "HTTPRouteObservedGenerationBump",
  "HTTPRoutePartiallyInvalidViaInvalidReferenceGrant",
  "HTTPRoutePathMatchOrder",
  "HTTPRouteQueryParamMatching",
  "HTTPRouteRedirectHostAndStatus",
  "HTTPRouteRedirectPath",
  "HTTPRouteRedirectPort",
  "HTTPRouteRedirectPortAndScheme",
  "HTTPRouteRedirectScheme",
  "HTTPRouteReferenceGrant",
  "HTTPRouteRequestHeaderModifier",
  "HTTPRouteRequestHeaderModifierBackendWeights",
  "HTTPRouteRequestMirror",
  "HTTPRouteRequestMultipleMirrors",
  "HTTPRouteRequestPercentageMirror",
  "HTTPRouteResponseHeaderModifier",
  "HTTPRouteRetry",
  "HTTPRouteRetryConnectionError",
  "HTTPRouteRetryWithTimeouts",
  "HTTPRouteRewriteHost",
  "HTTPRouteRewritePath",
  "HTTPRouteServiceTypes",
  "HTTPRouteSimpleSameNamespace",
  "HTTPRouteTimeoutBackendRequest",
  "HTTPRouteTimeoutRequest",
  "HTTPRouteWeight",
  "ListenerSetGatewayParentSectionNameNotFound",
  "ListenerSetHTTPRouting",
];

const folder = resolve(import.meta.dirname);
const text = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts") && name !== "upstream-tests.test.ts")
  .map((name) => readFileSync(join(folder, name), "utf8"))
  .join("\n");
const named = new Set(text.match(/\b(?:HTTPRoute|Gateway|ListenerSet|BackendTLSPolicy)[A-Z0-9]\w+/g) ?? []);

describe("the conformance suite", () => {
  it.each(CLAIMED)("%s has a test here that names it", (name) => {
    expect(named.has(name)).toBe(true);
  });
});
