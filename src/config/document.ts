import { isMap, isPair, isScalar, isSeq, type LineCounter, type Node } from "yaml";
import type { Fault } from "./fault.ts";

/** Keys and indexes from the root of a document to a field. */
export type FieldPath = readonly (string | number)[];

/** One object of a source, parsed but not yet understood, with what is needed to say where a field of it stands. */
export interface ManifestDocument {
  readonly file: string;
  /** Asked for by faults only: it may cost a second, slower reading of the source. */
  readonly node: Node;
  readonly lines: LineCounter;
  /** Line of the value of `metadata.name`, where it is known without `node`. */
  readonly nameLine: number | null;
  /** The whole source, for excerpts. */
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where the field stands; the nearest parent that exists when the field itself is missing. `key` asks for the name of the field instead of its value. */
export function placeOf(document: ManifestDocument, path: FieldPath, key: boolean): Place {
  let node: unknown = document.node;
  let offset = document.node.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      const at = last && key ? pair.key : (pair.value ?? pair.key);
      offset = rangeStart(at) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      offset = rangeStart(node) ?? offset;
    } else break;
  }
  return place(document.lines, offset);
}

export function place(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function rangeStart(node: unknown): number | null {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return null;
  const start: unknown = node.range[0];
  return typeof start === "number" ? start : null;
}

/** RFC 6901. */
export function jsonPointer(path: FieldPath): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

export interface FaultText {
  readonly severity: Fault["severity"];
  readonly message: string;
  readonly advice?: string | null;
  /** Points at the field's name instead of its value: for fields that should not be there at all. */
  readonly atKey?: boolean;
}

export function faultAt(document: ManifestDocument, path: FieldPath, text: FaultText): Fault {
  const metadata = document.value["metadata"];
  const named = typeof metadata === "object" && metadata !== null ? (metadata as Readonly<Record<string, unknown>>) : {}; // a plain object of the parser's making
  const where = placeOf(document, path, text.atKey ?? false);
  return {
    severity: text.severity,
    file: document.file,
    ...where,
    pointer: jsonPointer(path),
    kind: textOrNull(document.value["kind"]),
    namespace: textOrNull(named["namespace"]),
    name: textOrNull(named["name"]),
    message: text.message,
    advice: text.advice ?? null,
    excerpt: mayHoldSecret(document.value) ? null : excerptOf(document.text, document.lines, where.line),
  };
}

const MAX_EXCERPT = 200;

/** One line of the source as it stands there; null when it is too long to be shown. */
export function excerptOf(text: string, lines: LineCounter, line: number): string | null {
  const start = lines.lineStarts[line - 1] ?? 0;
  const end = lines.lineStarts[line] ?? text.length;
  const excerpt = text.slice(start, end).trimEnd();
  return excerpt.length > MAX_EXCERPT ? null : excerpt;
}

/** A Secret, a misspelt one, or a list that may have one inside. */
function mayHoldSecret(value: ManifestDocument["value"]): boolean {
  const { kind } = value;
  return kind === "Secret" || kind === "List" || (kind !== "ConfigMap" && (Object.hasOwn(value, "data") || Object.hasOwn(value, "stringData")));
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
