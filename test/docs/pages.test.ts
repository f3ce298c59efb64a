import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { formatRefused } from "../../adapters/config/report.ts";
import { compileAll } from "../unit/config/compile-text.ts";

const root = join(import.meta.dirname, "../..");
const pagesOf = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const PAGES = new Map([...pagesOf("."), ...pagesOf("docs"), ...pagesOf("examples")].map((path) => [path, readFileSync(join(root, path), "utf8")]));

/** Without what stands in code: no link is one there. */
const prose = (page: string) => page.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
const linksOf = (page: string) => [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);

/** As the forge makes them of headings. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...page.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...headings, ...[...page.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)]);
}

describe("the pages", () => {
  it.each([...PAGES])("%s: every link leads somewhere", (path, page) => {
    const broken = linksOf(page).filter((link) => {
      if (/^https?:|^mailto:/.test(link)) return false;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : relative(root, join(root, dirname(path), file));
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(PAGES.get(target) ?? "").has(anchor);
    });
    expect(broken).toEqual([]);
  });

  it("each page of docs/ can be reached from the README", () => {
    const linked = new Set(linksOf(PAGES.get("README.md") ?? "").map((link) => link.split("#")[0]));
    expect([...PAGES.keys()].filter((path) => path.startsWith("docs/") && !linked.has(path))).toEqual([]);
  });

  it.each([...PAGES])("%s: every manifest has only fields that there are", (_path, page) => {
    for (const [, yaml = ""] of page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)) {
      const documents = parseAllDocuments(yaml);
      expect(documents.flatMap(({ errors }) => errors.map(String))).toEqual([]);
      // A part of an object says nothing of its kind.
      if (!documents.every((document) => document.has("kind"))) continue;
      expect(compileAll([yaml]).faults.filter(({ severity }) => severity === "error")).toEqual([]);
    }
  });
});

describe("examples/openai.yaml", () => {
  it("has no fault, no warning and no refused object", () => {
    const compiled = compileAll([readFileSync(join(root, "examples/openai.yaml"), "utf8")]);
    expect(compiled.faults).toEqual([]);
    expect(formatRefused(compiled.conditions, { color: false })).toBe("");
    expect([...(compiled.snapshot?.backends.keys() ?? [])]).toEqual(["XBackend/egress-system/openai"]);
  });
});
