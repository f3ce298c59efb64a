import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REQUEST_TYPE } from "../../src/events/read-egress-request.ts";
import { readNotice } from "../../src/events/read-notice.ts";
import type { CloudEvent } from "../../src/index.ts";
import { objectsOf } from "./kustomizations.ts";
import { at, type ClusterObject, codeBelow, listAt, readObjects, root, textAt, yamlFiles } from "./objects.ts";

const base = objectsOf("infra/knative/base");
const plain = objectsOf("infra/kubernetes");
const teams = objectsOf("infra/knative/workload-events");
const manifests = readObjects(yamlFiles("infra/config/manifests"));
const everything = readObjects(yamlFiles("infra/knative"));

function only(objects: readonly ClusterObject[], apiVersion: string, kind: string, name: string): unknown {
  const found = objects.filter((object) => object.apiVersion === apiVersion && object.kind === kind && object.name === name);
  if (found.length !== 1) throw new Error(`${found.length} objects are ${apiVersion} ${kind} ${name}`);
  return found[0]?.value;
}

const service = only(base, "serving.knative.dev/v1", "Service", "spillway");
const deployment = only(plain, "apps/v1", "Deployment", "spillway");
const template = at(service, "spec", "template");
const containerOf = (workload: unknown) => at(workload, "spec", "template", "spec", "containers", 0);
const environmentOf = (workload: unknown) => new Map(listAt(containerOf(workload), "env").map((one) => [textAt(one, "name"), one]));
const seconds = (duration: string) => Number(/^(?:PT)?(\d+)[sS]$/.exec(duration)?.[1]);

describe("the Knative service", () => {
  it("is seen inside the cluster only", () => {
    const services = everything.filter(({ apiVersion }) => apiVersion === "serving.knative.dev/v1");
    expect(services.length).toBeGreaterThan(1);
    for (const { value } of services) expect(at(value, "metadata", "labels", "networking.knative.dev/visibility")).toBe("cluster-local");
  });

  it("scales on calls in flight, down to none", () => {
    const annotation = (name: string) => textAt(template, "metadata", "annotations", `autoscaling.knative.dev/${name}`);
    expect(annotation("class")).toBe("kpa.autoscaling.knative.dev");
    expect(annotation("metric")).toBe("concurrency");
    expect(annotation("min-scale")).toBe("0");
    expect(Number(annotation("initial-scale"))).toBeGreaterThan(0);
    expect(Number(annotation("max-scale"))).toBeGreaterThan(0);
    const hardLimit = Number(at(template, "spec", "containerConcurrency"));
    expect(Number(annotation("target"))).toBeLessThan(hardLimit);
    expect(annotation("window")).toMatch(/^\d+s$/);
    expect(annotation("scale-down-delay")).toMatch(/^\d+m$/);
  });

  it("takes a port named http1 and leaves PORT to Knative", () => {
    expect(listAt(containerOf(service), "ports")).toEqual([{ name: "http1", containerPort: 8080 }]);
    expect(environmentOf(service).has("PORT")).toBe(false);
    // A probe may name no other port than the service's own.
    expect(at(containerOf(service), "readinessProbe", "httpGet")).toEqual({ path: "/-/readyz" });
  });

  it("has time limits that end inside each other: the route's, the platform's, the delivery's", () => {
    const route = manifests.find(({ kind }) => kind === "HTTPRoute");
    const request = seconds(textAt(route?.value, "spec", "rules", 0, "timeouts", "request"));
    const limit = Number(at(template, "spec", "timeoutSeconds"));
    const delivery = seconds(textAt(only(teams, "eventing.knative.dev/v1", "Trigger", "spillway-requests"), "spec", "delivery", "timeout"));
    expect(request).toBeGreaterThan(0);
    expect(request).toBeLessThan(delivery);
    expect(delivery).toBeLessThan(limit);
    expect(limit).toBeLessThanOrEqual(600);
    expect(Number(at(template, "spec", "responseStartTimeoutSeconds"))).toBeLessThanOrEqual(limit);
  });
});

describe("the Deployment", () => {
  it("gives open calls their time before it is killed", () => {
    const args = listAt(containerOf(deployment), "args");
    const grace = Number(args[args.indexOf("--grace") + 1]);
    expect(grace).toBeGreaterThan(0);
    expect(Number(at(deployment, "spec", "template", "spec", "terminationGracePeriodSeconds"))).toBeGreaterThan(grace + 10);
  });

  it("probes the ports that it serves on", () => {
    const ports = listAt(containerOf(deployment), "ports");
    const number = (name: string) =>
      String(
        at(
          ports.find((port) => textAt(port, "name") === name),
          "containerPort",
        ),
      );
    expect(textAt(environmentOf(deployment).get("PORT"), "value")).toBe(number("http"));
    expect(textAt(environmentOf(deployment).get("SPILLWAY_ADMIN_PORT"), "value")).toBe(number("metrics"));
    expect(at(containerOf(deployment), "readinessProbe", "httpGet")).toEqual({ path: "/-/readyz", port: "http" });
  });
});

describe.each([
  ["the Knative service", service],
  ["the Deployment", deployment],
])("%s and what it serves", (_name, workload) => {
  it("is scraped at the port that shows metrics without a credential", () => {
    const annotations = at(workload, "spec", "template", "metadata", "annotations");
    expect([textAt(annotations, "prometheus.io/scrape"), textAt(annotations, "prometheus.io/path")]).toEqual(["true", "/-/metrics"]);
    expect(textAt(annotations, "prometheus.io/port")).toBe(textAt(environmentOf(workload).get("SPILLWAY_ADMIN_PORT"), "value"));
  });

  it("sets variables that the code reads", () => {
    const sources = codeBelow("cli", "adapters");
    for (const name of environmentOf(workload).keys()) expect([name, sources.some((text) => text.includes(name))]).toEqual([name, true]);
  });

  it("mounts the manifests and the Secrets where it is told to look", () => {
    const mounts = new Map(listAt(containerOf(workload), "volumeMounts").map((mount) => [textAt(mount, "mountPath"), textAt(mount, "name")]));
    const volume = (path: string) => listAt(workload, "spec", "template", "spec", "volumes").find((one) => textAt(one, "name") === mounts.get(path));
    expect(textAt(volume(textAt(environmentOf(workload).get("SPILLWAY_MANIFESTS"), "value")), "configMap", "name")).toBe("spillway-manifests");
    const projected = volume(textAt(environmentOf(workload).get("SPILLWAY_SECRETS_DIR"), "value"));
    const mounted = listAt(projected, "projected", "sources").flatMap((source) =>
      listAt(source, "secret", "items").map((item) => [textAt(source, "secret", "name"), textAt(item, "key"), textAt(item, "path")]),
    );
    const wanted = manifests
      .filter(({ value }) => at(value, "spec", "kubernetesSecret") !== undefined)
      .map(({ namespace, value }) => {
        const [name, key] = [textAt(value, "spec", "kubernetesSecret", "name"), textAt(value, "spec", "kubernetesSecret", "key")];
        return [name, key, `${namespace}/${name}/${key}`];
      });
    expect(wanted.length).toBeGreaterThan(0);
    expect(mounted.sort()).toEqual(wanted.sort());
  });

  it("runs as the user whose compile cache is in the image", () => {
    const user = /^USER (\d+):(\d+)$/m.exec(readFileSync(join(root, "Dockerfile"), "utf8"));
    const own = at(containerOf(workload), "securityContext", "runAsUser") ?? at(workload, "spec", "template", "spec", "securityContext", "runAsUser");
    expect(String(own)).toBe(user?.[1]);
  });
});

describe("events", () => {
  const requests = only(teams, "eventing.knative.dev/v1", "Trigger", "spillway-requests");
  const changes = only(base, "eventing.knative.dev/v1", "Trigger", "spillway-changes");

  it("go to the broker's door for events, with a token for its audience", () => {
    const audiences = listAt(manifests.find(({ kind }) => kind === "BrokerConfig")?.value, "spec", "identity", "issuers", 0, "audiences");
    for (const trigger of [requests, changes]) expect(audiences).toContain(textAt(trigger, "spec", "subscriber", "audience"));
    expect(textAt(changes, "spec", "subscriber", "uri")).toBe("/-/events");
    expect(textAt(changes, "spec", "subscriber", "ref", "name")).toBe("spillway");
    expect(textAt(requests, "spec", "subscriber", "uri")).toBe("http://spillway.egress-system.svc.cluster.local/-/events");
    expect(at(requests, "spec", "subscriber", "ref")).toBeUndefined();
  });

  it("that are calls come from a Trigger of the team's namespace, and only changes from the operator's: whoever delivers is taken for the caller", () => {
    expect(teams.map(({ namespace }) => namespace)).toEqual([null, null]);
    expect(base.filter(({ kind }) => kind === "Trigger").map(({ name }) => name)).toEqual(["spillway-changes"]);
  });

  it("are chosen by type, so that the broker's own events do not come back to it", () => {
    expect(listAt(requests, "spec", "filters")).toEqual([{ exact: { type: REQUEST_TYPE } }]);
    const [filter, ...more] = listAt(changes, "spec", "filters");
    expect(more).toEqual([]);
    const prefixes = listAt(filter, "any").map((one) => textAt(one, "prefix", "type") || textAt(one, "exact", "type"));
    expect(prefixes.length).toBe(4);
    // Each is one that the broker reads, and none is one that it sends.
    for (const type of prefixes) expect([type, readNotice(event(type.endsWith(".") ? `${type}update` : type)) === null]).toEqual([type, false]);
    for (const type of ["egress.completed", "egress.denied", "config.loaded", "egress.response"])
      expect(prefixes.filter((prefix) => `dev.spillway.${type}.v1`.startsWith(prefix))).toEqual([]);
  });

  it("are tried again with growing pauses and end in the dead letters, which are there", () => {
    const brokers = [...base, ...teams].filter(({ kind }) => kind === "Broker").map(({ value }) => value);
    expect(brokers.length).toBe(2);
    for (const value of [requests, changes, ...brokers]) {
      expect(Number(at(value, "spec", "delivery", "retry"))).toBeGreaterThan(0);
      expect(at(value, "spec", "delivery", "backoffPolicy")).toBe("exponential");
    }
    const [own, team] = brokers;
    expect(textAt(own, "spec", "delivery", "deadLetterSink", "ref", "name")).toBe("spillway-dead-letter");
    for (const value of [requests, team]) {
      const [name = "", namespace = ""] = new URL(textAt(value, "spec", "delivery", "deadLetterSink", "uri")).hostname.split(".");
      expect(textAt(only(base, "serving.knative.dev/v1", "Service", name), "metadata", "namespace")).toBe(namespace);
    }
  });
});

describe("what watches the cluster", () => {
  const sources = everything.filter(({ kind }) => kind === "ApiServerSource");

  it("sends names and never contents", () => {
    expect(sources.map(({ name }) => name)).toEqual(["spillway-changes", "spillway-configuration"]);
    for (const { value } of sources) expect(at(value, "spec", "mode")).toBe("Reference");
  });

  it("looks at Secrets with a label only", () => {
    for (const resource of sources.flatMap(({ value }) => listAt(value, "spec", "resources"))) {
      if (textAt(resource, "kind") !== "Secret") continue;
      expect(at(resource, "selector", "matchLabels")).toEqual({ "spillway.dev/watch": "true" });
    }
  });

  it.each(sources.map(({ name }) => name))("%s may read exactly the kinds that it watches, and change nothing", (name) => {
    const source = only(everything, "sources.knative.dev/v1", "ApiServerSource", name);
    const account = textAt(source, "spec", "serviceAccountName");
    const binding = everything.find(({ kind, value }) => kind.endsWith("RoleBinding") && textAt(value, "subjects", 0, "name") === account);
    const role = everything.find(
      ({ kind, name: found }) => kind === textAt(binding?.value, "roleRef", "kind") && found === textAt(binding?.value, "roleRef", "name"),
    );
    const rules = listAt(role?.value, "rules");
    const granted = rules.flatMap((rule) => listAt(rule, "apiGroups").flatMap((group) => listAt(rule, "resources").map((resource) => `${resource}.${group}`)));
    const watched = listAt(source, "spec", "resources").map((resource) => {
      const [group = ""] = textAt(resource, "apiVersion").includes("/") ? textAt(resource, "apiVersion").split("/") : [""];
      return `${pluralOf(textAt(resource, "kind"))}.${group}`;
    });
    expect(granted.sort()).toEqual(watched.sort());
    for (const rule of rules) expect(at(rule, "verbs")).toEqual(["get", "list", "watch"]);
    // Secrets: of its own namespace.
    if (granted.includes("secrets.")) expect(role?.kind).toBe("Role");
  });

  it("covers every kind of our own", () => {
    const watched = listAt(only(everything, "sources.knative.dev/v1", "ApiServerSource", "spillway-configuration"), "spec", "resources");
    const defined = readObjects(yamlFiles("infra/crds")).flatMap(({ value }) => textAt(value, "spec", "names", "kind") || []);
    expect(defined.length).toBeGreaterThan(5);
    expect(watched.map((resource) => textAt(resource, "kind"))).toEqual(expect.arrayContaining(defined));
  });
});

function event(type: string): CloudEvent {
  const facts = { subject: null, time: null, dataContentType: null, dataSchema: null, extensions: {}, data: { kind: "none" } } as const;
  return { id: "1", source: "/cluster", type, ...facts };
}

function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (/[^aeiou]y$/.test(lower)) return `${lower.slice(0, -1)}ies`;
  return lower.endsWith("s") ? `${lower}es` : `${lower}s`;
}
