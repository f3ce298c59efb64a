import type * as z from "zod/mini";
import { didYouMean } from "./did-you-mean.ts";
import { type FieldPath, faultAt, type ManifestDocument } from "./document.ts";
import type { Fault } from "./fault.ts";
import { knownFields, wantedAt } from "./known-fields.ts";

type Issue = z.core.$ZodIssue;

/** What zod says when a schema has no message of its own: these get ours. */
const WITHOUT_MESSAGE = "Invalid input";
const MAX_SHOWN = 40;

/** The schema's complaints as faults, each at the line and column of its field. Values are shown only for own enums, never for a Secret. */
export function issueFaults(document: ManifestDocument, schema: z.ZodMiniType, issues: readonly Issue[]): Fault[] {
  return issues.flatMap((issue) => {
    const path = fieldPath(issue.path);
    if (issue.code !== "unrecognized_keys") return [faultAt(document, path, { severity: "error", ...describe(document, schema, issue, path) })];
    const known = knownFields(schema, path);
    return issue.keys.map((key) => {
      const meant = didYouMean(key, known);
      const advice = meant !== null ? `did you mean ${meant}?` : known.length > 0 && known.length <= 12 ? `known here: ${known.join(", ")}` : null;
      return faultAt(document, [...path, key], { severity: "error", message: `unknown field ${shorten(key)}`, advice, atKey: true });
    });
  });
}

function describe(
  document: ManifestDocument,
  schema: z.ZodMiniType,
  issue: Issue,
  path: FieldPath,
): { readonly message: string; readonly advice?: string | null } {
  const field = path.length === 0 ? "the manifest" : String(path.findLast((step) => typeof step === "string") ?? "the value");
  const value = valueAt(document.value, path);
  if (value === undefined && issue.code !== "custom") return { message: `${field} is required`, advice: wantedAt(schema, path) };
  if (issue.message !== WITHOUT_MESSAGE) return { message: `${field}: ${issue.message}` };
  if (issue.code === "invalid_type")
    return {
      message: `${field} must be ${article(issue.expected)}, not ${typeName(value)}`,
      advice: wantedAt(schema, path),
    };
  if (issue.code === "invalid_value") {
    const options = issue.values.map(String);
    const meant = typeof value === "string" ? didYouMean(value, options) : null;
    const shown = document.value["kind"] !== "Secret" && typeof value === "string" ? ` ${JSON.stringify(shorten(value))}` : "";
    const list = options.map((option) => (option === "" ? '""' : option)).join(", ");
    return { message: `${field} has an unknown value${shown}: it must be ${list}`, advice: meant === null || meant === "" ? null : `did you mean ${meant}?` };
  }
  if (issue.code === "invalid_union") return { message: unionMessage(field, issue) };
  if (issue.code === "too_small") return { message: `${field} must be at least ${issue.minimum}${unit(issue.origin)}` };
  if (issue.code === "too_big") return { message: `${field} must be at most ${issue.maximum}${unit(issue.origin)}` };
  return { message: `${field} is not valid` };
}

/** The first alternative that says in words what it wants speaks for the union. */
function unionMessage(field: string, issue: Extract<Issue, { code: "invalid_union" }>): string {
  const worded = issue.errors.flat().find((one) => one.message !== WITHOUT_MESSAGE);
  return worded === undefined ? `${field} has the wrong type` : `${field}: ${worded.message}`;
}

function fieldPath(path: readonly PropertyKey[]): FieldPath {
  return path.map((step) => (typeof step === "number" ? step : String(step)));
}

function valueAt(root: unknown, path: FieldPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step]; // hasOwn has just said so
  }
  return value;
}

function typeName(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : article(typeof value);
}

function article(type: string): string {
  if (type === "array") return "a list";
  if (type === "object" || type === "record") return "a mapping";
  if (type === "int") return "a whole number";
  return type === "boolean" ? "true or false" : `a ${type}`;
}

function unit(origin: string): string {
  if (origin === "string") return " characters long";
  return origin === "array" ? " entries long" : "";
}

function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
