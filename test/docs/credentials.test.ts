import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatRefused } from "../../adapters/config/report.ts";
import { compileGood, route, toXBackend, xBackend } from "../unit/config/compile-text.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/credentials.md"), "utf8");
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

describe("docs/credentials.md", () => {
  it("has an example of every type that gets a token", () => {
    const types = new Set(examples.flatMap((text) => [...text.matchAll(/^ {2}type: (\w+)$/gm)].map((match) => match[1])));
    for (const type of ["AWSSigV4", "GCP", "Azure", "OAuth2ClientCredentials", "TokenExchange", "OpenAIWorkloadIdentity", "AnthropicWorkloadIdentity"]) {
      expect([...types]).toContain(type);
    }
  });

  it.each(examples.map((text, index) => [index + 1, text] as const))("example %i is accepted as it stands", (_number, text) => {
    const target = /name: (\w+)\}\]\n {2}type:/.exec(text)?.[1] ?? "";
    const backends = text.includes(`kind: XBackend\nmetadata: {name: ${target},`) ? [] : [xBackend(target)];
    const compiled = compileGood([...backends, text, route("r", [{ backendRefs: [toXBackend(target)] }])]);
    expect(compiled.faults).toEqual([]);
    expect(formatRefused(compiled.conditions, { color: false })).toBe("");
    expect(compiled.snapshot.backends.get(`XBackend/team-a/${target}`)?.credential).toBeTruthy();
  });
});
