import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/compiler.ts";
import { prove } from "../../src/explain/prove.ts";
import type { Snapshot } from "../../src/index.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { testManifests } from "../fakes/manifests.ts";
import { createScriptedTransport } from "../fakes/scripted-transport.ts";

const { features } = createScriptedTransport(createFakeClock());
const REGIONS = ["eu-central-1", "eu-west-1", "us-east-1", "ap-northeast-1", "eu-central-2"];
const CALLERS = ["team-a", "team-b", "egress-system", "nobody-knows"];
const RULES = ["one", "two"];

const target = fc.constantFrom(
  "{group: gateway.networking.k8s.io, kind: Gateway, name: egress}",
  '{group: "", kind: Namespace, name: team-a}',
  '{group: "", kind: Namespace, name: team-b}',
  '{group: "", kind: Namespace, name: nobody-knows}',
  "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}",
  "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route, sectionName: one}",
);
const policy = fc.record({
  target,
  label: fc.constantFrom(null, null, "a", "b"),
  allow: fc.constantFrom(
    "{jurisdictions: [EU]}",
    "{jurisdictions: [US]}",
    "{countries: [DE, IE, CH]}",
    "{regions: [us-east-1], countries: [DE]}",
    "{countries: [JP, DE]}",
    "{regions: [eu-central-1, ap-northeast-1]}",
  ),
  mirrors: fc.boolean(),
});
type Policy = { readonly target: string; readonly label: string | null; readonly allow: string; readonly mirrors: boolean };

const documentOf = ({ target: ref, label, allow, mirrors }: Policy, at: number): string =>
  // A policy stands beside its HTTPRoute; an administrator's beside the Gateway.
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: lock-${at}, namespace: ${ref.includes("HTTPRoute") ? "team-a" : "egress-system"}}\nspec:\n  targetRefs: [${ref}]\n${label === null ? "" : `  appliesTo: {namespaces: {matchLabels: {team: ${label}}}}\n`}  allow: ${allow}\n  also: {mirrors: ${mirrors}}`;

const members = REGIONS.map((_region, at) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: b${at}}`).join(", ");
const base = testManifests({
  backends: REGIONS.map((region, at) => ({ name: `b${at}`, port: 8000 + at, region })),
  rules: RULES.map(
    (name) =>
      `  - name: ${name}\n    matches: [{path: {type: PathPrefix, value: /${name}}}]\n    filters: [{type: RequestMirror, requestMirror: {backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: b2}}}]\n    backendRefs: [${members}]`,
  ).join("\n"),
});

function snapshotOf(documents: readonly string[]): Snapshot {
  const { snapshot, faults } = compile([{ path: "all.yaml", text: [base, ...documents].join("\n---\n") }], { name: "knative", features });
  if (snapshot === null) throw new Error(JSON.stringify(faults));
  return snapshot;
}

/** By caller and rule: which backends may be called, and which get copies. */
function reachable(snapshot: Snapshot): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const caller of CALLERS) {
    for (const { rule, destinations } of prove(snapshot, { now: 0, here: null, namespace: caller }).rules) {
      const open = destinations.filter(({ locked, places }) => !locked || places.length > 0);
      found.set(`${caller} ${rule}`, new Set(open.map(({ role, backend }) => `${role} ${backend}`)));
    }
  }
  return found;
}

describe("policies of one installation", () => {
  it("only ever tighten: whoever adds one, and wherever, nobody reaches more than before", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 3 }), policy, (policies, added) => {
        const before = reachable(snapshotOf(policies.map(documentOf)));
        const after = reachable(snapshotOf([...policies, added].map(documentOf)));
        expect([...after.keys()]).toEqual([...before.keys()]);
        for (const [who, backends] of after) for (const backend of backends) expect(before.get(who), `${who} reaches ${backend}`).toContain(backend);
      }),
      { numRuns: 60 },
    );
  });

  it("mean the same in whatever order they stand", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(policy, { minLength: 2, maxLength: 4 }), fc.nat(), (policies, turn) => {
        const documents = policies.map(documentOf);
        const at = turn % documents.length;
        const turned = [...documents.slice(at), ...documents.slice(0, at)].reverse();
        expect(reachable(snapshotOf(turned))).toEqual(reachable(snapshotOf(documents)));
      }),
      { numRuns: 40 },
    );
  });

  it("let through what each of them lets through, and nothing else", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(policy, { minLength: 2, maxLength: 3 }), (policies) => {
        const documents = policies.map(documentOf);
        const alone = documents.map((document) => reachable(snapshotOf([document])));
        for (const [who, backends] of reachable(snapshotOf(documents))) {
          const [first = new Set<string>(), ...others] = alone.map((one) => one.get(who) ?? new Set<string>());
          // A rule without any target is refused whole, its copies too.
          const shared = [...first].filter((backend) => others.every((one) => one.has(backend)));
          expect([...backends].sort()).toEqual(shared.some((backend) => backend.startsWith("target")) ? shared.sort() : [...backends].sort());
          expect(shared).toEqual(expect.arrayContaining([...backends]));
        }
      }),
      { numRuns: 40 },
    );
  });
});
