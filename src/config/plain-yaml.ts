import { doubleQuoted, NotPlain, plainScalar } from "./plain-scalar.ts";

/** One document of a source: a mapping, and where the value of its `metadata.name` begins. */
export interface PlainDocument {
  readonly value: Readonly<Record<string, unknown>>;
  /** Offset in the source; null: it has none. */
  readonly nameAt: number | null;
}

const MAX_DEPTH = 48;
/** YAML ends a key on one line at 1,024 characters. */
const MAX_KEY = 1_000;
/** A tab, a carriage return and other control characters are left to the whole parser. */
const DOUBLE_QUOTED = /"[^"\\\p{Cc}]*(?:\\\P{Cc}[^"\\\p{Cc}]*)*"/uy;
const SINGLE_QUOTED = /'[^'\p{Cc}]*(?:''[^'\p{Cc}]*)*'/uy;
const PLAIN_KEY = /[A-Za-z_/][\w./-]*/y;
const WORD = /(?:[A-Za-z0-9_./$(+~]|-(?=[\w./]))(?:[\w./$()+~@=*%;-]|:(?=[\w./]))*(?: +(?:[\w./$()+~@=*%;-]|:(?=[\w./]))+)*/y;
const REST_OF_LINE = /[ ]*(?:(?<= )#[^\n]*)?(?:\n|$)/y;
/** Keys that are something else without quotes. */
const NOT_A_KEY = /^(?:[tT]rue|TRUE|[fF]alse|FALSE|[nN]ull|NULL)$/;
const MARKER = /---[ ]*(?:\n|$)/y;

/**
 * Reads the YAML that people and tools mostly write (block and flow collections, scalars on one line, comments, `---`; JSON too) an order of
 * magnitude faster than the whole parser, and to the same value. Null: there is anything else in it, or anything wrong with it, and the whole
 * parser has to read it. That parser is the judge of what is right: this one gives up in every doubt.
 */
export function readPlainYaml(text: string): readonly PlainDocument[] | null {
  try {
    return createReader(text).documents();
  } catch (error) {
    // A RangeError is how an expression ends that has to remember more than it may, in a scalar of millions of characters.
    if (error instanceof NotPlain || error instanceof RangeError) return null;
    throw error;
  }
}

interface Reader {
  documents(): readonly PlainDocument[];
}

function createReader(text: string): Reader {
  let pos = 0;
  /** Column of the content at `pos`, where a line begins there; -1: a document ends. */
  let indent = -1;
  let nameAt: number | null = null;

  function give(): never {
    throw new NotPlain();
  }

  function match(pattern: RegExp): string | null {
    pattern.lastIndex = pos;
    const found = pattern.exec(text);
    if (found === null) return null;
    pos = pattern.lastIndex;
    return found[0];
  }

  /** Moves to the content of the next line that has any. */
  function nextLine(): void {
    for (;;) {
      const start = pos;
      while (text.charCodeAt(pos) === 0x20) pos += 1;
      const code = text.charCodeAt(pos);
      if (code === 0x0a) {
        pos += 1;
        continue;
      }
      if (code === 0x23) {
        const end = text.indexOf("\n", pos);
        pos = end === -1 ? text.length : end + 1;
        continue;
      }
      indent = pos - start;
      if (pos >= text.length) indent = -1;
      else if (indent === 0 && code === 0x2d) {
        MARKER.lastIndex = pos;
        if (MARKER.test(text)) indent = -1;
      }
      return;
    }
  }

  /** Nothing but a comment may follow on the line. */
  function endLine(): void {
    if (match(REST_OF_LINE) === null) give();
    nextLine();
  }

  function documents(): readonly PlainDocument[] {
    const found: PlainDocument[] = [];
    nextLine();
    for (;;) {
      if (indent === -1) {
        if (pos >= text.length) return found;
        match(MARKER);
        nextLine();
        continue;
      }
      nameAt = null;
      const value = indent === 0 ? block(0) : give();
      if (indent !== -1 || !isRecord(value) || value["kind"] === "List") give();
      found.push({ value, nameAt });
    }
  }

  function block(depth: number): unknown {
    if (depth > MAX_DEPTH) give();
    const code = text.charCodeAt(pos);
    if (code === 0x2d && isDash()) return sequence(indent, depth);
    if (code === 0x7b || code === 0x5b) {
      const value = flow(depth, depth === 0);
      endLine();
      return value;
    }
    const key = readKey();
    return key === null ? give() : mapping(key, indent, depth, false);
  }

  function isDash(): boolean {
    const next = text.charCodeAt(pos + 1);
    return next === 0x20 || next === 0x0a || pos + 1 === text.length;
  }

  /** A key with its colon; null, without moving: there is none. */
  function readKey(): string | null {
    const start = pos;
    const code = text.charCodeAt(pos);
    const token = code === 0x22 ? match(DOUBLE_QUOTED) : match(PLAIN_KEY);
    const next = text.charCodeAt(pos + 1);
    if (token === null || text.charCodeAt(pos) !== 0x3a || !(next === 0x20 || next === 0x0a || pos + 1 === text.length)) {
      pos = start;
      return null;
    }
    pos += 1;
    return code === 0x22 ? doubleQuoted(token) : token;
  }

  function put(target: Record<string, unknown>, key: string, value: unknown): void {
    if (key.length > MAX_KEY || key === "__proto__" || NOT_A_KEY.test(key) || Object.hasOwn(target, key)) give();
    target[key] = value;
  }

  function mapping(firstKey: string, column: number, depth: number, isMetadata: boolean): Record<string, unknown> {
    const found: Record<string, unknown> = {};
    for (let key: string | null = firstKey; key !== null; key = indent === column ? (readKey() ?? give()) : null) {
      put(found, key, value(column, depth, depth === 0 && key === "metadata", isMetadata && key === "name"));
    }
    if (indent > column) give();
    return found;
  }

  /** What stands after a colon, on its line or below it. */
  function value(column: number, depth: number, isMetadata: boolean, isName: boolean): unknown {
    skipSpaces();
    const code = text.charCodeAt(pos);
    if (code === 0x0a || code === 0x23 || pos >= text.length) {
      if (code === 0x23 && text.charCodeAt(pos - 1) !== 0x20) give();
      endLine();
      if (indent > column) {
        if (isName) give();
        if (!isMetadata) return block(depth + 1);
        const key = readKey();
        return key === null ? block(depth + 1) : mapping(key, indent, depth + 1, true);
      }
      return indent === column && text.charCodeAt(pos) === 0x2d && isDash() ? sequence(column, depth + 1) : null;
    }
    if (isName) nameAt = pos;
    const found = code === 0x7b || code === 0x5b ? flow(depth + 1, false, isMetadata) : scalar();
    endLine();
    // A scalar may go on in lines that are indented further.
    if (indent > column) give();
    return found;
  }

  function sequence(column: number, depth: number): unknown[] {
    if (depth > MAX_DEPTH) give();
    const found: unknown[] = [];
    while (indent === column && text.charCodeAt(pos) === 0x2d && isDash()) {
      const dash = pos;
      pos += 1;
      skipSpaces();
      const code = text.charCodeAt(pos);
      if (code === 0x0a || code === 0x23 || pos >= text.length) {
        endLine();
        found.push(indent > column ? block(depth + 1) : null);
        continue;
      }
      const inner = column + (pos - dash);
      if (code === 0x2d && isDash()) {
        indent = inner;
        found.push(sequence(inner, depth + 1));
      } else {
        const key = code === 0x7b || code === 0x5b ? null : readKey();
        if (key !== null) found.push(mapping(key, inner, depth + 1, false));
        else {
          found.push(code === 0x7b || code === 0x5b ? flow(depth + 1, false) : scalar());
          endLine();
        }
      }
      if (indent > column) give();
    }
    return found;
  }

  function skipSpaces(): void {
    while (text.charCodeAt(pos) === 0x20) pos += 1;
  }

  function scalar(): unknown {
    const code = text.charCodeAt(pos);
    if (code === 0x22) return doubleQuoted(match(DOUBLE_QUOTED) ?? give());
    if (code === 0x27) return (match(SINGLE_QUOTED) ?? give()).slice(1, -1).replaceAll("''", "'");
    return plainScalar(match(WORD) ?? give());
  }

  /** Spaces, and line ends where the collection is the whole document: elsewhere its lines would have to be indented. */
  function skipInFlow(lines: boolean): void {
    for (;;) {
      const code = text.charCodeAt(pos);
      if (code === 0x20 || (lines && code === 0x0a)) pos += 1;
      else return;
    }
  }

  function flow(depth: number, lines: boolean, isMetadata = false): unknown {
    if (depth > MAX_DEPTH) give();
    const isMap = text.charCodeAt(pos) === 0x7b;
    const close = isMap ? 0x7d : 0x5d;
    const list: unknown[] = [];
    const map: Record<string, unknown> = {};
    pos += 1;
    skipInFlow(lines);
    if (text.charCodeAt(pos) !== close) {
      for (;;) {
        if (isMap) {
          const key = flowKey(lines);
          if (isMetadata && key === "name") nameAt = pos;
          put(map, key, flowValue(depth, lines, depth === 0 && key === "metadata"));
        } else list.push(flowValue(depth, lines, false));
        skipInFlow(lines);
        const code = text.charCodeAt(pos);
        if (code === close) break;
        if (code !== 0x2c) give();
        pos += 1;
        skipInFlow(lines);
      }
    }
    pos += 1;
    return isMap ? map : list;
  }

  function flowKey(lines: boolean): string {
    const quoted = text.charCodeAt(pos) === 0x22;
    const token = (quoted ? match(DOUBLE_QUOTED) : match(PLAIN_KEY)) ?? give();
    if (text.charCodeAt(pos) !== 0x3a) give();
    pos += 1;
    const next = text.charCodeAt(pos);
    // Only after a quote may the value follow at once.
    if (!quoted && next !== 0x20) give();
    skipInFlow(lines);
    return quoted ? doubleQuoted(token) : token;
  }

  function flowValue(depth: number, lines: boolean, isMetadata: boolean): unknown {
    const code = text.charCodeAt(pos);
    return code === 0x7b || code === 0x5b ? flow(depth + 1, lines, isMetadata) : scalar();
  }

  return { documents };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
