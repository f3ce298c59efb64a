import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { brokerIssuer, createChainKey } from "../fakes/chain-key.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const LOCK =
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}";
const portOf = (url: string) => Number(new URL(url).port);

/** A Worker has bindings in place of files, and no say in addresses. */
const forWorkers = (manifests: string) =>
  manifests
    .replace(/\{file: \{path: [^}]*callers\.json\}\}/, "{binding: {name: CALLERS}}")
    .replace(/\{file: \{path: [^}]*-chain\.key\}\}/, "{binding: {name: CHAIN_KEY}}")
    .replace(/ {2}dns: \{addresses: \[127\.0\.0\.1\]\}\n/g, "");

let bundle: WorkerBundle;
let provider: Provider;
let top: BrokerProcess;
let worker: WorkerBroker;
let child: BrokerProcess;

/** A child on Node, a Worker in the middle, and the top on Node again. */
beforeAll(async () => {
  const childKey = createChainKey();
  const workerKey = createChainKey();
  [bundle, provider] = await Promise.all([bundleWorker(), startProvider()]);
  top = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "us", port: provider.port, region: "us-east-1" },
        { name: "eu", port: provider.port, region: "eu-central-1", key: "eu-key" },
      ],
      group: ["us", "eu"],
      issuers: brokerIssuer("worker-1", workerKey),
      broker: "  chainId: top-1",
    }),
  });
  worker = await startWorkerBroker({
    bundle,
    manifests: forWorkers(
      testManifests({
        backends: [{ name: "top", port: 80, parent: { key: workerKey.pem } }],
        issuers: brokerIssuer("child-1", childKey),
        broker: "  chainId: worker-1",
      }),
    ),
    secrets: { CALLERS: '{"keys": []}', CHAIN_KEY: workerKey.pem },
    worldPort: portOf(top.url),
  });
  child = await startBroker({
    manifests: testManifests({
      backends: [{ name: "up", port: portOf(worker.url), parent: { key: childKey.pem, more: "maxHops: 2" } }],
      broker: "  chainId: child-1",
      more: LOCK,
    }),
  });
}, 90_000);
afterAll(async () => {
  await Promise.all([child?.stop(), worker?.stop(), top?.stop()]);
  await Promise.all([provider?.close(), bundle?.remove()]);
});

describe("a Worker between two brokers", () => {
  it.each([false, true])("hands the call, its caller and its lock on, and the answer back (streamed: %s)", async (stream) => {
    provider.seen.length = 0;
    const received = await fetch(`${child.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json", "x-request-id": `worker-chain-${stream}` },
      body: JSON.stringify({ model: "gpt-test", messages: [], stream }),
    });
    expect([received.status, received.headers.get("x-egress-error")]).toEqual([200, null]);
    expect(await received.text()).toContain(stream ? "[DONE]" : "chat.completion");
    expect(provider.seen).toHaveLength(1);
    expect(provider.seen[0]?.headers).toMatchObject({ authorization: "Bearer eu-key", "cdn-loop": "child-1, worker-1, top-1" });
    const line = await top.call((entry) => entry["request_id"] === `worker-chain-${stream}`);
    expect(line).toMatchObject({ namespace: "team-a", service_account: "assistant", hop: 2, brokers: ["worker-1", "child-1"], region: "eu-central-1" });
    expect(await child.call((entry) => entry["request_id"] === `worker-chain-${stream}`)).toMatchObject({ region: "eu-central-1", region_decision: "allow" });
  });
});
