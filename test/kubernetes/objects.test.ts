import { describe, expect, it } from "vitest";
import { errorOfAnswer } from "../../adapters/kubernetes/api-error.ts";
import { manifestText, readPath } from "../../adapters/kubernetes/kube-object.ts";
import { mergeStatus } from "../../adapters/kubernetes/merge-status.ts";
import { namedReferences } from "../../adapters/kubernetes/named-references.ts";
import { readLines } from "../../adapters/kubernetes/read-lines.ts";
import { LISTED_KINDS, pluralOf, resourcePath } from "../../adapters/kubernetes/resource-kinds.ts";
import { readObjects, textAt, yamlFiles } from "../infra/objects.ts";

const NOW = "2026-11-23T02:00:00Z";
const condition = (status: "True" | "False", message = "") => ({ type: "Accepted", status, reason: "Accepted", message, observedGeneration: 2 });

describe("objects of the cluster as manifests", () => {
  it("leave out what the server and others write, and every copy of a value", () => {
    const text = manifestText(
      {
        metadata: {
          name: "key",
          namespace: "a",
          uid: "u",
          resourceVersion: "7",
          generation: 3,
          creationTimestamp: NOW,
          annotations: { "kubectl.kubernetes.io/last-applied-configuration": "hidden", kept: "yes" },
          ...{ managedFields: [{}] },
        },
        data: { token: "eA==" },
        status: { any: 1 },
      },
      "v1",
      "Secret",
    );
    expect(JSON.parse(text)).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "key", namespace: "a", annotations: { kept: "yes" }, creationTimestamp: NOW, generation: 3 },
      data: { token: "eA==" },
    });
  });

  it("are found again by the path of a fault", () => {
    expect(readPath("kubernetes:HTTPRoute/team-a/llm")).toEqual({ kind: "HTTPRoute", id: "team-a/llm" });
    expect(readPath("kubernetes:Namespace/team-a")).toEqual({ kind: "Namespace", id: "team-a" });
    expect(readPath("manifests/all.yaml")).toBeNull();
  });
});

describe("names of resources", () => {
  it("are those of the definitions", () => {
    const definitions = readObjects(yamlFiles("infra/crds")).filter(({ kind }) => kind === "CustomResourceDefinition");
    expect(definitions.length).toBeGreaterThan(5);
    for (const { value } of definitions) expect(pluralOf(textAt(value, "spec", "names", "kind"))).toBe(textAt(value, "spec", "names", "plural"));
    for (const [kind, plural] of [
      ["GatewayClass", "gatewayclasses"],
      ["Gateway", "gateways"],
      ["HTTPRoute", "httproutes"],
      ["XBackend", "xbackends"],
    ] as const)
      expect(pluralOf(kind)).toBe(plural);
  });

  it("make paths that a name cannot leave", () => {
    const kind = LISTED_KINDS.find((one) => one.kind === "HTTPRoute");
    if (kind === undefined) throw new Error("no HTTPRoute");
    expect(resourcePath(kind, "v1", "a/../b", "c?d")).toBe("/apis/gateway.networking.k8s.io/v1/namespaces/a%2F..%2Fb/httproutes/c%3Fd");
  });

  it("never list Secrets or ConfigMaps as a kind", () => {
    expect(LISTED_KINDS.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(["Secret"]));
    expect(LISTED_KINDS.map(({ kind }) => kind)).not.toEqual(expect.arrayContaining(["ConfigMap"]));
  });
});

describe("references", () => {
  it("to Secrets, ConfigMaps and Services are found by kind, by default and by namespace, and no others", () => {
    const found = namedReferences([
      {
        metadata: { name: "x", namespace: "a" },
        spec: {
          kubernetesSecret: { name: "one" },
          bearer: { secretRef: { name: "two", namespace: "b" } },
          limits: { store: { redis: { urlRef: { name: "four" } } } },
          tls: {
            clientCertificateRef: { name: "three" },
            validation: { caCertificateRefs: [{ group: "", kind: "ConfigMap", name: "ca" }] },
            crl: { refs: [{ kind: "ConfigMap", name: "lists" }] },
          },
          jwks: { secretRef: { group: "spillway.dev", kind: "SecretSource", name: "source" } },
          rules: [
            {
              backendRefs: [
                { name: "web", port: 80 },
                { group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "b" },
              ],
            },
          ],
          targetRefs: [{ group: "", kind: "Service", name: "vllm" }],
          headers: [{ name: "not-a-reference", value: "x" }],
        },
      },
    ]);
    expect([...found.Secret].sort()).toEqual(["a/four", "a/one", "a/three", "b/two"]);
    expect([...found.ConfigMap]).toEqual(["a/ca", "a/lists"]);
    expect([...found.Service].sort()).toEqual(["a/vllm", "a/web"]);
  });
});

describe("merging a status", () => {
  const own = (status: "True" | "False", message?: string) =>
    ({ shape: "entries", member: "parents", entries: [{ ref: { name: "egress" }, conditions: [condition(status, message)] }] }) as const;

  it("says nothing where all is said, and keeps the time until the status turns", () => {
    const first = mergeStatus(undefined, own("True"), "2026-01-01T00:00:00Z");
    expect(mergeStatus(first, own("True"), NOW)).toBeNull();
    const reworded = mergeStatus(first, own("True", "words"), NOW);
    expect(JSON.stringify(reworded)).toContain("2026-01-01T00:00:00Z");
    expect(JSON.stringify(mergeStatus(first, own("False"), NOW))).toContain(NOW);
  });

  it("keeps within what the definitions allow, others' entries first", () => {
    const others = Array.from({ length: 31 }, (_, index) => ({ parentRef: { name: `o-${index}` }, controllerName: "other.example/x", conditions: [] }));
    const two = { ...own("True"), entries: [...own("True").entries, { ref: { name: "second" }, conditions: [condition("True")] }] };
    const merged = mergeStatus({ parents: others }, two, NOW) as { readonly parents: readonly unknown[] };
    expect(merged.parents).toHaveLength(32);
    expect(merged.parents.slice(0, 31)).toEqual(others);
    const long = mergeStatus({}, own("False", "x".repeat(100_000)), NOW);
    expect(JSON.stringify(long).length).toBeLessThan(5_000);
  });

  it("of a Gateway: a condition of somebody else stays, and one of ours that is over goes", () => {
    const theirs = { type: "example.com/Checked", status: "True", reason: "X", message: "", lastTransitionTime: NOW };
    const gone = { type: "ResolvedRefs", status: "False", reason: "X", message: "", lastTransitionTime: NOW };
    const merged = mergeStatus(
      { conditions: [gone, theirs] },
      { shape: "gateway", conditions: [condition("True")], listeners: [], address: null, attachedListenerSets: 2 },
      NOW,
    );
    expect(merged).toMatchObject({ conditions: [theirs, { type: "Accepted" }], listeners: [] });
    expect(merged?.["conditions"]).toHaveLength(2);
  });
});

describe("what the API sends", () => {
  it("lines are put together over chunks, and a broken one ends the stream", async () => {
    const stream = (...chunks: readonly string[]) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
          controller.close();
        },
      });
    const lines: unknown[] = [];
    await readLines(stream('{"a":1}\n{"b"', ':"ü"}', '\n\n{"c":3}\n{"cut'), (line) => lines.push(line));
    expect(lines).toEqual([{ a: 1 }, { b: "ü" }, { c: 3 }]);
    await expect(readLines(stream("nonsense\n"), () => {})).rejects.toThrow();
  });

  it("errors name verb and resource, and quote nothing of the answer but its reason", () => {
    const asked = { verb: "patch", resource: "httproutes.gateway.networking.k8s.io/status", namespace: "team-a" } as const;
    const body = JSON.stringify({ reason: "Invalid", message: "secret text" });
    const error = errorOfAnswer(422, body, asked, "7");
    expect(error).toMatchObject({ status: 422, retryAfter: 7 });
    expect(error.message).toBe("the Kubernetes API answered 422 Invalid when asked to patch httproutes.gateway.networking.k8s.io/status in namespace team-a");
    expect(errorOfAnswer(403, body, asked, undefined).message).toContain("its Role needs the verb patch there");
    expect(errorOfAnswer(401, body, asked, undefined).message).not.toContain("secret text");
    expect(errorOfAnswer(500, "<html>", asked, "soon").retryAfter).toBeNull();
  });
});
