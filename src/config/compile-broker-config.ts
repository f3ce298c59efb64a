import type { IdentityPlan, IssuerPlan } from "../model/identity-plan.ts";
import type { UsageStorePlan } from "../model/limit.ts";
import type { SecretReference } from "../model/secret.ts";
import type { CompiledGateway, DebugWindow, GatewayBounds } from "../model/snapshot.ts";
import { byteSize } from "./byte-size.ts";
import { type AuthoredSecretRef, compileSecret } from "./compile-secret.ts";
import { compileUsageStore } from "./compile-usage-store.ts";
import { durationMs } from "./duration.ts";
import type { BrokerConfigSpec } from "./kinds/broker-config.ts";
import { type LinkContext, type Resolved, resolved, unresolved, warn } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

type AuthoredIssuer = NonNullable<NonNullable<BrokerConfigSpec["identity"]>["issuers"]>[number];

/** BrokerConfig, compiled: what a Gateway takes over from it. */
export interface GatewaySettings {
  readonly identity: IdentityPlan;
  readonly scope: CompiledGateway["scope"];
  readonly bounds: GatewayBounds;
  readonly usageStore: UsageStorePlan | null;
  /** Null: made from the Gateway's name. */
  readonly chainId: string | null;
  /** Null: every public name. */
  readonly allowedDomains: readonly string[] | null;
  readonly console: boolean;
  readonly debug: DebugWindow | null;
}

const MAX_CLOCK_SKEW_SECONDS = 60;
/** A token that was taken back may be used for this long. */
const MAX_REVIEW_MS = 60_000;
const DEFAULT_BODY_BYTES = 33_554_432;
/** Far above what one instance serves well: it is for what nobody meant. */
const DEFAULT_OPEN_CALLS = 32_768;

/** For a Gateway without BrokerConfig, or with one that cannot be used: nobody is known, so every call is answered 401. */
export const CLOSED_SETTINGS: GatewaySettings = {
  identity: { issuers: [], apiKeys: null, principals: [], anonymous: "Deny" },
  scope: "CallerNamespace",
  bounds: {
    maxRequestBytes: DEFAULT_BODY_BYTES,
    replayBytes: DEFAULT_BODY_BYTES,
    maxOpenCalls: DEFAULT_OPEN_CALLS,
    maxOpenCallsPerNamespace: DEFAULT_OPEN_CALLS / 2,
  },
  usageStore: null,
  chainId: null,
  allowedDomains: null,
  console: false,
  debug: null,
};

/** Fails as a whole when any secret of it cannot be resolved: a Gateway never runs with some of its issuers. */
export function compileBrokerConfig(context: LinkContext, manifest: ManifestOf<"BrokerConfig">): Resolved<GatewaySettings> {
  const { spec } = manifest.body;
  const issuers: IssuerPlan[] = [];
  for (const issuer of spec.identity?.issuers ?? []) {
    const compiled = compileIssuer(context, manifest, issuer);
    if (!compiled.ok) return compiled;
    issuers.push(compiled.value);
  }
  let apiKeys: SecretReference | null = null;
  if (spec.identity?.apiKeys !== undefined) {
    const secret = secretOf(context, manifest, spec.identity.apiKeys.secretRef);
    if (!secret.ok) return unresolved(secret.reason, `identity.apiKeys: ${secret.message}`);
    apiKeys = secret.value;
  }
  const usageStore = compileUsageStore(context, manifest);
  if (!usageStore.ok) return usageStore;
  const anonymous = spec.identity?.anonymous ?? "Deny";
  const principals = (spec.identity?.principals ?? []).map((one) => ({ ...one, serviceAccount: one.serviceAccount ?? null }));
  if (issuers.length === 0 && apiKeys === null && principals.length === 0 && anonymous === "Deny") {
    warn(
      context,
      manifest,
      ["spec"],
      "identity names no issuer, no API keys and no principals: every call will be answered 401",
      "add identity.issuers or identity.apiKeys",
    );
  }
  const maxRequestBytes = byteSize(spec.bounds?.maxRequestBytes ?? DEFAULT_BODY_BYTES);
  const maxOpenCalls = spec.bounds?.maxOpenCalls ?? DEFAULT_OPEN_CALLS;
  return resolved({
    identity: { issuers, apiKeys, principals, anonymous },
    scope: spec.routing?.scope ?? "CallerNamespace",
    bounds: {
      maxRequestBytes,
      replayBytes: Math.min(byteSize(spec.bounds?.replayBytes ?? DEFAULT_BODY_BYTES), maxRequestBytes),
      maxOpenCalls,
      maxOpenCallsPerNamespace: Math.min(spec.bounds?.maxOpenCallsPerNamespace ?? Math.ceil(maxOpenCalls / 2), maxOpenCalls),
    },
    usageStore: usageStore.value,
    chainId: spec.chainId ?? null,
    allowedDomains: spec.allowedDomains ?? null,
    console: spec.console?.mode === "Enabled",
    debug: spec.debug === undefined ? null : { until: Date.parse(spec.debug.until), namespaces: spec.debug.namespaces ?? null },
  });
}

function compileIssuer(context: LinkContext, manifest: ManifestOf<"BrokerConfig">, issuer: AuthoredIssuer): Resolved<IssuerPlan> {
  const where = `identity.issuers ${issuer.name}`;
  const jwks = compileJwks(context, manifest, issuer.jwks);
  if (!jwks.ok) return unresolved(jwks.reason, `${where}: ${jwks.message}`);
  const tokenReview = compileTokenReview(context, issuer);
  if (!tokenReview.ok) return unresolved(tokenReview.reason, `${where}: ${tokenReview.message}`);
  const clockSkewSeconds = durationMs(issuer.clockSkew) / 1_000;
  if (clockSkewSeconds > MAX_CLOCK_SKEW_SECONDS) return unresolved("Invalid", `${where}: clockSkew is more than ${MAX_CLOCK_SKEW_SECONDS}s`);
  return resolved({
    name: issuer.name,
    type: issuer.type,
    issuer: issuer.issuer,
    audiences: issuer.audiences,
    jwks: jwks.value,
    algorithms: issuer.algorithms ?? (issuer.type === "Broker" ? ["ES256", "EdDSA", "RS256"] : ["RS256", "ES256"]),
    clockSkewSeconds,
    claims:
      issuer.claims === undefined
        ? null
        : { namespace: issuer.claims.namespace, serviceAccount: issuer.claims.serviceAccount ?? null, workload: issuer.claims.workload ?? null },
    namespace: issuer.namespace ?? null,
    speaksFor: issuer.namespaces === undefined ? null : issuer.namespaces.includes("*") ? "any" : new Set(issuer.namespaces),
    tokenReview: tokenReview.value,
    requiredClaims: new Map(Object.entries(issuer.requiredClaims ?? {})),
  });
}

/** Whom nobody could ask about would be let in by a check that is not made: the Gateway is refused instead. */
function compileTokenReview({ platform }: LinkContext, { tokenReview }: AuthoredIssuer): Resolved<IssuerPlan["tokenReview"]> {
  if (tokenReview === undefined || tokenReview.mode === "Disabled") return resolved(null);
  if (platform.name !== "knative")
    return unresolved("UnsupportedOnPlatform", `tokenReview cannot be used on ${platform.name}: it needs a cluster's API server`);
  if (platform.reviewsTokens === false)
    return unresolved(
      "UnsupportedOnPlatform",
      "tokenReview needs a cluster, and this instance knows none: set automountServiceAccountToken: true, or KUBECONFIG",
    );
  const cacheForMs = durationMs(tokenReview.cacheFor);
  if (cacheForMs < 1_000 || cacheForMs > MAX_REVIEW_MS) return unresolved("Invalid", "tokenReview.cacheFor must be between 1s and 60s");
  return resolved({ cacheForMs });
}

function compileJwks(context: LinkContext, manifest: ManifestOf<"BrokerConfig">, jwks: AuthoredIssuer["jwks"]): Resolved<IssuerPlan["jwks"]> {
  if (jwks.uri !== undefined) {
    return isTrustedUri(jwks.uri)
      ? resolved({ kind: "uri", uri: jwks.uri })
      : unresolved("Invalid", "jwks.uri must be an https address without credentials (http only for loopback)");
  }
  if (jwks.inline !== undefined) {
    const keys = typeof jwks.inline === "string" ? jwks.inline : JSON.stringify(jwks.inline);
    return isKeySet(keys) ? resolved({ kind: "inline", keys }) : unresolved("Invalid", "jwks.inline must be a JSON object with a list `keys`");
  }
  if (jwks.secretRef === undefined) return unresolved("Invalid", "jwks names no keys");
  const secret = secretOf(context, manifest, jwks.secretRef);
  return secret.ok ? resolved({ kind: "secret", secret: secret.value }) : secret;
}

/** Keys that came over plaintext could be anybody's. */
function isTrustedUri(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && (hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.")));
}

function isKeySet(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys);
  } catch {
    return false;
  }
}

function secretOf(context: LinkContext, manifest: ManifestOf<"BrokerConfig">, ref: AuthoredSecretRef): Resolved<SecretReference> {
  return compileSecret(context, ref, { group: manifest.group, kind: manifest.kind, namespace: namespaceOf(manifest) });
}
