import { describe, expect, it } from "vitest";
import { prove } from "../../../src/explain/prove.ts";
import type { TestManifests } from "../../fakes/manifests.ts";
import { install } from "../../pipeline/installation.ts";

const NOW = Date.UTC(2026, 10, 23);
const POLICY = (name: string, spec: string, namespace = "egress-system") =>
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec:\n  ${spec}`;
const GATEWAY = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]";

const backends: TestManifests["backends"] = [
  { name: "germany", port: 8001, region: "eu-central-1" },
  { name: "america", port: 8002, region: "us-east-1" },
  { name: "nowhere", port: 8003 },
];

function proofOf(manifests: TestManifests, options: { readonly namespace?: string; readonly here?: string } = {}) {
  const { snapshot, faults } = install(null).load(manifests);
  if (snapshot === null) throw new Error(JSON.stringify(faults));
  const here = options.here === undefined ? null : { region: options.here, country: null };
  return prove(snapshot, { now: NOW, here, namespace: options.namespace ?? null });
}

describe("prove", () => {
  it("lists for each caller class what may be reached, how that is known, and what is refused", () => {
    const more = POLICY("eu", `${GATEWAY}\n  appliesTo: {namespaces: {matchLabels: {team: b}}}\n  allow: {jurisdictions: [EU]}`);
    const { rules, holes } = proofOf({ backends, group: ["germany", "america"], more });
    expect(rules.map(({ callers, countries }) => [callers.namespaces, callers.others, countries])).toEqual([
      [["egress-system", "team-a"], false, null],
      // Of a namespace that is not among the manifests nobody knows the labels.
      [[], true, ["DE"]],
    ]);
    const [germany, america] = rules[1]?.destinations ?? [];
    expect(germany?.places).toMatchObject([{ countries: ["DE"], regions: ["eu-central-1"], evidence: "label", checkedAt: null }]);
    expect(america).toMatchObject({ places: [], refused: [{ countries: ["US"] }], hole: null });
    expect(america?.refused[0]?.reason).toContain("egress-system/eu");
    expect(holes).toEqual([]);
  });

  it("asked for one caller, tells of its namespace only", () => {
    const more = POLICY("eu", `${GATEWAY}\n  appliesTo: {namespaces: {matchLabels: {team: b}}}\n  allow: {jurisdictions: [EU]}`);
    expect(proofOf({ backends, more }, { namespace: "team-b" }).rules).toMatchObject([
      { callers: { namespaces: ["team-b"], others: false }, countries: ["DE"] },
    ]);
    expect(proofOf({ backends, more }, { namespace: "team-a" }).rules).toMatchObject([{ countries: null, lock: [] }]);
  });

  it("finds a destination of a lock of which nothing is known", () => {
    const { holes, rules } = proofOf({ backends, group: ["germany", "nowhere"], more: POLICY("eu", `${GATEWAY}\n  allow: {jurisdictions: [EU]}`) });
    expect(holes).toHaveLength(1);
    expect(holes[0]).toContain("nothing says where XBackend/team-a/nowhere processes");
    expect(rules[0]?.countries).toEqual(["DE"]);
  });

  it("finds facts that are too old, and tells until when those are good that are not", () => {
    const attested = (checkedAt: string): TestManifests => ({
      backends: [{ name: "first", port: 8001 }],
      more: `${POLICY("eu", `${GATEWAY}\n  allow: {countries: [FR]}\n  evidence: {minimum: Attested, maxAge: 720h}`)}\n---\napiVersion: spillway.dev/v1alpha1\nkind: RegionAttestation\nmetadata: {name: paris, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, namespace: team-a, name: first}]\n  checkedAt: "${checkedAt}"\n  source: a contract\n  processing: {countries: [FR]}`,
    });
    const fresh = proofOf(attested("2026-11-01"));
    expect(fresh.holes).toEqual([]);
    expect(fresh.rules[0]?.destinations[0]?.places).toMatchObject([{ countries: ["FR"], evidence: "attested", until: "2026-12-01T00:00:00.000Z" }]);
    const old = proofOf(attested("2026-08-01"));
    expect(old.holes[0]).toContain("too old");
    expect(old.rules[0]?.countries).toEqual([]);
  });

  it("counts mirrors in, unless a policy lets copies go anywhere: then it says anywhere", () => {
    const mirrored = (also: string): TestManifests => ({
      backends,
      rule: "    filters: [{type: RequestMirror, requestMirror: {backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: america}}}]",
      more: POLICY("eu", `${GATEWAY}\n  allow: {jurisdictions: [EU]}\n  also: ${also}`),
    });
    expect(proofOf(mirrored("{}")).rules[0]).toMatchObject({ countries: ["DE"], destinations: [{ role: "target" }, { role: "mirror", places: [] }] });
    expect(proofOf(mirrored("{mirrors: false}")).rules[0]).toMatchObject({
      countries: null,
      destinations: [{ locked: true }, { role: "mirror", locked: false }],
    });
  });

  it("says what a lock that binds the broker makes of the place where it runs", () => {
    const more = POLICY("eu", `${GATEWAY}\n  allow: {jurisdictions: [EU]}\n  also: {brokerRegion: true}`);
    expect(proofOf({ backends, more }).rules[0]).toMatchObject({ brokerOutside: null, lock: [{ also: ["brokerRegion", "mirrors", "authCallouts"] }] });
    expect(proofOf({ backends, more }, { here: "eu-west-1" }).rules[0]?.brokerOutside).toBeNull();
    expect(proofOf({ backends, more }, { here: "us-east-1" }).rules[0]?.brokerOutside).toContain("us-east-1");
  });

  it("tells why a rule forwards nothing", () => {
    const { rules } = proofOf({ backends: backends.slice(1), more: POLICY("eu", `${GATEWAY}\n  allow: {jurisdictions: [EU]}`) });
    expect(rules[0]).toMatchObject({ countries: [], destinations: [] });
    expect(rules[0]?.forwardsNothing).toContain("no target lies inside");
  });
});
