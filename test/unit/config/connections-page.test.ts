import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import { formatRefused } from "../../../adapters/config/report.ts";
import { createAuthority } from "../../fakes/certificates.ts";
import { compileGood, route, toXBackend, xBackend } from "./compile-text.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/connections.md"), "utf8");
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
const authority = createAuthority();
const configMap = (name: string, key: string, text: string) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "team-a" }, data: { [key]: text } });
/** What the page says is there beside the examples. */
const around = [configMap("partner-ca", "ca.crt", authority.caPem), configMap("partner-crl", "ca.crl", authority.revocationList())];

describe("docs/connections.md", () => {
  it("has examples", () => {
    expect(examples.length).toBeGreaterThanOrEqual(4);
  });

  it.each(examples.map((text, index) => [index + 1, text] as const))("example %i is accepted as it stands", (_number, text) => {
    const backend = /kind: XBackend\nmetadata: \{name: (\w+)/.exec(text)?.[1];
    // A policy alone needs its backend.
    const documents = backend === undefined ? [xBackend("partner"), text] : [text];
    const compiled = compileGood([...around, ...documents, route("r", [{ backendRefs: [toXBackend(backend ?? "partner")] }])]);
    expect(compiled.faults).toEqual([]);
    expect(formatRefused(compiled.conditions, { color: false })).toBe("");
  });

  it("tells the truth of what check says for Workers, but for the file", () => {
    const policy = (examples[1] ?? "").split("---")[0] ?? "";
    const compiled = compileGood([...around, xBackend("partner"), policy, (examples[1] ?? "").split("---")[1] ?? ""], PLATFORMS.workers);
    const told = formatRefused(compiled.conditions, { color: false })
      .split("\n")
      .find((line) => line.includes(": BackendConnectionPolicy") && line.includes("Accepted=False"));
    const shown = page.split("\n").find((line) => line.startsWith("manifests/partner.yaml:3:"));
    expect(told?.replace(/^\S+:\d+:/, "")).toBe(shown?.replace(/^\S+:\d+:/, ""));
  });
});
