import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { compile } from "../../src/compiler.ts";
import type { ManifestSource, Platform } from "../../src/index.ts";
import { root } from "./objects.ts";
import { whatRefuses } from "./what-refuses.ts";

/** The files of one or more folders; a later one of the same name stands for the earlier, as in an overlay. */
function sources(...folders: readonly string[]): readonly ManifestSource[] {
  const files = new Map<string, ManifestSource>();
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder)).sort()) {
      files.set(name, { path: `${folder}/${name}`, text: readFileSync(join(root, folder, name), "utf8") });
    }
  }
  return [...files.values()];
}

const sets: readonly (readonly [string, Platform, readonly ManifestSource[]])[] = [
  ["infra/config, on Knative and Kubernetes", PLATFORMS.knative, sources("infra/config/manifests")],
  ["the overlay for EKS", PLATFORMS.knative, sources("infra/config/manifests", "infra/knative/overlays/eks/manifests")],
  ["the overlay for GKE", PLATFORMS.knative, sources("infra/config/manifests", "infra/knative/overlays/gke/manifests")],
  ["infra/lambda", PLATFORMS.lambda, sources("infra/lambda/manifests")],
];
const worker: ManifestSource = { path: "adapters/cloudflare/manifests.yaml", text: readFileSync(join(root, "adapters/cloudflare/manifests.yaml"), "utf8") };

describe("manifests that come with the project", () => {
  it.each(sets)("%s: without a fault, and every condition is good", (_name, platform, files) => {
    expect(files.length).toBeGreaterThanOrEqual(4);
    expect(whatRefuses(compile(files, platform))).toEqual([]);
  });

  it("the Worker's: without a fault, and every condition is good", () => {
    expect(whatRefuses(compile([worker], PLATFORMS.workers))).toEqual([]);
  });

  it.each(sets)("%s: nobody is let in without a proof, and the region lock binds the broker too", (_name, _platform, files) => {
    const text = files.map((file) => file.text).join("\n---\n");
    expect(text).toMatch(/^ +anonymous: Deny$/m);
    expect(text).not.toMatch(/^ +anonymous: Allow$/m);
    expect(text).toMatch(/^ +also: \{brokerRegion: true\}$/m);
  });

  it("one wrong reference would be seen", () => {
    const files = sources("infra/config/manifests").map(({ path, text }) => ({ path, text: text.replace("name: openai-eu}}", "name: openai-ue}}") }));
    expect(whatRefuses(compile(files, PLATFORMS.knative))).not.toEqual([]);
  });
});
