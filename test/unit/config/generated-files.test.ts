import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { generatedFiles, handWritten } from "../../../scripts/generated-files.ts";
import { compile } from "../../../src/config/compile.ts";
import { OWN_KINDS } from "../../../src/config/manifest-set.ts";
import { NODE } from "./compile-text.ts";

const root = resolve(import.meta.dirname, "../../..");
const files = generatedFiles();

describe("generated files", () => {
  for (const [path, text] of files) {
    it(`${path} is up to date (else: npm run generate)`, () => {
      expect(readFileSync(resolve(root, path), "utf8")).toBe(text);
    });
  }

  it("every example of the reference is a good manifest", () => {
    for (const kind of Object.keys(OWN_KINDS)) {
      const compiled = compile([{ path: kind, text: handWritten(`${kind}.yaml`) }], NODE);
      expect([kind, compiled.faults.filter((fault) => fault.severity === "error")]).toEqual([kind, []]);
    }
  });

  it("every field has a description", () => {
    const bare: string[] = [];
    const walk = (schema: Record<string, unknown>, path: string) => {
      for (const [name, property] of Object.entries((schema["properties"] ?? {}) as Record<string, Record<string, unknown>>)) {
        if (typeof property["description"] !== "string" || property["description"] === "") bare.push(`${path}.${name}`);
        walk(property, `${path}.${name}`);
        if (typeof property["items"] === "object") walk(property["items"] as Record<string, unknown>, `${path}.${name}[]`);
      }
    };
    for (const spec of specs()) walk(spec.schema, spec.kind);
    expect(bare).toEqual([]);
  });

  it("CRDs are structural: no combinators, a type on every node, patterns that RE2 knows", () => {
    const wrong: string[] = [];
    const walk = (schema: Record<string, unknown>, path: string) => {
      const typed =
        typeof schema["type"] === "string" || schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
      if (!typed || ["anyOf", "oneOf", "allOf", "not", "$ref", "const"].some((keyword) => keyword in schema)) wrong.push(path);
      if (/\(\?[=!<]/.test(String(schema["pattern"] ?? ""))) wrong.push(`${path} pattern`);
      for (const [name, property] of Object.entries((schema["properties"] ?? {}) as Record<string, Record<string, unknown>>)) walk(property, `${path}.${name}`);
      if (typeof schema["items"] === "object") walk(schema["items"] as Record<string, unknown>, `${path}[]`);
      if ("additionalProperties" in schema) walk(schema["additionalProperties"] as Record<string, unknown>, `${path}{}`);
    };
    for (const spec of specs()) walk(spec.schema, spec.kind);
    expect(wrong).toEqual([]);
  });

  it("policies are marked as such", () => {
    const labels = [...files]
      .filter(([path]) => path.startsWith("infra/crds/"))
      .map(([, text]) => [parse(text).spec.names.kind, parse(text).metadata.labels?.["gateway.networking.k8s.io/policy"]]);
    expect(Object.fromEntries(labels)).toEqual({
      BrokerConfig: undefined,
      SecretSource: undefined,
      BackendGroup: undefined,
      BackendCredentialPolicy: "Direct",
      BackendConnectionPolicy: "Direct",
      AIBackendPolicy: "Direct",
      RegionPolicy: "Inherited",
      UsageLimitPolicy: "Inherited",
      RegionAttestation: "Direct",
    });
  });

  it("every example document is of its kind", () => {
    for (const kind of Object.keys(OWN_KINDS)) {
      for (const document of parseAllDocuments(handWritten(`${kind}.yaml`))) expect((document as { toJS(): { kind: string } }).toJS().kind).toBe(kind);
    }
  });
});

function specs(): readonly { readonly kind: string; readonly schema: Record<string, unknown> }[] {
  return [...files]
    .filter(([path]) => path.startsWith("infra/crds/"))
    .map(([, text]) => {
      const definition = parse(text);
      return { kind: definition.spec.names.kind, schema: definition.spec.versions[0].schema.openAPIV3Schema.properties.spec };
    });
}
