import { Ajv } from "ajv";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { at, listAt, readObjects, textAt, yamlFiles } from "./objects.ts";

const policies = [...readObjects(yamlFiles("infra/knative")), ...readObjects(yamlFiles("infra/kubernetes"))].filter(({ kind }) => kind === "NetworkPolicy");

/** networking.k8s.io/v1, strictly: a policy with a misspelt field is one that the API server takes without it, and that allows more. */
const labels = { type: "object", minProperties: 1, additionalProperties: { type: "string" } };
const selector = { type: "object", additionalProperties: false, properties: { matchLabels: labels } };
const peer = {
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  properties: {
    namespaceSelector: selector,
    podSelector: selector,
    ipBlock: {
      type: "object",
      additionalProperties: false,
      required: ["cidr"],
      properties: { cidr: { type: "string" }, except: { type: "array", items: { type: "string" } } },
    },
  },
};
const ports = {
  type: "array",
  minItems: 1,
  items: {
    type: "object",
    additionalProperties: false,
    required: ["protocol", "port"],
    properties: { protocol: { enum: ["TCP", "UDP"] }, port: { type: "integer" } },
  },
};
const rules = (direction: "from" | "to") => ({
  type: "array",
  items: {
    type: "object",
    additionalProperties: false,
    // A rule without a peer is one for the whole world.
    required: [direction, "ports"],
    properties: { [direction]: { type: "array", minItems: 1, items: peer }, ports },
  },
});
const validate = new Ajv({ allErrors: true }).compile({
  type: "object",
  additionalProperties: false,
  required: ["podSelector", "policyTypes"],
  properties: {
    podSelector: selector,
    policyTypes: { type: "array", minItems: 1, items: { enum: ["Ingress", "Egress"] } },
    ingress: rules("from"),
    egress: rules("to"),
  },
});

const byName = (name: string, folder: string) => policies.find((policy) => policy.name === name && policy.file.startsWith(folder))?.value;
const egressOf = (policy: unknown) =>
  listAt(policy, "spec", "egress").flatMap((rule) => listAt(rule, "to").map((to) => ({ to, ports: listAt(rule, "ports") })));

describe("network policies", () => {
  it.each(policies.map((policy) => [`${policy.file} ${policy.name}`, policy] as const))("%s says what it means, and means what it says", (_name, { value }) => {
    expect(validate(at(value, "spec")) ? [] : validate.errors).toEqual([]);
    // A direction with rules that is not among the types is not held.
    const types = listAt(value, "spec", "policyTypes");
    expect(types.includes("Ingress") || at(value, "spec", "ingress") === undefined).toBe(true);
    expect(types.includes("Egress") || at(value, "spec", "egress") === undefined).toBe(true);
  });

  it.each(["infra/knative/workload-namespace", "infra/kubernetes/workload-namespace"])("%s: workloads reach names, the broker, and no address", (folder) => {
    const policy = byName("egress-by-spillway-only", folder);
    expect(at(policy, "spec", "podSelector")).toEqual({});
    expect(at(policy, "spec", "policyTypes")).toEqual(["Egress"]);
    const peers = egressOf(policy);
    expect(peers.length).toBeGreaterThan(1);
    for (const { to } of peers) expect([at(to, "ipBlock"), textAt(to, "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")]).not.toContain("");
    expect(JSON.stringify(policy)).not.toContain("ipBlock");
  });

  it("on plain Kubernetes they reach the broker's own pods", () => {
    const [, broker] = egressOf(byName("egress-by-spillway-only", "infra/kubernetes"));
    expect(broker?.to).toEqual({
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "egress-system" } },
      podSelector: { matchLabels: { "app.kubernetes.io/name": "spillway" } },
    });
  });

  it.each(["infra/knative/base", "infra/kubernetes"])("%s: the broker reaches the world by TLS, but no metadata service and no private network", (folder) => {
    const policy = byName("spillway", folder);
    const open = egressOf(policy).filter(({ to }) => at(to, "ipBlock") !== undefined);
    expect(open.length).toBe(2);
    const reaches = (address: string) => {
      const ip = ipaddr.parse(address);
      const inside = (range: unknown) => {
        const [network, bits] = ipaddr.parseCIDR(String(range));
        return network.kind() === ip.kind() && ip.match(network, bits);
      };
      return open.some(({ to }) => inside(at(to, "ipBlock", "cidr")) && !listAt(to, "ipBlock", "except").some(inside));
    };
    for (const refused of ["169.254.169.254", "10.0.0.1", "172.31.0.9", "192.168.1.1", "100.64.0.1", "127.0.0.1", "fd00:ec2::254", "fe80::1", "::1"])
      expect([refused, reaches(refused)]).toEqual([refused, false]);
    for (const allowed of ["1.1.1.1", "162.159.140.245", "2606:4700::1"]) expect([allowed, reaches(allowed)]).toEqual([allowed, true]);
    for (const { ports } of open) expect(ports).toEqual([{ protocol: "TCP", port: 443 }]);
    expect(at(policy, "spec", "policyTypes")).toEqual(["Ingress", "Egress"]);
    expect(listAt(policy, "spec", "ingress").length).toBeGreaterThan(0);
  });
});
