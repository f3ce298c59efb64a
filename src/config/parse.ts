import { Composer, type CST, type Document, isMap, isNode, isSeq, LineCounter, type Node, Parser, Scalar, visit } from "yaml";
import { excerptOf, faultAt, type ManifestDocument, place } from "./document.ts";
import type { Fault, ManifestSource } from "./fault.ts";
import { type PlainDocument, readPlainYaml } from "./plain-yaml.ts";

/** Characters of one source. A ConfigMap holds at most 1 MiB; a whole repository of manifests in one file still fits. */
const MAX_SOURCE = 16 * 1024 * 1024;
/** Levels of nesting. The deepest standard field (HTTPRoute) is below 15; far deeper text overflows the composer's stack, which no `catch` survives everywhere. */
const MAX_DEPTH = 64;
/** Times that aliases may expand one anchor: the defence against the "billion laughs". */
const MAX_ALIASES = 100;
/** Faults reported of one document's syntax: after a broken bracket the rest is noise. */
const MAX_SYNTAX_FAULTS = 10;

export interface Parsed {
  readonly documents: readonly ManifestDocument[];
  readonly faults: readonly Fault[];
}

/** YAML 1.2 (and so JSON too), many documents in one source. Never throws: whatever cannot be read is a fault with its place. */
export function parse(source: ManifestSource): Parsed {
  const plain = source.text.length > MAX_SOURCE ? null : readPlainYaml(source.text);
  return plain === null ? parseWhole(source) : { documents: plainDocuments(source, plain), faults: [] };
}

/** Documents without their nodes, which the whole parser makes when a fault asks where something stands. */
function plainDocuments(source: ManifestSource, plain: readonly PlainDocument[]): readonly ManifestDocument[] {
  const { path: file, text } = source;
  const lines = new LineCounter();
  for (let start = 0; start !== 0 || lines.lineStarts.length === 0; start = text.indexOf("\n", start) + 1) lines.addNewLine(start);
  let whole: Parsed | null = null;
  return plain.map(({ value, nameAt }, index) => ({
    file,
    text,
    lines,
    value,
    nameLine: nameAt === null ? null : place(lines, nameAt).line,
    get node() {
      whole ??= parseWhole(source);
      return whole.documents[index]?.node ?? NOWHERE;
    },
  }));
}

const NOWHERE: Node = new Scalar(null);

function parseWhole(source: ManifestSource): Parsed {
  const lines = new LineCounter();
  const mentionsSecret = /\bSecret\b/.test(source.text);
  const syntaxFault = (offset: number, message: string, advice: string | null = null): Fault => {
    const where = place(lines, offset);
    // What cannot be parsed cannot be told from a Secret either.
    const excerpt = mentionsSecret ? null : excerptOf(source.text, lines, where.line);
    return { severity: "error", file: source.path, ...where, pointer: "", kind: null, namespace: null, name: null, message, advice, excerpt };
  };
  if (source.text.length > MAX_SOURCE) {
    return { documents: [], faults: [syntaxFault(0, `the file is larger than ${MAX_SOURCE} characters`, "split it into several files")] };
  }
  const documents: ManifestDocument[] = [];
  const faults: Fault[] = [];
  try {
    const parser = new Parser(lines.addNewLine);
    const tokens = [...parser.parse(source.text)];
    const deep = tokens.find((token) => depthExceeds(token, MAX_DEPTH));
    if (deep !== undefined) return { documents: [], faults: [syntaxFault(deep.offset, `the document is nested deeper than ${MAX_DEPTH} levels`)] };
    const composer = new Composer({
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: true,
      stringKeys: true,
      prettyErrors: false,
      logLevel: "silent",
    });
    for (const document of composer.compose(tokens, false, source.text.length)) {
      const problems = [...document.errors, ...document.warnings];
      if (problems.length > 0) {
        faults.push(
          ...problems
            .slice(0, MAX_SYNTAX_FAULTS)
            .map(({ code, message, pos }) => syntaxFault(pos[0], syntaxMessage(code, message), syntaxAdvice(code, source.text, pos[0]))),
        );
        continue;
      }
      readDocument(document, { file: source.path, lines, text: source.text }, documents, faults, syntaxFault);
    }
  } catch (error) {
    // The parser's own limits (alias count, stack) end here; the text of the error is ours to choose, for it may quote the source.
    faults.push(syntaxFault(0, error instanceof RangeError ? "the file is nested too deeply to be read" : "the file cannot be read as YAML"));
  }
  return { documents, faults };
}

type Origin = Pick<ManifestDocument, "file" | "lines" | "text">;

function readDocument(
  document: Document.Parsed,
  origin: Origin,
  documents: ManifestDocument[],
  faults: Fault[],
  syntaxFault: (offset: number, message: string, advice?: string | null) => Fault,
): void {
  const { contents } = document;
  if (contents === null) return;
  const start = contents.range?.[0] ?? 0;
  if (!isMap(contents)) {
    // An empty document between two `---` is a null scalar: nothing to read.
    if (document.toJS() !== null) faults.push(syntaxFault(start, "a manifest is a mapping with apiVersion, kind and metadata"));
    return;
  }
  const forbidden = prototypeKey(document);
  if (forbidden !== null) {
    faults.push(syntaxFault(forbidden, "the key __proto__ is not allowed"));
    return;
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    faults.push(syntaxFault(start, "an alias of this document cannot be resolved, or expands too often", "write the values out instead of using YAML anchors"));
    return;
  }
  if (!isRecord(value)) return;
  const whole: ManifestDocument = { ...origin, node: contents, nameLine: null, value };
  if (value["kind"] !== "List" || value["apiVersion"] !== "v1") {
    documents.push(whole);
    return;
  }
  // What `kubectl get -o yaml` prints: every item is a manifest of its own.
  const nodes = contents.get("items", true);
  const items = Array.isArray(value["items"]) ? (value["items"] as readonly unknown[]) : []; // just checked
  for (const [index, item] of items.entries()) {
    const node = isSeq(nodes) ? nodes.items[index] : null;
    if (isRecord(item) && isNode(node)) documents.push({ ...origin, node, nameLine: null, value: item });
    else faults.push(faultAt(whole, ["items", index], { severity: "error", message: "an item of a List must be a manifest" }));
  }
}

/** Offset of a key that would reach an object's prototype in careless code further on; null: none. */
function prototypeKey(document: Document.Parsed): number | null {
  let found: number | null = null;
  visit(document, {
    Pair(_, pair) {
      if (String(pair.key) !== "__proto__") return undefined;
      found = isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
      return visit.BREAK;
    },
  });
  return found;
}

/** Walks the concrete syntax tree with a list instead of recursion, for the tree may be as deep as the text is long. */
function depthExceeds(root: CST.Token, limit: number): boolean {
  const open: { readonly token: CST.Token; readonly depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.depth > limit) return true;
    const { token } = next;
    if (token.type === "document") {
      if (token.value !== undefined) open.push({ token: token.value, depth: 0 });
    } else if ("items" in token) {
      for (const item of token.items) {
        if (item.key !== undefined && item.key !== null) open.push({ token: item.key, depth: next.depth + 1 });
        if (item.value !== undefined) open.push({ token: item.value, depth: next.depth + 1 });
      }
    }
  }
  return false;
}

/** Files joined by `cat` are the usual reason for a second `apiVersion`. */
function syntaxAdvice(code: string, text: string, offset: number): string | null {
  return code === "DUPLICATE_KEY" && text.startsWith("apiVersion", offset) ? "write `---` on a line of its own between two manifests" : null;
}

/** Our words for what people meet most; the parser's own for the rest, which quote no values. */
function syntaxMessage(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "the same key stands twice in this mapping";
  if (code === "TAG_RESOLVE_FAILED") return "YAML tags are not allowed in a manifest";
  if (code === "NON_STRING_KEY") return "keys must be strings";
  return `not valid YAML: ${message.length > 160 ? `${message.slice(0, 160)}…` : message}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
