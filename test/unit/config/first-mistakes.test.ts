import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatFaults, formatRefused } from "../../../adapters/config/report.ts";
import { compileAll } from "./compile-text.ts";

const GOOD = readFileSync(join(import.meta.dirname, "../../../examples/openai.yaml"), "utf8");
const BACKEND = "metadata: {name: openai, namespace: egress-system}\nspec:\n  type: External";
const REF = "{group: gateway.networking.x-k8s.io, kind: XBackend, name: openai}]\n---\n# Where";
const lock = (target: string, allow: string) =>
  `${GOOD}---\napiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: ${target}}]\n  allow: ${allow}\n`;

/** The example with one thing changed. */
function changed(from: string, to: string): string {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
}

function told(text: string): string {
  const { faults, conditions } = compileAll([text]);
  return `${formatFaults(faults, { color: false })}\n${formatRefused(conditions, { color: false })}`;
}

describe("whoever makes a first mistake is told what it is, where, and what to write", () => {
  it.each([
    [
      "a version that there is not",
      () => changed("spillway.dev/v1alpha1\nkind: BrokerConfig", "spillway.dev/v1\nkind: BrokerConfig"),
      ["0.yaml:18:13: error", "write spillway.dev/v1alpha1"],
    ],
    [
      "a route without its namespace",
      () => changed("metadata: {name: openai, namespace: egress-system}\nspec:\n  parentRefs", "metadata: {name: openai}\nspec:\n  parentRefs"),
      ["0.yaml:27:11: warning: metadata.namespace is missing, which means default", "write namespace: egress-system"],
    ],
    [
      "a backend without its namespace",
      () => changed(BACKEND, "metadata: {name: openai}\nspec:\n  type: External"),
      ["0.yaml:37:11: warning: metadata.namespace is missing"],
    ],
    ["a field spelt wrong", () => changed("backendRefs", "backendRef"), ["0.yaml:32:5: error: unknown field backendRef", "did you mean backendRefs?"]],
    ["a backend without a port", () => changed("  port: {port: 443}\n", ""), ["error: port is required", "write port: {port: …}"]],
    [
      "a port as a number",
      () => changed("port: {port: 443}", "port: 443"),
      ["0.yaml:41:9: error: port must be a mapping, not a number", "write port: {port: …}"],
    ],
    [
      "a URL for a hostname",
      () => changed("hostname: api.openai.com", "hostname: https://api.openai.com/v1"),
      ["0.yaml:37: XBackend", "it is a URL or a path: write the name alone, api.openai.com"],
    ],
    [
      "a secret that is not there",
      () => changed("name: openai-key}}", "name: openai-kee}}"),
      ["0.yaml:56: BackendCredentialPolicy", "SecretSource egress-system/openai-kee is not among the manifests: did you mean openai-key?"],
    ],
    [
      "a secret of another namespace",
      () => changed("name: openai-key}}", "name: openai-key, namespace: vault}}"),
      ["from: [{group: spillway.dev, kind: BackendCredentialPolicy, namespace: egress-system}], to: [{group: spillway.dev, kind: SecretSource}]"],
    ],
    [
      "a backend without group and kind",
      () => changed(REF, "{name: openai}]\n---\n# Where"),
      ["Service egress-system/openai is not among the manifests: write group: gateway.networking.x-k8s.io, kind: XBackend"],
    ],
    [
      "a backend without its group",
      () => changed(REF, "{kind: XBackend, name: openai}]\n---\n# Where"),
      ["XBackend (core) is not a backend: write group: gateway.networking.x-k8s.io"],
    ],
    [
      "a Gateway spelt wrong",
      () => changed("parentRefs: [{name: egress}]", "parentRefs: [{name: egres}]"),
      ["Gateway egress-system/egres is not among the manifests: did you mean egress?"],
    ],
    [
      "parameters spelt wrong",
      () => changed("name: default}}", "name: defautl}}"),
      ["BrokerConfig egress-system/defautl is not among the manifests: did you mean default?"],
    ],
    ["a lock of a Gateway spelt wrong", () => lock("egres", "{regions: [eu]}"), ["this lock is not attached", "did you mean egress?"]],
    [
      "a lock that clears nothing",
      () => lock("egress", "{regions: [eu]}"),
      ["0.yaml:27: HTTPRoute", "no target lies inside the allowed regions", "no label topology.kubernetes.io/region and no RegionAttestation"],
    ],
    ["a region that there is not", () => lock("egress", "{regions: [europe]}"), ["no provider is known to have a region europe", "jurisdictions: [EU]"]],
    ["an API that there is not", () => changed("{name: OpenAI, prefix", "{name: OpenAi, prefix"), ["0.yaml:51:18: error", "did you mean OpenAI?"]],
    [
      "an issuer with one audience",
      () => changed("{anonymous: Allow}", "{issuers: [{name: c, type: KubernetesServiceAccount, issuer: https://c, audience: spillway}]}"),
      ["unknown field audience", "did you mean audiences?", "advice: One of them must be in the `aud` claim."],
    ],
    [
      "a duration as a number",
      () =>
        `${GOOD}---\napiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: l, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  limits: [{name: a, per: [Namespace], unit: Tokens, limit: 1, window: {duration: 60}}]\n`,
      ["duration must be a string, not a number", "from `1s` to `720h`"],
    ],
  ] as const)("%s", (_name, text, parts) => {
    const words = told(text());
    for (const part of parts) expect(words).toContain(part);
  });

  it("names of another namespace are told to nobody", () => {
    const other = `${GOOD}---\napiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: openai-kez, namespace: vault}\nspec: {env: {name: A}}\n`;
    expect(told(other.replace("name: openai-key}}", "name: openai-kez}}"))).not.toContain("vault");
  });
});
