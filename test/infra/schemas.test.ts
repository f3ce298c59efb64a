import { describe, expect, it } from "vitest";
import { publishedDefinitions, readSchemas } from "./object-schemas.ts";
import { type ClusterObject, parseObjects, readObjects, yamlFiles } from "./objects.ts";

const definitions = readObjects(yamlFiles("infra/crds"));
// The Lambda template is CloudFormation, with tags of its own: see lambda-template.test.ts. What is below infra/otel is for the Collector, Prometheus and Grafana.
const files = [...yamlFiles("infra"), ...yamlFiles("examples"), "adapters/cloudflare/manifests.yaml"].filter(
  (file) => file !== "infra/lambda/template.yaml" && !file.startsWith("infra/otel/"),
);
const objects = readObjects(files);

describe("every YAML file of infra and examples", () => {
  it("is found and parsed", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(objects.length).toBeGreaterThan(60);
    expect(objects.filter(({ apiVersion, kind }) => apiVersion === "" || kind === "")).toEqual([]);
  });

  it("has a name in every object that is not for kustomize", () => {
    expect(objects.filter(({ apiVersion, name }) => name === "" && !apiVersion.startsWith("kustomize.config.k8s.io/")).map(({ file }) => file)).toEqual([]);
  });

  it("fits our own definitions, field by field", () => {
    const book = readSchemas(definitions);
    const ours = objects.filter(({ apiVersion, kind }) => book.kinds.has(`${apiVersion}/${kind}`));
    expect(new Set(ours.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(6);
    expect(ours.flatMap((object) => book.problems(object))).toEqual([]);
    // None of a version or kind that we do not define.
    expect(objects.filter(({ apiVersion, kind }) => apiVersion.startsWith("spillway.dev/") && !book.kinds.has(`${apiVersion}/${kind}`))).toEqual([]);
  });

  it("would not pass with a misspelt field or a wrong type", () => {
    const book = readSchemas(definitions);
    const problems = (text: string) => book.problems(only(parseObjects(text, "wrong.yaml")));
    expect(problems("{apiVersion: spillway.dev/v1alpha1, kind: SecretSource, metadata: {name: a}, spec: {env: {name: A}, refrsh: {}}}")).toHaveLength(1);
    expect(problems("{apiVersion: spillway.dev/v1alpha1, kind: SecretSource, metadata: {name: a}, spec: {env: {name: [A]}}}")).toHaveLength(1);
    expect(problems("{apiVersion: v1, kind: Service, metadata: {name: a}}")).toBeNull();
  });
});

const published = publishedDefinitions();
const missing = published.length === 0;

describe.skipIf(missing)(`the definitions of Gateway API and Knative${missing ? " (MISSING: SPILLWAY_CRDS names no folder with them)" : ""}`, () => {
  const book = readSchemas(published);

  it.each([
    "serving.knative.dev/v1/Service",
    "sources.knative.dev/v1/SinkBinding",
    "sources.knative.dev/v1/ApiServerSource",
    "eventing.knative.dev/v1/Broker",
    "eventing.knative.dev/v1/Trigger",
    "eventing.knative.dev/v1alpha1/EventPolicy",
    "gateway.networking.k8s.io/v1/Gateway",
    "gateway.networking.k8s.io/v1/HTTPRoute",
    "gateway.networking.x-k8s.io/v1alpha1/XBackend",
  ])("%s: ours fit", (key) => {
    const ours = objects.filter(({ apiVersion, kind }) => `${apiVersion}/${kind}` === key);
    expect(ours.length).toBeGreaterThan(0);
    expect(book.kinds).toContain(key);
    expect(ours.flatMap((object) => book.problems(object))).toEqual([]);
  });
});

function only(found: readonly ClusterObject[]): ClusterObject {
  const [object] = found;
  if (object === undefined || found.length !== 1) throw new Error(`${found.length} objects instead of one`);
  return object;
}
