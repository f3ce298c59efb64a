import { describe, expect, it } from "vitest";
import { compile } from "../../../src/config/compile.ts";
import { parse } from "../../../src/config/parse.ts";
import { NODE } from "./compile-text.ts";

const read = (text: string) => parse({ path: "a.yaml", text });

describe("parse", () => {
  it("reads many documents, empty ones, comments and JSON", () => {
    const { documents, faults } = read('# first\n---\n---\nkind: A\n---\n{"kind": "B"}\n');
    expect(faults).toEqual([]);
    expect(documents.map((document) => document.value["kind"])).toEqual(["A", "B"]);
    expect(read("").documents).toEqual([]);
  });

  it("takes a List apart, with the place of each item", () => {
    const compiled = compile(
      [{ path: "list.yaml", text: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: a}\n  specc: {}\n" }],
      NODE,
    );
    expect(compiled.faults).toMatchObject([{ line: 7, column: 3, pointer: "/specc", kind: "Namespace", name: "a" }]);
  });

  it("gives the place of broken YAML", () => {
    expect(read("kind: A\nlist: [1,\nother: 2\n").faults[0]).toMatchObject({ severity: "error", file: "a.yaml", line: 3, column: 1 });
    expect(read("kind: A\nkind: B\n").faults).toMatchObject([{ line: 2, column: 1, message: "the same key stands twice in this mapping", advice: null }]);
    expect(read("apiVersion: v1\nkind: A\napiVersion: v1\n").faults).toMatchObject([
      { line: 3, advice: "write `---` on a line of its own between two manifests" },
    ]);
    expect(read("- a\n- b\n").faults).toMatchObject([{ line: 1, message: "a manifest is a mapping with apiVersion, kind and metadata" }]);
    expect(read("? [a]\n: 1\n").faults).toMatchObject([{ message: "keys must be strings" }]);
    expect(read("kind: !!js/function 'x'\n").faults).toMatchObject([{ line: 1, column: 7, message: "YAML tags are not allowed in a manifest" }]);
  });

  it("keeps YAML 1.1 habits out: a merge key is an ordinary, unknown field", () => {
    const compiled = compile([{ path: "m.yaml", text: "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n<<: {status: {}}\n" }], NODE);
    expect(compiled.faults).toMatchObject([{ line: 4, column: 1, message: "unknown field <<" }]);
  });

  it("names one file's faults without losing the others'", () => {
    const compiled = compile(
      [
        { path: "a.yaml", text: "kind: [\n" },
        { path: "b.yaml", text: "apiVersion: v1\nkind: Namespace\nmetadata: {nam: x}\n" },
      ],
      NODE,
    );
    expect(compiled.ok).toBe(false);
    expect(compiled.snapshot).toBeNull();
    expect(new Set(compiled.faults.map((fault) => fault.file))).toEqual(new Set(["a.yaml", "b.yaml"]));
  });
});
