import { scanTopLevel, type ValueSpan } from "../../lib/json-scan.ts";
import { asObject, parseJson } from "../../lib/json-value.ts";
import { joinBytes, toBytes, toTextStrictly } from "../../lib/utf8.ts";

export interface MemberEdits {
  /** Members that stand first in the new body, and in the place of those of the same name. At least one. */
  readonly set: Readonly<Record<string, unknown>>;
  readonly drop: readonly string[];
}

/**
 * A JSON object with other members at its top. All other bytes stay, so that large numbers and whatever the broker has never heard of arrive as they
 * were sent. Null: the body is no JSON object, or has a member that is to change twice.
 */
export function editMembers(body: Uint8Array, { set, drop }: MemberEdits): Uint8Array | null {
  const gone = new Set([...Object.keys(set), ...drop]);
  const scan = scanTopLevel(body, gone);
  if (scan.kind === "unsure") return rewrite(body, set, gone);
  if (scan.kind !== "ok") return null;
  const { afterBrace } = scan;
  const cuts = [...scan.values].map(([name, value]) => memberSpan(body, name, value, afterBrace)).sort((one, other) => one.start - other.start);
  const firstStays = !scan.empty && cuts[0]?.start !== afterBrace;
  const inserted = Object.entries(set).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const parts: Uint8Array[] = [toBytes(`{${inserted.join(",")}${firstStays ? "," : ""}`)];
  let at = afterBrace;
  for (const cut of cuts) {
    parts.push(body.subarray(at, cut.start));
    at = cut.end;
  }
  parts.push(body.subarray(at));
  return joinBytes(parts);
}

const COMMA = 0x2c;

/** The member with the comma before it. The first has none, and begins behind the brace. */
function memberSpan(body: Uint8Array, name: string, value: ValueSpan, afterBrace: number): ValueSpan {
  // Between the key's last quote and the value there is a colon and white space, and the scan found the key written plainly.
  let at = value.start - 1;
  while (body[at] !== 0x22) at -= 1;
  at -= name.length + 2;
  while (at >= afterBrace && body[at] !== COMMA) at -= 1;
  return { start: Math.max(at, afterBrace), end: value.end };
}

/** A key that is not plain ASCII may be one of them in disguise: the body is written anew. */
function rewrite(body: Uint8Array, set: MemberEdits["set"], gone: ReadonlySet<string>): Uint8Array | null {
  const parsed = asObject(parseJson(toTextStrictly(body) ?? ""));
  if (parsed === null) return null;
  const kept = Object.entries(parsed).filter(([name]) => !gone.has(name));
  return toBytes(JSON.stringify({ ...set, ...Object.fromEntries(kept) }));
}
