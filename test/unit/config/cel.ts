import { celEnv, isCelError, parse, plan } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import type { JsonSchema } from "../../../scripts/spec-schema.ts";

/** The parts of a CRD's schema that count for an API server: defaults, and rules in CEL. */
interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** A path of member names, `[]` for the entries of a list, and the rules that stand there. */
export interface RulesAt {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly rules: readonly Rule[];
}

const env = celEnv({ funcs: [...strings] });
const plans = new Map<string, ReturnType<typeof plan>>();

function planned(rule: string): ReturnType<typeof plan> {
  const known = plans.get(rule) ?? plan(env, parse(rule));
  plans.set(rule, known);
  return known;
}

/** Every place of a schema that has rules. */
export function rulesOf(schema: JsonSchema, path = "spec"): readonly RulesAt[] {
  const own = (schema["x-kubernetes-validations"] ?? []) as readonly Rule[]; // as: what the generator writes
  return [
    ...(own.length === 0 ? [] : [{ path, schema, rules: own }]),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => rulesOf(property, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : rulesOf(schema.items, `${path}[]`)),
    ...(schema.additionalProperties === undefined ? [] : rulesOf(schema.additionalProperties, `${path}{}`)),
  ];
}

/** What the API server does before it asks the rules: absent members that have a default get it. */
export function withDefaults(schema: JsonSchema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => withDefaults(schema.items ?? {}, one));
  if (typeof value !== "object" || value === null) return value;
  const members: Record<string, unknown> = { ...value };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (members[name] === undefined && property.default !== undefined) members[name] = property.default;
    if (members[name] !== undefined) members[name] = withDefaults(property, members[name]);
  }
  return members;
}

/** Messages of the rules that an object breaks. Throws where a rule cannot be evaluated: an API server would refuse every object then. */
export function brokenRules(schema: JsonSchema, value: unknown): readonly string[] {
  const broken: string[] = [];
  for (const { rule, message } of (schema["x-kubernetes-validations"] ?? []) as readonly Rule[]) {
    const result = planned(rule)({ self: escaped(value) } as never); // as: any variables at all
    if (isCelError(result)) throw new Error(`${rule}: ${result.message}`);
    if (result !== true) broken.push(message);
  }
  if (Array.isArray(value)) return [...broken, ...value.flatMap((one) => brokenRules(schema.items ?? {}, one))];
  if (typeof value !== "object" || value === null) return broken;
  for (const [name, member] of Object.entries(value)) {
    const property = schema.properties?.[name] ?? schema.additionalProperties;
    if (property !== undefined && member !== undefined) broken.push(...brokenRules(property, member));
  }
  return broken;
}

/** Words that CEL keeps for itself are written `__word__` in a rule. */
const RESERVED: ReadonlySet<string> = new Set(["in", "as", "namespace", "package", "function", "return", "import", "let", "loop", "var", "for", "if", "else"]);

function escaped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value === "number") return BigInt(value);
  if (typeof value !== "object" || value === null) return value;
  return new Map(
    Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[RESERVED.has(name) ? `__${name}__` : name, escaped(member)] as const])),
  );
}
