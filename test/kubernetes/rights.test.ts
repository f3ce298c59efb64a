import { realpathSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileManifests } from "../../adapters/config/compile-manifests.ts";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { startClusterSource } from "../../adapters/kubernetes/cluster-source.ts";
import { LISTED_KINDS } from "../../adapters/kubernetes/resource-kinds.ts";
import { type ApiRequestLine, type KubernetesApi, startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { createFastClock, eventually } from "../fakes/kubernetes-api-clock.ts";
import { CLUSTER } from "../fakes/kubernetes-api-manifests.ts";
import { build, kubectlMissing } from "../infra/kustomizations.ts";
import { danglingNames } from "../infra/name-checks.ts";
import { at, type ClusterObject, listAt, readObjects, root, textAt } from "../infra/objects.ts";

interface Rule {
  /** Null: of every namespace. */
  readonly namespace: string | null;
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly names: readonly string[];
  readonly verbs: readonly string[];
}

const objects = readObjects(["infra/cluster-source/rights.yaml"]);
const texts = (value: unknown, member: string) => listAt(value, member).map(String);
const rules = objects
  .filter(({ kind }) => kind === "ClusterRole" || kind === "Role")
  .flatMap(({ value, namespace }) =>
    listAt(value, "rules").map(
      (rule): Rule => ({
        namespace,
        groups: texts(rule, "apiGroups"),
        resources: texts(rule, "resources"),
        names: texts(rule, "resourceNames"),
        verbs: texts(rule, "verbs"),
      }),
    ),
  );

/** As the API server's RBAC decides; a list or watch of one name counts for a rule with `resourceNames`. */
function isAllowed(line: ApiRequestLine, extra: readonly Rule[] = []): boolean {
  const selected = line.query.get("fieldSelector")?.replace("metadata.name=", "") ?? null;
  const name = line.name ?? selected;
  return [...rules, ...extra].some(
    (rule) =>
      (rule.namespace === null || rule.namespace === line.namespace) &&
      rule.groups.includes(line.group) &&
      rule.resources.includes(line.resource) &&
      rule.verbs.includes(line.verb) &&
      (rule.names.length === 0 || (name !== null && rule.names.includes(name))),
  );
}

describe("the rights in infra/cluster-source", () => {
  let api: KubernetesApi;
  const stops: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    api = await startKubernetesApi();
  });

  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await api.close();
  });

  it("are enough for all that the broker does, and no more", async () => {
    const used = new Set<Rule>();
    const refused: string[] = [];
    // What an operator adds for its own Secrets.
    const own: Rule = { namespace: "egress-system", groups: [""], resources: ["secrets"], names: ["provider-key"], verbs: ["list", "watch"] };
    api.authorize = (line) => {
      for (const rule of rules)
        if (isAllowed(line) && rule.groups.includes(line.group) && rule.resources.includes(line.resource) && rule.verbs.includes(line.verb)) used.add(rule);
      const isGood = isAllowed(line, [own]);
      if (!isGood) refused.push(`${line.verb} ${line.resource}`);
      return isGood;
    };
    let meddled = 0;
    api.beforeWrite = (line) => {
      // A conflict for each kind that has a status.
      if (!line.resource.endsWith("/status") || meddled >= 60 || line.name === null) return;
      meddled += 1;
      const plural = line.resource.replace("/status", "");
      const before = api.store.get(plural, line.namespace === null ? line.name : `${line.namespace}/${line.name}`);
      if (before !== null && meddled % 2 === 1) api.store.writeStatus(plural, before);
    };
    api.apply(CLUSTER);
    const troubles: string[] = [];
    const source = await startClusterSource({
      environment: api.environment,
      clock: createFastClock(20),
      random: Math.random,
      compile: (sources) => compileManifests(sources, PLATFORMS.knative),
      onCompiled: () => {},
      onTrouble: (message) => troubles.push(message),
    });
    stops.push(() => source.stop());
    await eventually(() =>
      ["GatewayClass/spillway", "HTTPRoute/team-a/llm", "BackendCredentialPolicy/team-a/provider"].every((path) => {
        const [kind = "", ...id] = path.split("/");
        return api.find(kind, id.join("/"))?.status !== undefined;
      }),
    );
    const denied = { type: "egress.denied", time: 0, subject: "x", data: { route: "team-a/llm", code: "region_locked", namespace: "team-a" } } as const;
    for (let index = 0; index < 3; index += 1) source.events.emit(denied);
    await eventually(() => api.count("patch", "events") === 1);
    // Long enough for a renewal.
    await eventually(() => api.count("update", "leases") >= 1);
    expect(refused).toEqual([]);
    expect(troubles).toEqual([]);
    const unused = rules.filter((rule) => !used.has(rule) && rule.names.length === 0);
    expect(unused).toEqual([]);
  });

  it("reach every kind that is read, and its status, and no Secret that is not named", () => {
    for (const kind of LISTED_KINDS) {
      const line = { group: kind.group, resource: kind.plural, namespace: null, name: null, query: new URLSearchParams() };
      for (const verb of ["list", "watch"] as const) expect([kind.kind, verb, isAllowed({ ...line, verb })]).toEqual([kind.kind, verb, true]);
    }
    for (const resource of ["secrets", "configmaps"]) {
      const line = { group: "", resource, namespace: "egress-system", name: null, query: new URLSearchParams() };
      for (const verb of ["get", "list", "watch"] as const) expect([resource, isAllowed({ ...line, verb })]).toEqual([resource, false]);
    }
    expect(JSON.stringify(rules)).not.toContain('"*"');
  });

  it("are the broker's own", () => {
    for (const { kind, value } of objects) {
      if (!kind.endsWith("Binding")) continue;
      expect(at(value, "subjects")).toEqual([{ kind: "ServiceAccount", name: "spillway", namespace: "egress-system" }]);
    }
  });
});

describe.skipIf(kubectlMissing)("the overlays with the cluster as the source", () => {
  it("infra/kubernetes-cluster-source: the pod has the argument and its token", () => {
    const built = build("infra/kubernetes-cluster-source");
    expect(danglingNames(built)).toEqual([]);
    const pod = podOf(built, "Deployment");
    expect(at(pod, "automountServiceAccountToken")).toBe(true);
    expect(listAt(pod, "containers", 0, "args")).toEqual(["serve", "--grace", "300", "--kubernetes"]);
  });

  it("the component of infra/knative: the same", async () => {
    const folder = await mkdtemp(join(tmpdir(), "overlay-"));
    try {
      const from = (path: string) => relative(realpathSync(folder), join(root, path));
      const component = from("infra/knative/components/cluster-source");
      await writeFile(
        join(folder, "kustomization.yaml"),
        `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: ["${from("infra/knative/base")}"]\ncomponents: ["${component}"]\n`,
      );
      const built = build(relative(root, folder));
      expect(danglingNames(built)).toEqual([]);
      const pod = podOf(built, "Service");
      expect(at(pod, "automountServiceAccountToken")).toBe(true);
      expect(listAt(pod, "containers", 0, "args")).toEqual(["serve", "--kubernetes"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

function podOf(built: readonly ClusterObject[], kind: string): unknown {
  const found = built.find((object) => object.kind === kind && object.apiVersion !== "v1" && textAt(object.value, "metadata", "name") === "spillway");
  return at(found?.value, "spec", "template", "spec");
}
