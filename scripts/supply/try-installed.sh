#!/usr/bin/env bash
# Streams one call through a command that was installed, on whatever Node is in PATH: `try-installed.sh spillway`. Needs nothing of the checkout but this script.
set -euo pipefail
command=$1
folder=$(mktemp -d)
provider=""
broker=""
trap 'kill ${broker} ${provider} 2>/dev/null || true; rm -rf "${folder}"' EXIT

# A provider on loopback that streams three chunks, each by itself, and tells which key it was shown.
cat >"${folder}/provider.mjs" <<'JS'
import { createServer } from "node:http";
const server = createServer((request, response) => {
  request.resume();
  if (request.headers.authorization !== "Bearer key-of-the-provider") return response.writeHead(401).end();
  response.writeHead(200, { "content-type": "text/event-stream" });
  const chunks = ["one", "two", "three"].map((content) => ({ id: "1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content } }] }));
  const lines = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"];
  const timer = setInterval(() => {
    const line = lines.shift();
    if (line === undefined) return clearInterval(timer), response.end();
    response.write(`data: ${line}\n\n`);
  }, 50);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node "${folder}/provider.mjs" >"${folder}/port" &
provider=$!
for _ in $(seq 1 100); do [ -s "${folder}/port" ] && break; sleep 0.1; done

cat >"${folder}/manifests.yaml" <<YAML
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: spillway}
spec: {controllerName: spillway.dev/broker}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: egress, namespace: infra}
spec:
  gatewayClassName: spillway
  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}
  listeners: [{name: http, port: 8080, protocol: HTTP}]
---
apiVersion: spillway.dev/v1alpha1
kind: BrokerConfig
metadata: {name: default, namespace: infra}
spec: {identity: {anonymous: Allow}}
---
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: provider, namespace: infra}
spec: {type: ExternalHostname, port: {port: $(cat "${folder}/port")}, protocol: HTTP, externalHostname: {hostname: provider.example}, tls: {mode: None}}
---
apiVersion: spillway.dev/v1alpha1
kind: SecretSource
metadata: {name: provider, namespace: infra}
spec: {env: {name: PROVIDER_KEY}}
---
apiVersion: spillway.dev/v1alpha1
kind: BackendCredentialPolicy
metadata: {name: provider, namespace: infra}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}]
  type: Bearer
  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: provider}}
---
apiVersion: spillway.dev/v1alpha1
kind: BackendConnectionPolicy
metadata: {name: provider, namespace: infra}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}]
  dns: {addresses: ["127.0.0.1"]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: provider, namespace: infra}
spec:
  parentRefs: [{name: egress}]
  rules: [{backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}]}]
YAML
PROVIDER_KEY=key-of-the-provider "${command}" serve --manifests "${folder}/manifests.yaml" --port 0 >"${folder}/broker.log" 2>&1 &
broker=$!
for _ in $(seq 1 100); do grep -q 'http://127.0.0.1:' "${folder}/broker.log" && break; sleep 0.1; done
url=$(grep -o 'http://127.0.0.1:[0-9]*' "${folder}/broker.log" | head -n 1) || { cat "${folder}/broker.log"; exit 1; }
answer=$(curl --silent --show-error --no-buffer --max-time 10 "${url}/v1/chat/completions" -H "content-type: application/json" -d '{"model": "m", "stream": true, "messages": []}')
for want in one two three '\[DONE\]'; do
  grep -q "${want}" <<<"${answer}" || { echo "no ${want} in:"; echo "${answer}"; cat "${folder}/broker.log"; exit 1; }
done
kill -TERM "${broker}"
wait "${broker}"
echo "streamed on Node $(node --version)"
