import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import { root } from "./objects.ts";

/** The functions that the template uses in their short form. */
const FUNCTIONS: ReadonlySet<string> = new Set(["!Ref", "!GetAtt", "!Sub", "!If", "!Not", "!Equals"]);

/** A CloudFormation template with its short functions written out: `!Ref a` as `{Ref: a}`, every other `!X a` as `{"Fn::X": a}`. */
export function readTemplate(path: string): unknown {
  const document = parseDocument(readFileSync(join(root, path), "utf8"), { uniqueKeys: true, logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  return plain(document.contents);
}

function plain(node: unknown): unknown {
  const value = content(node);
  const tag = isMap(node) || isSeq(node) || isScalar(node) ? (node.tag ?? "") : "";
  if (!tag.startsWith("!")) return value;
  if (!FUNCTIONS.has(tag)) throw new Error(`${tag} is not a function that this reader knows`);
  return { [tag === "!Ref" ? "Ref" : `Fn::${tag.slice(1)}`]: value };
}

function content(node: unknown): unknown {
  if (isMap(node)) return Object.fromEntries(node.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), plain(value)]));
  if (isSeq(node)) return node.items.map(plain);
  return isScalar(node) ? node.value : null;
}
