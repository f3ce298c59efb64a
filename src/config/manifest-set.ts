import { aiBackendPolicy } from "./kinds/ai-backend-policy.ts";
import { backendConnectionPolicy } from "./kinds/backend-connection-policy.ts";
import { backendCredentialPolicy } from "./kinds/backend-credential-policy.ts";
import { backendGroup } from "./kinds/backend-group.ts";
import { brokerConfig } from "./kinds/broker-config.ts";
import type { KindDefinition } from "./kinds/kind-definition.ts";
import { regionAttestation } from "./kinds/region-attestation.ts";
import { regionPolicy } from "./kinds/region-policy.ts";
import { secretSource } from "./kinds/secret-source.ts";
import { usageLimitPolicy } from "./kinds/usage-limit-policy.ts";
import type { Manifest } from "./manifest.ts";
import { backendTlsPolicy } from "./standard/backend-tls-policy.ts";
import { configMapKind, namespaceKind, secretKind, serviceKind } from "./standard/core-kinds.ts";
import { gateway } from "./standard/gateway.ts";
import { gatewayClass } from "./standard/gateway-class.ts";
import { httpRoute } from "./standard/http-route.ts";
import { listenerSet } from "./standard/listener-set.ts";
import { referenceGrant } from "./standard/reference-grant.ts";
import { xBackend } from "./standard/x-backend.ts";
import { xBackendTrafficPolicy } from "./standard/x-backend-traffic-policy.ts";

/** The kinds of this project, in the order of docs/manifests.md. */
export const OWN_KINDS = {
  BrokerConfig: brokerConfig,
  SecretSource: secretSource,
  BackendCredentialPolicy: backendCredentialPolicy,
  BackendConnectionPolicy: backendConnectionPolicy,
  BackendGroup: backendGroup,
  RegionPolicy: regionPolicy,
  RegionAttestation: regionAttestation,
  UsageLimitPolicy: usageLimitPolicy,
  AIBackendPolicy: aiBackendPolicy,
} as const;

/** Every kind that this broker reads. */
export const KINDS = {
  GatewayClass: gatewayClass,
  Gateway: gateway,
  ListenerSet: listenerSet,
  HTTPRoute: httpRoute,
  ReferenceGrant: referenceGrant,
  BackendTLSPolicy: backendTlsPolicy,
  XBackend: xBackend,
  XBackendTrafficPolicy: xBackendTrafficPolicy,
  Namespace: namespaceKind,
  Service: serviceKind,
  Secret: secretKind,
  ConfigMap: configMapKind,
  ...OWN_KINDS,
} as const;

export type KindName = keyof typeof KINDS;
type BodyOf<Kind> = Kind extends KindDefinition<infer Body> ? Body : never;
export type ManifestOf<Name extends KindName> = Manifest<BodyOf<(typeof KINDS)[Name]>>;

/** All manifests of one compile, by kind and then by `namespace/name`. */
export type ManifestSet = { readonly [Name in KindName]: ReadonlyMap<string, ManifestOf<Name>> };

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[]; // the keys of a constant

/** The same for whoever gathers objects elsewhere, such as from a Kubernetes API. */
export const READ_KINDS: readonly Pick<KindDefinition, "group" | "versions" | "kind" | "scope">[] = KIND_NAMES.map((name) => KINDS[name]);
