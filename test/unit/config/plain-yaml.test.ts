import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { placeOf } from "../../../src/config/document.ts";
import { parse } from "../../../src/config/parse.ts";
import { readPlainYaml } from "../../../src/config/plain-yaml.ts";
import { testManifests } from "../../fakes/manifests.ts";
import { GATEWAY, NAMESPACES } from "./compile-text.ts";

const OPTIONS = { version: "1.2", schema: "core", merge: false, uniqueKeys: true, stringKeys: true, prettyErrors: false, logLevel: "silent" } as const;

/** What the whole parser makes of it; null: it finds something wrong. */
function whole(text: string): unknown[] | null {
  const documents = parseAllDocuments(text, OPTIONS);
  if (!Array.isArray(documents)) return [];
  if (documents.some((document) => document.errors.length > 0 || document.warnings.length > 0)) return null;
  return documents.map((document): unknown => document.toJS()).filter((value) => value !== null && value !== undefined);
}

const plain = (text: string) => readPlainYaml(text)?.map((document) => document.value) ?? null;

/** The one law: what is read the fast way is what the whole parser reads. */
function agrees(text: string): void {
  const fast = plain(text);
  if (fast !== null) expect({ text, value: fast }).toEqual({ text, value: whole(text) });
}

const EXAMPLES = [
  ...readdirSync(join(import.meta.dirname, "../../../examples"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => [name, readFileSync(join(import.meta.dirname, "../../../examples", name), "utf8")] as const),
  ["the tests' own", testManifests({ backends: [{ name: "first", port: 1, region: "eu-central-1", key: "k", api: "OpenAI" }], group: ["first"] })] as const,
  ["of compile tests", `${GATEWAY}\n---${NAMESPACES}`] as const,
];

describe("the fast reading of YAML", () => {
  it.each(EXAMPLES)("agrees with the whole parser about %s", (_, text) => agrees(text));

  it("serves most of them", () => {
    expect(EXAMPLES.filter(([, text]) => plain(text) !== null).length / EXAMPLES.length).toBeGreaterThan(0.7);
  });

  it.each([
    ["block", "kind: A\nmetadata:\n  name: a\n  labels: {}\nlist:\n- a: 1\n  b:\n  - x\n  - - y\n    - z\n-\n  c: d\nnone:\nlast: 'it''s' # why\n"],
    ["flow", 'kind: A\nspec: {a: [b, "c d", 1, true, null], e: {f: http://x/y, "g": -3}} # x\n'],
    ["JSON on one line", '{"kind":"A","metadata":{"name":"a\\u00e9"},"n":[1,2.5,{"a":[]},{}]}'],
    ["JSON on many", JSON.stringify({ kind: "A", metadata: { name: "a" }, list: [{ a: 1 }, []] }, null, 2)],
    ["documents", "# nothing\n---\n---\nkind: A\n---\n# more\nkind: B\n---\n"],
  ])("knows %s", (_, text) => {
    expect(plain(text)).not.toBeNull();
    agrees(text);
  });

  it.each([
    "kind: A\nkind: B\n",
    '{"kind": "A", "kind": "B"}',
    "kind: A\n__proto__: {a: b}\n",
    "a: &x 1\nb: *x\n",
    "a: !!str 1\n",
    "a: |\n  text\n",
    "a: one\n  two\n",
    "a:\n    b: 1\n  c: 2\n",
    "a: b: c\n",
    "a: [b,\n",
    "a: {b: [c,\nd]}\n",
    "\ta: b\n",
    "a: b\r\n",
    "a: 'b\n",
    "? a\n: b\n",
    "- a\n",
    "apiVersion: v1\nkind: List\nitems: []\n",
    "a: 0x10\n",
    "a: 1e3\n",
    "a: .inf\n",
    "a: -0\n",
    "a: 12345678901234567890\n",
    "true: a\n",
    '{"kind":"A"} x\n',
    '{"a":1}\n{"b":2}\n',
    `${"a: {".repeat(60)}${"}".repeat(60)}`,
    `${"k".repeat(1_025)}: 1\n`,
  ])("leaves %j to the whole parser", (text) => {
    expect(plain(text)).toBeNull();
  });

  it.each([
    ["a word", `a: ${"b".repeat(2_000_000)}`],
    ["words", `a: ${"b ".repeat(1_000_000)}c`],
    ["escapes", `a: "${"\\n".repeat(1_000_000)}"`],
    ["quotes", `a: '${"''".repeat(1_000_000)}'`],
    ["spaces", `a: b${" ".repeat(2_000_000)}\u0001`],
    ["brackets", "[".repeat(1_000_000)],
    ["dashes", "- ".repeat(1_000_000)],
  ])("never throws, for %s without end either", (_, text) => {
    expect(() => readPlainYaml(text)).not.toThrow();
  });

  const usual = fc.constantFrom("a", "b", "kind", "metadata", "name", "route-1", "/v1", "x.y", "two words", "30s");
  const odd = fc.constantFrom(
    "a",
    "b",
    "kind",
    "metadata",
    "name",
    "true",
    "null",
    "~",
    "1",
    "-1",
    "1.5",
    "0x1",
    "10.0.0.1",
    "30s",
    "2026-01-01",
    "a b",
    "a: b",
    "#x",
    "a #b",
    "-",
    "- a",
    "",
    " a",
    "'",
    '"',
    "\\",
    "é",
    "*.x",
    "/v1",
    "http://a:1/b",
    "[a]",
    "{a: b}",
    "a,b",
    "=",
    "<<",
    "@",
    "%a",
    "!a",
    "&a",
    "*a",
    "|",
    ">",
    "?",
    "? a",
    "a?",
    "yes",
    "NO",
    "1_000",
    "+1",
    ".5",
    "5.",
    "0o7",
    "007",
    "1e3",
    ".nan",
    "---",
    "--- a",
    "...",
  );
  const word = fc.oneof({ weight: 5, arbitrary: usual }, { weight: 1, arbitrary: odd });
  const tree = fc.letrec<{ node: unknown; map: unknown; list: unknown }>((tie) => ({
    node: fc.oneof({ depthSize: "small" }, word, fc.integer(), fc.boolean(), fc.constant(null), fc.double({ noNaN: true }), tie("map"), tie("list")),
    map: fc.dictionary(word, tie("node"), { maxKeys: 4 }),
    list: fc.array(tie("node"), { maxLength: 3 }),
  }));
  const edit = fc.record({
    at: fc.nat(400),
    cut: fc.nat(2),
    put: fc.constantFrom(
      "",
      " ",
      "  ",
      "\n",
      "\n\n",
      ":",
      ": ",
      "-",
      "- ",
      ",",
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      "#",
      " #",
      "a",
      "1",
      "\t",
      "\r",
      "|",
      "*a",
      "&a ",
      "~",
      "---\n",
      "\\",
      "!",
    ),
  });
  const text = fc
    .tuple(
      fc.array(tree.map, { minLength: 1, maxLength: 2 }),
      fc.constantFrom("block", "flow", "json", "pretty"),
      fc.constantFrom(1, 2, 4),
      fc.boolean(),
      fc.array(edit, { maxLength: 3 }),
    )
    .map(([values, style, indent, indentSeq, edits]) => {
      const one = (value: unknown) =>
        style === "json"
          ? JSON.stringify(value)
          : style === "pretty"
            ? JSON.stringify(value, null, indent)
            : stringify(value, { indent: style === "flow" ? 2 : Math.max(indent, 1), indentSeq, collectionStyle: style, lineWidth: 0 });
      return edits.reduce((so, { at, cut, put }) => {
        const place = at % (so.length + 1);
        return so.slice(0, place) + put + so.slice(place + cut);
      }, values.map(one).join("\n---\n"));
    });

  it("agrees with the whole parser about every text, broken ones too", () => {
    fc.assert(fc.property(text, agrees), { numRuns: Number(process.env["SPILLWAY_LONG"] === undefined ? 1_500 : 100_000) });
  });

  it("says where every field stands, as the whole parser does", () => {
    const source = "# one\nkind: A\nmetadata:\n  name: 'a'\n  labels: {x: y}\n---\nkind: B\nmetadata: {namespace: n, name: b}\n";
    const [first, second] = parse({ path: "a.yaml", text: source }).documents;
    expect(readPlainYaml(source)).not.toBeNull();
    expect([first?.nameLine, second?.nameLine]).toEqual([4, 8]);
    for (const document of [first, second]) {
      if (document === undefined) throw new Error("two documents were expected");
      expect(placeOf(document, ["metadata", "name"], false).line).toBe(document.nameLine);
    }
    expect(first === undefined ? null : placeOf(first, ["metadata", "labels", "x"], true)).toEqual({ line: 5, column: 12 });
  });
});
