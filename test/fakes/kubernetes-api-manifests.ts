/** A small installation as it would be applied to a cluster: two teams, a Gateway, credentials, a lock. */
export const CLUSTER = `
apiVersion: v1
kind: Namespace
metadata: {name: egress-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: team-a, labels: {egress: "yes"}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: spillway}
spec: {controllerName: spillway.dev/broker}
---
apiVersion: spillway.dev/v1alpha1
kind: BrokerConfig
metadata: {name: default, namespace: egress-system}
spec: {identity: {anonymous: Allow}, routing: {scope: Shared}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: egress, namespace: egress-system}
spec:
  gatewayClassName: spillway
  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: provider, namespace: team-a, labels: {topology.kubernetes.io/region: eu-central-1}}
spec: {type: ExternalHostname, externalHostname: {hostname: api.provider.example}, port: {port: 443}, tls: {mode: ServerOnly}}
---
apiVersion: spillway.dev/v1alpha1
kind: SecretSource
metadata: {name: key, namespace: egress-system}
spec: {kubernetesSecret: {name: provider-key, key: token}}
---
apiVersion: v1
kind: Secret
metadata: {name: provider-key, namespace: egress-system}
data: {token: c2VjcmV0LW9uZQ==}
---
apiVersion: v1
kind: Secret
metadata: {name: nobody-names-me, namespace: egress-system}
data: {token: eA==}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: key, namespace: egress-system}
spec:
  from: [{group: spillway.dev, kind: BackendCredentialPolicy, namespace: team-a}]
  to: [{group: spillway.dev, kind: SecretSource, name: key}]
---
apiVersion: spillway.dev/v1alpha1
kind: BackendCredentialPolicy
metadata: {name: provider, namespace: team-a}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}]
  type: Bearer
  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: key, namespace: egress-system}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: llm, namespace: team-a}
spec:
  parentRefs: [{name: egress, namespace: egress-system}]
  hostnames: [llm.egress.local]
  rules: [{name: all, backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}]}]
`;

/** Another route of team-a, with the given members in its rule. */
export function route(
  name: string,
  hostname: string,
  rule = "backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}]",
  parent = "egress",
): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}, namespace: team-a}
spec:
  parentRefs: [{name: ${parent}, namespace: egress-system}]
  hostnames: [${hostname}]
  rules: [{${rule}}]
`;
}
