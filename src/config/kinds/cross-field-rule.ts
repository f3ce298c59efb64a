import * as z from "zod/mini";

/** What a schema cannot say, twice over: `holds` for this broker and `cel` for the API server (`x-kubernetes-validations`), side by side so that they stay one rule. */
export interface CrossFieldRule<Value> {
  holds(value: Value): boolean;
  /** About `self`, defaults filled in. Where it cannot say all of the rule it must let through what `holds` would refuse, never the reverse. */
  readonly cel: string;
  readonly message: string;
  /** The member that is to be mended; left out: the whole. */
  readonly path?: string;
}

/** Adds rules to a schema; the CRD gets them from its description. Once for each schema: a second call would hide the first one's rules from the CRD. */
export function withRules<Schema extends z.ZodMiniType>(schema: Schema, ...rules: readonly CrossFieldRule<z.output<Schema>>[]): Schema {
  const checks = rules.map(({ holds, message, path }) =>
    z.refine<z.output<Schema>>(holds, { error: message, ...(path === undefined ? {} : { path: [path] }) }),
  );
  const validations = rules.map(({ cel, message, path }) => ({ rule: cel, message, ...(path === undefined ? {} : { fieldPath: `.${path}` }) }));
  return schema.check(...checks, z.meta({ "x-kubernetes-validations": validations }));
}

/** Refuses objects that name none or several of these members. */
export function exactlyOne<Value extends object>(members: readonly (keyof Value & string)[], what: string): CrossFieldRule<Value> {
  return {
    holds: (value) => members.filter((member) => value[member] !== undefined).length === 1,
    cel: `[${members.map((member) => `has(self.${member})`).join(", ")}].filter(present, present).size() == 1`,
    message: `must name exactly one ${what}: ${members.join(", ")}`,
  };
}

/** `kind` belongs to one group each. */
export function kindOfGroup<Value extends { readonly group: string; readonly kind: string }>(
  groups: Readonly<Record<string, string>>,
  message: string,
): CrossFieldRule<Value> {
  return {
    holds: ({ group, kind }) => groups[kind] === group,
    cel: Object.entries(groups)
      .map(([kind, group]) => `(self.kind == '${kind}' && self.group == '${group}')`)
      .join(" || "),
    message,
    path: "kind",
  };
}

/** Only an HTTPRoute has sections that a policy of ours can name: its rules. */
export const SECTION_IS_RULE: CrossFieldRule<{ readonly kind: string; readonly sectionName?: string | undefined }> = {
  holds: (ref) => ref.sectionName === undefined || ref.kind === "HTTPRoute",
  cel: "!has(self.sectionName) || self.kind == 'HTTPRoute'",
  message: "sectionName names a rule of an HTTPRoute",
  path: "sectionName",
};
