import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { fail, type Provider, startProvider } from "../fakes/provider.ts";

let europe: Provider;
let america: Provider;
let broker: BrokerProcess;

/** Everyone may use both; callers of namespaces with `team: b` are locked into the EU. */
beforeAll(async () => {
  europe = await startProvider();
  america = await startProvider();
  broker = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "europe", port: europe.port, region: "eu-central-1" },
        { name: "america", port: america.port, region: "us-east-1" },
        { name: "nowhere", port: america.port },
      ],
      group: ["europe", "america", "nowhere"],
      rules: `  - name: failover
    matches: [{path: {type: PathPrefix, value: /v1}}]
    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]
  - name: america-only
    matches: [{path: {type: PathPrefix, value: /us}}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: america}]`,
      more: `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu-only, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  appliesTo: {namespaces: {matchLabels: {team: b}}}
  allow: {jurisdictions: [EU]}`,
    }),
  });
});
afterAll(async () => {
  await broker?.stop();
  await Promise.all([europe?.close(), america?.close()]);
});

const call = (token: string, path: string) =>
  fetch(`${broker.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: '{"model":"m","messages":[]}',
  });

describe("a locked caller", () => {
  it("is served inside the lock", async () => {
    const response = await call(OTHER_TOKEN, "/v1/chat/completions");
    expect(response.status).toBe(200);
    expect(response.headers.get("x-egress-backend")).toContain("europe");
    await response.text();
  });

  it("never fails over outside of it, and the answer says what happened", async () => {
    europe.behave(fail(503));
    const before = america.seen.length;
    const response = await call(OTHER_TOKEN, "/v1/chat/completions");
    expect(response.status).toBe(503);
    await response.text();
    expect(america.seen.length).toBe(before);
    const line = await broker.call((line) => line["status"] === 503);
    expect(JSON.stringify(line)).toContain("america");
    expect(JSON.stringify(line)).toContain("region");
  });

  it("is refused with 403 where no destination is left, in the envelope that SDKs parse", async () => {
    const response = await call(OTHER_TOKEN, "/us/v1/chat/completions");
    expect(response.status).toBe(403);
    expect(response.headers.get("x-egress-error")).toBe("region_locked");
    expect(await response.json()).toMatchObject({ error: { code: "region_locked" } });
    const plain = await call(OTHER_TOKEN, "/us/anything");
    expect(plain.headers.get("content-type")).toContain("application/problem+json");
    expect(await plain.json()).toMatchObject({ status: 403, code: "region_locked" });
  });
});

describe("an unlocked caller", () => {
  it("gets a redirect handed back, which a locked one never does", async () => {
    europe.behave((_seen, response) => void response.writeHead(302, { location: "https://elsewhere.example/" }).end());
    const ask = (token: string) => fetch(`${broker.url}/v1/things`, { headers: { authorization: `Bearer ${token}` }, redirect: "manual" });
    const free = await ask(CALLER_TOKEN);
    expect([free.status, free.headers.get("location")]).toEqual([302, "https://elsewhere.example/"]);
    const locked = await ask(OTHER_TOKEN);
    expect([locked.status, locked.headers.get("x-egress-error")]).toEqual([502, "upstream_redirect"]);
  });

  it("may fail over anywhere", async () => {
    europe.behave(fail(503));
    const response = await call(CALLER_TOKEN, "/v1/chat/completions");
    expect(response.status).toBe(200);
    expect(response.headers.get("x-egress-backend")).toContain("america");
    await response.text();
  });
});
