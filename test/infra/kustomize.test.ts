import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { compile } from "../../src/compiler.ts";
import { build, filesOf, kubectlMissing, kustomizationFolders, manifestsIn, namedBy, objectsOf } from "./kustomizations.ts";
import { danglingNames } from "./name-checks.ts";
import { publishedDefinitions, readSchemas } from "./object-schemas.ts";
import { at, readObjects, root, textAt, yamlFiles } from "./objects.ts";
import { unsafePods } from "./pod-checks.ts";
import { whatRefuses } from "./what-refuses.ts";

const folders = kustomizationFolders();
const DEPLOYED = ["infra/knative/overlays/dev", "infra/knative/overlays/eks", "infra/knative/overlays/gke", "infra/kubernetes"];

describe("kustomizations", () => {
  it("are found", () => {
    expect(folders).toEqual(expect.arrayContaining([...DEPLOYED, "infra/config", "infra/crds", "infra/knative/base"]));
  });

  it.each(folders)("%s names only what is there, and all of it", (folder) => {
    const { absent, resources, contents } = namedBy(folder);
    expect(absent).toEqual([]);
    const unused = filesOf(folder).filter((file) => ![...resources, ...contents, `${folder}/kustomization.yaml`].includes(file));
    expect(unused).toEqual([]);
  });

  it.each(["infra/knative/base", "infra/knative/workload-events", "infra/kubernetes"])("%s: every name leads to an object", (folder) => {
    expect(objectsOf(folder).length).toBeGreaterThanOrEqual(2);
    expect(danglingNames(objectsOf(folder))).toEqual([]);
    expect(unsafePods(objectsOf(folder))).toEqual([]);
  });

  it("an overlay replaces files that the ConfigMap has, and adds none by a slip of the pen", () => {
    const known = namedBy("infra/config").contents.map((path) => path.split("/").at(-1));
    for (const overlay of ["eks", "gke"]) {
      const replaced = namedBy(`infra/knative/overlays/${overlay}`).contents.map((path) => path.split("/").at(-1));
      expect(replaced.length).toBeGreaterThan(0);
      expect(known).toEqual(expect.arrayContaining(replaced));
    }
  });
});

describe.skipIf(kubectlMissing)(`kubectl kustomize${kubectlMissing ? " (MISSING: kubectl is not on PATH)" : ""}`, () => {
  it.each(folders.filter((folder) => !folder.includes("/components/")))("builds %s", (folder) => {
    expect(build(folder).length).toBeGreaterThan(0);
  });

  const book = readSchemas([...readObjects(yamlFiles("infra/crds")), ...publishedDefinitions()]);

  it.each(DEPLOYED)("%s: names, pods and manifests hold after the patches", (folder) => {
    const objects = build(folder);
    expect(danglingNames(objects)).toEqual([]);
    expect(unsafePods(objects)).toEqual([]);
    expect(objects.flatMap((object) => book.problems(object) ?? [])).toEqual([]);
    const manifests = manifestsIn(objects);
    expect(manifests.length).toBeGreaterThanOrEqual(5);
    expect(whatRefuses(compile(manifests, PLATFORMS.knative))).toEqual([]);
  });

  it.each(["eks", "gke"])("%s: keeps events in Kafka and no provider's key in the cluster", (overlay) => {
    const objects = build(`infra/knative/overlays/${overlay}`);
    const broker = objects.find(({ kind }) => kind === "Broker");
    expect(at(broker?.value, "metadata", "annotations", "eventing.knative.dev/broker.class")).toBe("Kafka");
    expect(objects.filter(({ kind, name }) => kind === "Service" && name === "spillway-dead-letter")).toEqual([]);
    const service = objects.find(({ apiVersion, name }) => apiVersion === "serving.knative.dev/v1" && name === "spillway");
    expect(JSON.stringify(service?.value)).not.toContain("openai");
    const account = objects.find(({ kind, name }) => kind === "ServiceAccount" && name === "spillway");
    expect(textAt(account?.value, "metadata", "annotations", overlay === "eks" ? "eks.amazonaws.com/role-arn" : "iam.gke.io/gcp-service-account")).not.toBe("");
  });
});

describe("what is committed for others to fill in", () => {
  it("holds no secret", () => {
    for (const file of yamlFiles("infra")) {
      const text = readFileSync(join(root, file), "utf8");
      expect([file, /\bsk-[A-Za-z0-9]{8}|AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY/.test(text)]).toEqual([file, false]);
    }
  });
});
