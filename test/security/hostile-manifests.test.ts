import { describe, expect, it } from "vitest";
import { compile } from "../../src/config/compile.ts";
import { NODE } from "../unit/config/compile-text.ts";

const compileText = (text: string) => compile([{ path: "hostile.yaml", text }], NODE);
const NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";

describe("hostile manifests are faults, never crashes", () => {
  const laughs = [
    "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
    ...Array.from({ length: 11 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]`),
  ].join("\n");
  const cases: Record<string, string> = {
    "an alias bomb": laughs,
    "an anchor that holds itself": "a: &a [*a]\n",
    "an alias to nothing": "a: *nowhere\n",
    "deep flow nesting": `a: ${"[".repeat(20_000)}`,
    "deep closed nesting": `a: ${"[".repeat(5_000)}${"]".repeat(5_000)}`,
    "deep mappings": `a: ${"{x: ".repeat(3_000)}`,
    "deep compact sequences": `${"- ".repeat(20_000)}x`,
    "deep explicit keys": `${"? ".repeat(5_000)}x`,
    "deep indentation": Array.from({ length: 1_000 }, (_, i) => `${" ".repeat(i)}k:`).join("\n"),
    "T21: a prototype key": `${NAMESPACE}__proto__: {polluted: true}\n`,
    "T21: a prototype key deep down": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {__proto__: x}\n",
    "T21: a constructor key": `${NAMESPACE}constructor: {prototype: {polluted: true}}\n`,
    "a kind from Object.prototype": "apiVersion: gateway.networking.k8s.io/v1\nkind: toString\nmetadata: {name: a}\n",
    binary: "\u0000\u0001\u0002\ufffd",
    "a document end in the middle of a flow": "{a: [\n...\n",
    "numbers that are none": "apiVersion: .nan\nkind: .inf\n",
  };
  for (const [what, text] of Object.entries(cases)) {
    it(what, () => {
      const compiled = compileText(text);
      expect(compiled.ok).toBe(false);
      expect(compiled.faults.some((fault) => fault.severity === "error" && fault.line >= 1 && fault.column >= 1)).toBe(true);
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    });
  }

  it("stops at the depth before anything recurses: an overflow inside the parser can end the process", () => {
    for (const what of ["deep flow nesting", "deep closed nesting", "deep mappings", "deep compact sequences", "deep explicit keys", "deep indentation"]) {
      expect([what, compileText(cases[what] ?? "").faults[0]?.message]).toEqual([what, "the document is nested deeper than 64 levels"]);
    }
  });

  it("reads a megabyte of good text", () => {
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {big: "${"x".repeat(1_000_000)}"}\n`;
    expect(compileText(text).ok).toBe(true);
  });

  it("bounds one source", () => {
    expect(compileText("#".repeat(17 * 1024 * 1024)).faults).toMatchObject([{ message: expect.stringContaining("larger than") }]);
  });

  it("labels named like members of Object.prototype stay data", () => {
    const compiled = compileText("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {constructor: x, toString: y}}\n");
    expect(compiled.ok).toBe(true);
  });
});

describe("faults never show a secret", () => {
  const SECRET = "hunter2-do-not-show";
  const texts = [
    `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {value: {${SECRET}: 1}}\n`,
    `{apiVersion: v1, kind: Secret, metadata: {name: s}, stringDatta: {value: ${SECRET}}}\n`,
    `{apiVersion: v1, kind: Secrt, metadata: {name: s}, stringData: {value: ${SECRET}}}\n`,
    `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {value: "${SECRET}\n`,
    `apiVersion: v1\nkind: List\nitems:\n- ${SECRET}\n`,
    `apiVersion: spillway.dev/v1\nkind: Secret\nstringData: {a: ${SECRET}}\n`,
  ];
  for (const [index, text] of texts.entries()) {
    it(`text ${index}`, () => {
      const compiled = compileText(text);
      expect(compiled.faults.length).toBeGreaterThan(0);
      expect(JSON.stringify(compiled.faults)).not.toContain(SECRET);
    });
  }
});
