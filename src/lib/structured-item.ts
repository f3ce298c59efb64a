/** A bare item of RFC 9651: a boolean, an integer, a token or a string. Other kinds are not read. */
export type BareItem =
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "token"; readonly value: string }
  | { readonly kind: "string"; readonly value: string };

/** An Item of RFC 9651 with its parameters. */
export interface StructuredItem {
  readonly item: BareItem;
  readonly parameters: ReadonlyMap<string, BareItem>;
}

/** Sticky, so that each is tried at one place only. The last three take in their whole text at once: the time is linear. */
const BOOLEAN = /\?([01])/y;
const INTEGER = /(-?[0-9]{1,15})(?![0-9.])/y;
const TOKEN = /([A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*)/y;
const STRING = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const PARAMETER = /; *([a-z*][a-z0-9_\-.*]*)(=)?/y;

/**
 * Reads a header's value as an Item (RFC 9651 section 4.2.3). Null: it is none, or holds a kind that is not read here. Stricter in one thing:
 * a parameter that stands there twice is refused, for two readers could see two values.
 */
export function parseItem(text: string): StructuredItem | null {
  const trimmed = text.replace(/^ +| +$/g, "");
  const first = bareItem(trimmed, 0);
  if (first === null) return null;
  let { end } = first;
  const parameters = new Map<string, BareItem>();
  while (end < trimmed.length) {
    const found = at(PARAMETER, trimmed, end);
    const [whole, key = "", equals] = found ?? [];
    if (whole === undefined || parameters.has(key)) return null;
    end += whole.length;
    if (equals === undefined) {
      parameters.set(key, { kind: "boolean", value: true });
      continue;
    }
    const value = bareItem(trimmed, end);
    if (value === null) return null;
    parameters.set(key, value.item);
    ({ end } = value);
  }
  return { item: first.item, parameters };
}

function bareItem(text: string, from: number): { readonly item: BareItem; readonly end: number } | null {
  const boolean = at(BOOLEAN, text, from);
  if (boolean !== null) return { item: { kind: "boolean", value: boolean[1] === "1" }, end: from + boolean[0].length };
  const integer = at(INTEGER, text, from);
  if (integer !== null) return { item: { kind: "integer", value: Number(integer[1]) }, end: from + integer[0].length };
  const token = at(TOKEN, text, from);
  if (token !== null) return { item: { kind: "token", value: token[1] ?? "" }, end: from + token[0].length };
  const string = at(STRING, text, from);
  if (string === null) return null;
  return { item: { kind: "string", value: (string[1] ?? "").replace(/\\(["\\])/g, "$1") }, end: from + string[0].length };
}

function at(expression: RegExp, text: string, from: number): RegExpExecArray | null {
  expression.lastIndex = from;
  return expression.exec(text);
}

/** Writes an Item. The caller vouches for the names of parameters and that tokens are tokens and strings printable ASCII. */
export function formatItem(item: BareItem, parameters: readonly (readonly [string, BareItem])[]): string {
  let text = formatBare(item);
  for (const [key, value] of parameters) {
    text += value.kind === "boolean" && value.value ? `;${key}` : `;${key}=${formatBare(value)}`;
  }
  return text;
}

function formatBare(item: BareItem): string {
  switch (item.kind) {
    case "boolean":
      return item.value ? "?1" : "?0";
    case "string":
      return `"${item.value.replace(/["\\]/g, "\\$&")}"`;
    default:
      return String(item.value);
  }
}
