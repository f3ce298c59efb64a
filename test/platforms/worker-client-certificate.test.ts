import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAuthority } from "../fakes/certificates.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const TOKEN = "caller-token-of-team-a";
const CALLERS = JSON.stringify({ keys: [{ sha256: createHash("sha256").update(TOKEN).digest("hex"), namespace: "team-a", serviceAccount: "assistant" }] });
const HOST = "partner.example";

const backend = (name: string, binding: string) => [
  `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${HOST}}\n  port: {port: 443}\n  protocol: HTTP\n  tls: {mode: ClientAndServer, clientCertificateRef: {group: spillway.dev, kind: SecretSource, name: ${name}-certificate}, validation: {hostname: ${HOST}, wellKnownCACertificates: System}}`,
  `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}-certificate, namespace: team-a}\nspec: {${binding}}`,
];
const rule = (name: string) =>
  `  - matches: [{path: {type: PathPrefix, value: /${name}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`;
const NAMES = {
  partner: "binding: {name: PARTNER_CERTIFICATE}",
  absent: "binding: {name: NO_SUCH_BINDING}",
  text: "binding: {name: CALLERS}",
  env: "env: {name: CALLERS}",
};
const MANIFESTS = [
  "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}",
  "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: team-a}\nspec:\n  gatewayClassName: spillway\n  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}\n  listeners:\n  - {name: http, port: 80, protocol: HTTP}",
  "apiVersion: spillway.dev/v1alpha1\nkind: BrokerConfig\nmetadata: {name: default, namespace: team-a}\nspec:\n  identity: {apiKeys: {secretRef: {group: spillway.dev, kind: SecretSource, name: callers}}}",
  "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: callers, namespace: team-a}\nspec: {binding: {name: CALLERS}}",
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route, namespace: team-a}\nspec:\n  parentRefs: [{name: egress}]\n  rules:\n${Object.keys(NAMES).map(rule).join("\n")}`,
  ...Object.entries(NAMES).flatMap(([name, source]) => backend(name, source)),
].join("\n---\n");

/** Cloudflare's `mtls_certificates` do not exist outside of it; a service of workerd with TLS options is the same to the Worker. */
describe("a client certificate in a binding of the Worker", () => {
  const serverAuthority = createAuthority("servers");
  const clientAuthority = createAuthority("clients");
  let partner: Provider;
  let world: Provider;
  let bundle: WorkerBundle;
  let broker: WorkerBroker;
  const shown: (string | undefined)[] = [];

  beforeAll(async () => {
    const server = serverAuthority.issue({ dnsNames: [HOST] });
    [partner, world, bundle] = await Promise.all([startProvider({ tls: { ...server, ca: clientAuthority.caPem } }), startProvider(), bundleWorker()]);
    partner.behave((_seen, response, request) => {
      const { socket } = request;
      shown.push("getPeerCertificate" in socket && typeof socket.getPeerCertificate === "function" ? socket.getPeerCertificate().subject.CN : undefined);
      response.writeHead(200, { "content-type": "text/plain" }).end("for a known client only");
    });
    const client = clientAuthority.issue({ client: true, commonName: "the broker" });
    const text = (pem: string) => JSON.stringify(pem);
    const tls = `keypair = (privateKey = ${text(client.keyPem)}, certificateChain = ${text(client.certPem)}), trustedCertificates = [ ${text(serverAuthority.caPem)} ]`;
    broker = await startWorkerBroker({
      bundle,
      manifests: MANIFESTS,
      secrets: { CALLERS },
      worldPort: world.port,
      extra: {
        bindings: ['(name = "PARTNER_CERTIFICATE", service = "partner")'],
        services: [`(name = "partner", external = (address = "127.0.0.1:${partner.port}", https = (certificateHost = "${HOST}", tlsOptions = (${tls}))))`],
      },
    });
  });
  afterAll(async () => {
    await broker?.stop();
    await Promise.all([partner?.close(), world?.close(), bundle?.remove()]);
  });
  beforeEach(() => {
    shown.length = 0;
    world.seen.length = 0;
  });
  const get = (path: string) => fetch(`${broker.url}${path}`, { headers: { "x-api-key": TOKEN } });

  it("is shown to the backend that asks for it", async () => {
    const response = await get("/partner/files/1");
    expect([response.status, await response.text()]).toEqual([200, "for a known client only"]);
    expect(shown).toEqual(["the broker"]);
    expect(partner.seen[0]?.headers.host).toBe(HOST);
    expect(world.seen).toEqual([]);
  });

  it.each(["absent", "text"])("is never left out: with a binding that is %s nothing is sent", async (name) => {
    const response = await get(`/${name}/files/1`);
    expect([response.status, response.headers.get("x-egress-error")]).toEqual([502, "upstream_unavailable"]);
    await response.body?.cancel();
    expect([shown, world.seen]).toEqual([[], []]);
  });

  it("that the broker would have to hold itself is refused at compile, with the reason", async () => {
    const response = await get("/env/files/1");
    expect([response.status, response.headers.get("x-egress-error")]).toEqual([500, "backend_invalid"]);
    await response.body?.cancel();
    expect(broker.stderr()).toMatch(/env.*ClientAndServer needs client-cert, which workers does not have/);
    expect(world.seen).toEqual([]);
  });
});
