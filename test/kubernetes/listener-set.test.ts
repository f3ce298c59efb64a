import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { compileManifests } from "../../adapters/config/compile-manifests.ts";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { desiredStatuses } from "../../adapters/kubernetes/desired-status.ts";
import { manifestText, pathOf } from "../../adapters/kubernetes/kube-object.ts";
import { relevantObjects } from "../../adapters/kubernetes/relevant-objects.ts";
import { CLUSTER, route } from "../fakes/kubernetes-api-manifests.ts";
import { idOf, type StoredObject } from "../fakes/kubernetes-api-store.ts";

function objectsOf(text: string): Map<string, Map<string, StoredObject>> {
  const byKind = new Map<string, Map<string, StoredObject>>();
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as StoredObject;
    const objects = byKind.get(object.kind) ?? new Map<string, StoredObject>();
    byKind.set(object.kind, objects);
    objects.set(idOf(object), { ...object, metadata: { ...object.metadata, generation: 1 } });
  }
  return byKind;
}

const set = (name: string, gateway: string) => `---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: ${name}, namespace: team-a}
spec:
  parentRef: {name: ${gateway}, namespace: egress-system}
  listeners: [{name: extra, port: 80, protocol: HTTP, hostname: extra.egress.local, allowedRoutes: {namespaces: {from: All}}}]
`;
const attached = (name: string, parent: string) =>
  `---${route(name, "extra.egress.local").replace("{name: egress, namespace: egress-system}", `{kind: ListenerSet, name: ${parent}, namespace: team-a}`)}`;
const FOREIGN = `---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: other}
spec: {controllerName: other.example/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: theirs, namespace: egress-system}
spec: {gatewayClassName: other, listeners: [{name: x, port: 1, protocol: HTTP}]}
`;
const OPEN = CLUSTER.replace("  listeners:\n", "  allowedListeners: {namespaces: {from: All}}\n  listeners:\n");

describe("ListenerSets in a cluster", () => {
  const all = objectsOf(OPEN + set("mine", "egress") + attached("by-set", "mine") + FOREIGN + set("other", "theirs") + attached("elsewhere", "other"));
  const relevant = relevantObjects(all);

  it("those of another controller's Gateway do not concern this broker, nor do their routes", () => {
    expect([...(relevant.get("ListenerSet")?.keys() ?? [])]).toEqual(["team-a/mine"]);
    expect([...(relevant.get("HTTPRoute")?.keys() ?? [])].sort()).toEqual(["team-a/by-set", "team-a/llm"]);
  });

  it("have a status of their own, and so have routes toward them", () => {
    const sources = [...relevant].flatMap(([kind, objects]) =>
      [...objects].map(([id, object]) => ({ path: pathOf(kind, id), text: manifestText(object, String(object.apiVersion), kind) })),
    );
    const compiled = compileManifests(sources, PLATFORMS.knative);
    expect(compiled.faults).toEqual([]);
    const statuses = desiredStatuses({ compiled, faulty: [], lastGood: null, objects: (kind) => all.get(kind) ?? new Map(), address: "egress.example" });
    const of = (kind: string, id: string) => statuses.find((one) => one.kind === kind && one.id === id)?.own;
    expect(of("ListenerSet", "team-a/mine")).toMatchObject({ shape: "gateway", address: null, listeners: [{ name: "extra", attachedRoutes: 1 }] });
    expect(of("Gateway", "egress-system/egress")).toMatchObject({ address: "egress.example", listeners: [{ name: "http", attachedRoutes: 1 }] });
    expect(of("HTTPRoute", "team-a/by-set")).toMatchObject({
      member: "parents",
      entries: [
        {
          ref: { kind: "ListenerSet", name: "mine", namespace: "team-a" },
          conditions: expect.arrayContaining([expect.objectContaining({ type: "Accepted", status: "True" })]),
        },
      ],
    });
    expect(statuses.some((one) => one.id === "team-a/other" || one.id === "team-a/elsewhere")).toBe(false);
  });
});

describe("policies on Services that any controller may carry out", () => {
  const tls = (name: string, service: string) => `---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: ${name}, namespace: team-a}
spec: {targetRefs: [{group: "", kind: Service, name: ${service}}], validation: {hostname: x.example, wellKnownCACertificates: System}}
`;
  const service = (name: string) => `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: team-a}\nspec: {ports: [{port: 80}]}\n`;
  const used = `---${route("by-service", "s.egress.local", "backendRefs: [{name: ours, port: 80}]")}`;

  it("concern this broker only where one of its routes leads there", () => {
    const relevant = relevantObjects(objectsOf(CLUSTER + used + service("ours") + service("theirs") + tls("ours", "ours") + tls("theirs", "theirs")));
    expect([...(relevant.get("BackendTLSPolicy")?.keys() ?? [])]).toEqual(["team-a/ours"]);
    expect([...(relevant.get("Service")?.keys() ?? [])]).toEqual(["team-a/ours"]);
  });
});
