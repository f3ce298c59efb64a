import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import { compile } from "../../../src/compiler.ts";
import { prove } from "../../../src/offline.ts";
import { consoleProof, consoleState } from "../../../src/pages/console-data.ts";
import { testManifests } from "../../fakes/manifests.ts";

const LOCK = `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: lock, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  appliesTo: {namespaces: {matchLabels: {team: b}}}
  allow: {regions: [eu]}`;
const LIMIT = `apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: limits, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  limits: [{name: calls, per: [Namespace], unit: Requests, limit: 10, window: {duration: 1m, type: Sliding}}]`;
const STRAY = LOCK.replace("name: lock", "name: stray").replace("name: egress}", "name: nowhere}");

const BACKENDS = [
  { name: "one", port: 1, key: "sk-secret-of-one", region: "eu", api: "OpenAI" as const },
  { name: "two", port: 2, region: "us" },
];
const compiled = (more: string) => compile([{ path: "all.yaml", text: testManifests({ backends: BACKENDS, group: ["one", "two"], more }) }], PLATFORMS.knative);
const PLACE = { region: null, country: null };

describe("what runs, for the page", () => {
  it("names routes with their destinations, locks and limits, and backends with places", () => {
    const state = consoleState(compiled(`${LOCK}\n---\n${LIMIT}`), { ready: true, conditions: ["all of them"] }, 0);
    expect(state).toMatchObject({
      ready: true,
      at: "1970-01-01T00:00:00.000Z",
      troubles: [],
      gateways: [{ id: "egress-system/egress", scope: "Shared", rejected: null }],
      routes: [
        {
          rule: "team-a/route/all",
          refused: false,
          instead: null,
          limits: ["egress-system/limits/calls"],
          destinations: [
            { backend: "XBackend/team-a/one", group: "team-a/group", tier: 1, usable: true },
            { backend: "XBackend/team-a/two", group: "team-a/group", tier: 2, usable: true },
          ],
        },
      ],
      backendList: [
        { key: "XBackend/team-a/one", api: "OpenAI", places: [{ regions: ["eu"], evidence: "label" }] },
        { key: "XBackend/team-a/two", api: null },
      ],
    });
    // Of the conditions only trouble is told, and of a secret nothing at all.
    expect(JSON.stringify(state)).not.toMatch(/all of them|sk-secret/);
  });

  it("tells of conditions that are not well", () => {
    const state = consoleState(compiled(STRAY), {}, 0);
    expect(state).toMatchObject({
      troubles: expect.arrayContaining([expect.objectContaining({ object: "RegionPolicy egress-system/stray", status: "False", file: "all.yaml" })]),
    });
  });

  it("is there before anything was loaded", () => {
    expect(consoleState(null, { ready: false }, 0)).toMatchObject({ ready: false, routes: [], gateways: [], backendList: [], troubles: [] });
    expect(consoleProof(null, PLACE, 0)).toBeNull();
  });
});

describe("the proof, for the page", () => {
  it("is the one of spillway prove, with names for sets of countries", () => {
    const loaded = compiled(LOCK);
    const { snapshot } = loaded;
    if (snapshot === null) throw new Error("the manifests have faults");
    const proof = consoleProof(loaded, PLACE, 1_000);
    expect(proof).toMatchObject({ ok: true, ...prove(snapshot, { now: 1_000, here: null }) });
    expect(Object.values((proof as { jurisdictions: Record<string, string> }).jurisdictions)).toContain("EEA+CH"); // the form that is tested
  });

  it("is not good where somebody believes in a lock that does not count", () => {
    expect(consoleProof(compiled(STRAY), PLACE, 0)).toMatchObject({ ok: false, holes: [expect.stringContaining("egress-system/stray does not count")] });
  });
});
