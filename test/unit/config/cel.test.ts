import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type JsonSchema, specSchema } from "../../../scripts/spec-schema.ts";
import { OWN_KINDS } from "../../../src/config/manifest-set.ts";
import { brokenRules, rulesOf, withDefaults } from "./cel.ts";

const KINDS = Object.values(OWN_KINDS).map((kind) => ({ name: kind.kind, spec: kind.spec as z.ZodMiniType, schema: specSchema(kind) }));
const schemaOf = (name: string) => KINDS.find((kind) => kind.name === name)?.schema ?? {};

/** The API server has no type for this member, so that its rule can only say a part. */
const SAID_IN_PART = "must name exactly one place of the keys: uri, inline, secretRef";

/** Something for every pattern, and what the rules look for. */
const TEXTS = [
  ...["a", "b", "anonymous", "a.example", "DE", "USD", "1s", "0s", "/a", "/a/../b", "x*y*", "*", "arn:aws:sts::1:assumed-role/app/*", "https://gitlab.com"],
  ...["10.0.0.1", "10.0.0.0/8", "projects/p/secrets/s", `sha256/${"A".repeat(43)}=`, "host", ""],
  ...["eu-central-1", "arn:aws:iam::123456789012:role/app", "//iam.googleapis.com/p", "a@b.example", "session"],
];

/** Good and bad objects of a schema, shaped as the schema has it. */
function objects(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema["x-kubernetes-int-or-string"] === true) return fc.constantFrom(1, 20);
  switch (schema.type) {
    case "string": {
      const pattern = new RegExp(String(schema["pattern"] ?? ""));
      const fitting = TEXTS.filter((text) => pattern.test(text) && text.length <= Number(schema["maxLength"] ?? 100));
      return fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...(fitting.length === 0 ? TEXTS : fitting)) },
        { weight: 1, arbitrary: fc.constantFrom(...TEXTS) },
      );
    }
    case "integer":
      return fc.integer({ min: Number(schema["minimum"] ?? 0), max: Math.min(Number(schema["maximum"] ?? 9), 600) });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(objects(schema.items ?? {}), { minLength: Number(schema["minItems"] ?? 0), maxLength: Math.max(2, Number(schema["minItems"] ?? 0)) });
    case "object": {
      if (schema.additionalProperties !== undefined) return fc.dictionary(fc.constantFrom("a", "b"), objects(schema.additionalProperties), { maxKeys: 2 });
      const required = (schema.required ?? []).map(String);
      const members = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, property]) => [name, objects(property)]));
      return fc.record(members, { requiredKeys: required });
    }
    default:
      return fc.constant("{}");
  }
}

describe("rules across fields, in the CRDs", () => {
  it("can all be evaluated, and none speaks of a member that the API server has no type for", () => {
    const places = KINDS.flatMap(({ name, schema }) => rulesOf(schema, name));
    expect(places.length).toBeGreaterThan(15);
    for (const { path, schema, rules } of places) {
      const untyped = Object.entries(schema.properties ?? {}).flatMap(([member, property]) =>
        property.type === undefined && property["x-kubernetes-int-or-string"] !== true ? [member] : [],
      );
      for (const { rule, message } of rules) {
        for (const member of untyped) expect([path, rule]).not.toEqual([path, expect.stringContaining(`self.${member}`)]);
        expect(message, path).not.toBe("");
        expect(message.includes("\n")).toBe(false);
      }
    }
  });

  it("look at lists and texts of bounded length only, so that their cost stays low", () => {
    const unbounded: string[] = [];
    for (const { path, schema, rules } of KINDS.flatMap((kind) => rulesOf(kind.schema, kind.name))) {
      for (const { rule } of rules) {
        for (const [member, property] of Object.entries(schema.properties ?? {})) {
          if (!new RegExp(`self\\.(__)?${member}(__)?\\.(all|exists|matches|endsWith)`).test(rule)) continue;
          if (property.type === "array" && property["maxItems"] === undefined) unbounded.push(`${path}.${member}`);
          if (property.type === "string" && property["maxLength"] === undefined) unbounded.push(`${path}.${member}`);
        }
      }
    }
    expect(unbounded).toEqual([]);
  });

  it.each(KINDS)("of $name never refuse what this broker takes, and refuse what it refuses", ({ spec, schema }) => {
    const known = new Set(rulesOf(schema).flatMap(({ rules }) => rules.map(({ message }) => message)));
    let taken = 0;
    let refused = 0;
    fc.assert(
      fc.property(objects(schema), (object) => {
        const result = z.safeParse(spec, object);
        const broken = brokenRules(schema, withDefaults(schema, object));
        if (result.success) {
          taken += 1;
          expect(broken).toEqual([]);
          return;
        }
        // Rules are asked here only where the shape is good; then both must name the very same.
        const ours = new Set(result.error.issues.flatMap((issue) => (known.has(issue.message) && issue.message !== SAID_IN_PART ? [issue.message] : [])));
        if (ours.size > 0) refused += 1;
        for (const message of ours) expect(broken).toContain(message);
      }),
      { numRuns: 300, seed: 20_261_123, endOnFailure: true },
    );
    if (known.size > 0) expect(refused).toBeGreaterThan(0);
    expect(taken + refused).toBeGreaterThan(0);
  });

  it.each([
    ["BackendGroup", { tiers: [{ name: "a", backends: [{ backendRef: { name: "x" } }] }] }, []],
    ["BackendGroup", { tiers: [{ name: "a", backends: [{ backendRef: { kind: "Service", group: "", name: "x" } }] }] }, ["a Service needs a port"]],
    ["BackendGroup", { tiers: ["a", "a"].map((name) => ({ name, backends: [{ backendRef: { name: "x" } }] })) }, ["tier names must be unique"]],
    ["SecretSource", { env: { name: "A" } }, []],
    ["SecretSource", { env: { name: "A" }, file: { path: "/a" } }, [expect.stringContaining("exactly one provider")]],
    ["SecretSource", { file: { path: "/a/../b" } }, ["must not contain .."]],
    ["SecretSource", { file: { path: "/a/..b" } }, []],
    ["BrokerConfig", { identity: { principals: [{ type: "AWSIAM", name: "*", namespace: "a" }] } }, ["what stands before * must name an account or path"]],
    ["BrokerConfig", { identity: { principals: [{ type: "AWSIAM", name: "arn:*:x", namespace: "a" }] } }, ["* may stand at the end only"]],
    ["RegionPolicy", { targetRefs: [{ group: "", kind: "Gateway", name: "a" }], allow: { regions: ["eu"] } }, ["group and kind do not belong together"]],
    ["RegionPolicy", { targetRefs: [{ group: "", kind: "Namespace", name: "a" }], allow: {} }, ["must allow at least one region, country or jurisdiction"]],
  ])("%s: %j breaks %j", (kind, object, expected) => {
    expect(brokenRules(schemaOf(kind), withDefaults(schemaOf(kind), object))).toEqual(expected);
  });
});
