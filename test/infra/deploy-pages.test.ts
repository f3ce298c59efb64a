import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { readEgressRequest } from "../../src/events/read-egress-request.ts";
import { readEventJson } from "../../src/events/read-event-json.ts";
import { readTemplate } from "./cloud-formation.ts";
import { codeBelow, entriesAt, readObjects, root, textAt, yamlFiles } from "./objects.ts";

const PAGES = ["deploy-knative", "deploy-lambda", "deploy-cloudflare"] as const;
const pages = new Map(PAGES.map((name) => [name, readFileSync(join(root, `docs/${name}.md`), "utf8")]));
const textOf = (name: (typeof PAGES)[number]) => pages.get(name) ?? "";
const routes = readObjects(["adapters/cloudflare/manifests.yaml", ...yamlFiles("infra/config/manifests"), ...yamlFiles("infra/lambda/manifests")])
  .filter(({ kind }) => kind === "HTTPRoute")
  .map(({ namespace, name }) => `${namespace}/${name}`);

describe.each(PAGES)("docs/%s.md", (name) => {
  const text = textOf(name);

  it("names files and folders that are there", () => {
    const paths = [...text.matchAll(/(?<![\w/.-])(?:infra|adapters|docs|examples|scripts|overlays)\/[\w./-]*[\w]/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(1);
    for (const path of paths) {
      const real = path.startsWith("overlays/") ? `infra/knative/${path}` : path;
      expect([path, existsSync(join(root, real))]).toEqual([path, true]);
    }
    for (const [, link = ""] of text.matchAll(/\]\(([\w./-]+\.md)\)/g)) expect([link, existsSync(join(root, "docs", link))]).toEqual([link, true]);
  });

  it("shows an event that the broker reads, for a route that is there", () => {
    const events = [...text.matchAll(/'(\{\s*"specversion".*?\})'/gs)].map(([, json = ""]) => readEventJson(JSON.parse(json)));
    expect(events.length).toBe(1);
    for (const event of events) {
      const request = readEgressRequest(event);
      expect(request.method).toBe("POST");
      expect(routes).toContain(request.route);
    }
  });

  it("shows YAML that is YAML", () => {
    for (const [, yaml = ""] of text.matchAll(/```yaml\n(.*?)```/gs)) {
      for (const document of parseAllDocuments(yaml)) expect("errors" in document ? document.errors : []).toEqual([]);
    }
  });

  it("uses commands, options and variables of the project that exist", () => {
    const cli = codeBelow("cli").join("\n");
    for (const [line, command = ""] of text.matchAll(/npx spillway (\w+)[^\n`]*/g)) {
      expect([line, existsSync(join(root, `cli/${command}.ts`))]).toEqual([line, true]);
      for (const [, option = ""] of line.matchAll(/ --(\w+)/g)) expect([line, cli.includes(`${option}: {`)]).toEqual([line, true]);
    }
    const everything = `${codeBelow("cli", "adapters", "test/infra").join("\n")}${readFileSync(join(root, "adapters/cloudflare/manifests.yaml"), "utf8")}`;
    for (const [variable] of text.matchAll(/SPILLWAY_[A-Z_]+/g)) expect([variable, everything.includes(variable)]).toEqual([variable, true]);
  });
});

describe("what the pages say of the files", () => {
  it("Knative: a pod's token is made for the audience that the broker asks for", () => {
    const audience = readObjects(["infra/config/manifests/02-identity.yaml"])[0];
    expect(textAt(audience?.value, "spec", "identity", "issuers", 0, "audiences", 0)).toBe("spillway");
    expect(textOf("deploy-knative")).toContain("serviceAccountToken: {audience: spillway,");
    expect(textOf("deploy-knative")).toContain("http://spillway.egress-system.svc.cluster.local/v1/");
  });

  it("Lambda: outputs and parameters are the template's", () => {
    const template = readTemplate("infra/lambda/template.yaml");
    const names = [...entriesAt(template, "Outputs"), ...entriesAt(template, "Parameters")].map(([name]) => name);
    for (const name of ["Url", "CallerPolicyArn", "SecretPrefix", "BundleBucket", "BundleKey", "AlarmTopicArn"]) {
      expect(names).toContain(name);
      expect(textOf("deploy-lambda")).toContain(name);
    }
  });

  it("Cloudflare: queues and environments are wrangler's", () => {
    const wrangler = readFileSync(join(root, "wrangler.toml"), "utf8");
    for (const [, name = ""] of textOf("deploy-cloudflare").matchAll(/queues create ([\w-]+)/g)) expect(wrangler).toContain(`"${name}"`);
    for (const [, name = ""] of textOf("deploy-cloudflare").matchAll(/--env (\w+)/g)) expect(wrangler).toContain(`[env.${name}]`);
  });
});
