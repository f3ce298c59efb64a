import { at, type ClusterObject, entriesAt, listAt, mapsIn, textAt } from "./objects.ts";

/** Pods that an object makes: their template, and the labels by which policies and Services find them. */
interface Workload {
  readonly object: ClusterObject;
  readonly pod: unknown;
  readonly labels: ReadonlyMap<string, unknown>;
}

/** Objects that the cluster or another installation has. */
const ELSEWHERE: ReadonlySet<string> = new Set(["v1/ConfigMap/knative-eventing/kafka-broker-config"]);
const CLUSTER_SCOPED: ReadonlySet<string> = new Set(["Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"]);

const keyOf = (apiVersion: string, kind: string, namespace: string | null, name: string) =>
  `${apiVersion}/${kind}/${CLUSTER_SCOPED.has(kind) ? "" : (namespace ?? "")}/${name}`;

export function workloadsIn(objects: readonly ClusterObject[]): readonly Workload[] {
  return objects
    .filter(({ apiVersion, kind }) => kind === "Deployment" || (kind === "Service" && apiVersion.startsWith("serving.knative.dev/")))
    .map((object) => ({
      object,
      pod: at(object.value, "spec", "template", "spec"),
      labels: new Map(entriesAt(object.value, "spec", "template", "metadata", "labels")),
    }));
}

/** Names in a set of objects that lead nowhere, each in a sentence; empty: all agree. */
export function danglingNames(objects: readonly ClusterObject[]): readonly string[] {
  const present = new Set(objects.map(({ apiVersion, kind, namespace, name }) => keyOf(apiVersion, kind, namespace, name)));
  const problems: string[] = [];
  const want = (from: ClusterObject, what: string, apiVersion: string, kind: string, namespace: string | null, name: string) => {
    const key = keyOf(apiVersion, kind, namespace, name);
    if (!present.has(key) && !ELSEWHERE.has(key)) problems.push(`${from.kind}/${from.name}: ${what} names ${key}, which is not there`);
  };
  const workloads = workloadsIn(objects);
  const wantPods = (from: ClusterObject, what: string, selector: unknown) => {
    const labels = entriesAt(selector);
    const selects = (workload: Workload) =>
      workload.object.namespace === from.namespace && labels.every(([name, value]) => workload.labels.get(name) === value);
    if (labels.length === 0 || !workloads.some(selects)) problems.push(`${from.kind}/${from.name}: ${what} ${JSON.stringify(selector)} selects no pods`);
  };

  for (const object of objects) {
    const { apiVersion, kind, namespace, value } = object;
    if (namespace !== null) want(object, "metadata.namespace", "v1", "Namespace", null, namespace);
    // References as Knative and the autoscaler write them: wherever a map has these three.
    for (const map of mapsIn(at(value, "spec"))) {
      const [version, ofKind, name] = [textAt(map, "apiVersion"), textAt(map, "kind"), textAt(map, "name")];
      if (version !== "" && ofKind !== "" && name !== "") want(object, "a reference", version, ofKind, textAt(map, "namespace") || namespace, name);
    }
    if (kind === "Trigger") want(object, "spec.broker", "eventing.knative.dev/v1", "Broker", namespace, textAt(value, "spec", "broker"));
    const account = textAt(value, "spec", "serviceAccountName");
    if (account !== "") want(object, "serviceAccountName", "v1", "ServiceAccount", namespace, account);
    if (kind.endsWith("RoleBinding")) {
      const roleKind = textAt(value, "roleRef", "kind");
      want(object, "roleRef", "rbac.authorization.k8s.io/v1", roleKind, namespace, textAt(value, "roleRef", "name"));
      for (const subject of listAt(value, "subjects")) {
        want(object, "subjects", "v1", textAt(subject, "kind"), textAt(subject, "namespace"), textAt(subject, "name"));
      }
    }
    if (kind === "Service" && apiVersion === "v1") {
      wantPods(object, "selector", at(value, "spec", "selector"));
      const ports = workloads.flatMap(({ pod }) => listAt(pod, "containers")).flatMap((container) => listAt(container, "ports"));
      for (const port of listAt(value, "spec", "ports")) {
        const target = at(port, "targetPort");
        if (!ports.some((one) => at(one, "name") === target)) problems.push(`Service/${object.name}: no container has a port ${String(target)}`);
      }
    }
    if (kind === "Deployment") wantPods(object, "selector", at(value, "spec", "selector", "matchLabels"));
    if (kind === "PodDisruptionBudget") wantPods(object, "selector", at(value, "spec", "selector", "matchLabels"));
    if (kind === "NetworkPolicy" && namespace !== null) {
      wantPods(object, "podSelector", at(value, "spec", "podSelector", "matchLabels"));
      for (const peer of [...listAt(value, "spec", "ingress"), ...listAt(value, "spec", "egress")].flatMap((rule) => [
        ...listAt(rule, "from"),
        ...listAt(rule, "to"),
      ])) {
        if (at(peer, "namespaceSelector") === undefined && at(peer, "podSelector") !== undefined)
          wantPods(object, "a peer's podSelector", at(peer, "podSelector", "matchLabels"));
      }
    }
  }

  for (const { object, pod } of workloads) {
    const account = textAt(pod, "serviceAccountName");
    if (account !== "") want(object, "serviceAccountName", "v1", "ServiceAccount", object.namespace, account);
    const volumes = new Set(listAt(pod, "volumes").map((volume) => textAt(volume, "name")));
    for (const volume of listAt(pod, "volumes")) {
      const map = textAt(volume, "configMap", "name");
      if (map !== "") want(object, "a volume", "v1", "ConfigMap", object.namespace, map);
    }
    for (const container of listAt(pod, "containers")) {
      for (const mount of listAt(container, "volumeMounts")) {
        if (!volumes.has(textAt(mount, "name"))) problems.push(`${object.kind}/${object.name}: there is no volume ${textAt(mount, "name")}`);
      }
    }
  }
  return problems;
}
