import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type SeenRequest, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { HOSTS, type HostileRequest, hostileRequest, seeded } from "./hostile-requests.ts";
import { PROFILE, whereProcessed } from "./naive-provider.ts";

const CALLS = 1_500;
/** Owners say where their hosts are: there is no public certificate for a fake. Where that contradicts a provider's rules it must not count. */
const LABELS: Readonly<Record<string, string>> = {
  "bedrock-runtime.eu-central-1.amazonaws.com": "eu-central-1",
  "europe-west4-aiplatform.googleapis.com": "europe-west4",
  "eu.api.openai.com": "eu",
  "us.api.openai.com": "us",
  "api.anthropic.com": "us",
  "contoso.openai.azure.com": "swedencentral",
  "api.eu.mistral.ai": "eu",
  "inference.europe.example": "eu-central-1",
  "inference.america.example": "us-east-1",
  "api.openai.com": "us",
  "api.mistral.ai": "eu-central-1",
  "api.groq.com": "eu-central-1",
  "aiplatform.googleapis.com": "eu-central-1",
};
const EUROPE = new Set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK CH IS LI NO".split(" "));

const upstreams = new Map<string, Upstream>();
let broker: BrokerProcess;

beforeAll(async () => {
  for (const host of HOSTS) {
    const body = JSON.stringify({ usage: { inference_geo: "us" } });
    const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    upstreams.set(host, await startUpstream((socket) => void socket.write(answer)));
  }
  const backends = HOSTS.map((host, index) => ({ name: `b${index}`, port: upstreams.get(host)?.port ?? 0, hostname: host, region: LABELS[host] ?? "moon-1" }));
  const rules = HOSTS.map(
    (_, index) =>
      `  - matches: [{headers: [{name: x-to, value: b${index}}]}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: b${index}}]`,
  );
  const attest = (host: string, what: string) =>
    `apiVersion: spillway.dev/v1alpha1\nkind: RegionAttestation\nmetadata: {name: a${HOSTS.indexOf(host)}, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, namespace: team-a, name: b${HOSTS.indexOf(host)}}]\n  checkedAt: "2026-11-22"\n  source: a test\n${what}`;
  const more = [
    "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: europe, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  allow: {jurisdictions: [EEA+CH]}",
    attest(
      "bedrock-runtime.eu-central-1.amazonaws.com",
      `  inferenceProfiles: [{id: "${PROFILE}", sourceRegion: eu-central-1, destinationRegions: [eu-central-1, eu-north-1]}]`,
    ),
    attest("contoso.openai.azure.com", "  deployments: [{name: regional, sku: Standard, location: swedencentral}]"),
  ].join("\n---\n");
  broker = await startBroker({ manifests: testManifests({ backends, rules: rules.join("\n"), more }) });
});
afterAll(async () => {
  await broker?.stop();
  for (const upstream of upstreams.values()) await upstream.close();
});

function send(hostile: HostileRequest, url: URL): Promise<number> {
  const headers: Record<string, string> = { authorization: `Bearer ${CALLER_TOKEN}`, "x-to": `b${HOSTS.indexOf(hostile.host)}` };
  for (let index = 0; index + 1 < hostile.headers.length; index += 2) headers[hostile.headers[index] ?? ""] = hostile.headers[index + 1] ?? "";
  return new Promise((resolve) => {
    try {
      const request = httpRequest({ host: url.hostname, port: url.port, method: hostile.method, path: hostile.path, headers }, (response) => {
        response.resume();
        response.on("close", () => resolve(response.statusCode ?? 0));
      });
      request.on("error", () => resolve(0));
      request.end(hostile.method === "GET" ? undefined : hostile.body);
    } catch {
      // Node's own client refuses such a path.
      resolve(0);
    }
  });
}

it(`T16 B1: sends no byte of ${CALLS} hostile calls to a socket that could process it outside Europe`, { timeout: 300_000 }, async () => {
  const random = seeded(7);
  const url = new URL(broker.url);
  const statuses = new Map<number, number>();
  for (let sent = 0; sent < CALLS; sent += 25) {
    const batch = Array.from({ length: 25 }, () => send(hostileRequest(random), url));
    for (const status of await Promise.all(batch)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  let arrived = 0;
  for (const [host, upstream] of upstreams) {
    for (const seen of upstream.seen) {
      arrived += 1;
      const place = whereProcessed(arrivedAt(host, seen), { "inference.europe.example": ["DE"], "inference.america.example": ["US"] });
      if (place === null || !place.every((country) => EUROPE.has(country))) throw new Error(`${host} ${seen.target} ${seen.body.toString()}: ${place}`);
    }
  }
  console.log(`region sockets: ${CALLS} calls, ${arrived} arrived, ${JSON.stringify([...statuses])}`);
  expect(arrived).toBeGreaterThan(CALLS / 20);
  expect(statuses.get(403) ?? 0).toBeGreaterThan(CALLS / 20);
  // The owner's label does not make a roaming host European, nor an American field.
  for (const host of [
    "api.openai.com",
    "api.mistral.ai",
    "api.groq.com",
    "aiplatform.googleapis.com",
    "us.api.openai.com",
    "api.anthropic.com",
    "inference.america.example",
  ]) {
    expect(upstreams.get(host)?.connections).toBe(0);
  }
});

function arrivedAt(host: string, seen: SeenRequest) {
  return { host, path: seen.target, headers: seen.headers, body: seen.body.toString() };
}
