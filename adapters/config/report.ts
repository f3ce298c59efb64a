import type { Fault, ObjectConditions } from "../../src/index.ts";

export interface ReportOptions {
  /** ANSI colours. */
  readonly color: boolean;
}

type Condition = ObjectConditions["conditions"][number];

/** Of these, `True` is the bad news. */
export const BAD_WHEN_TRUE: ReadonlySet<string> = new Set(["Degraded", "Conflicted", "PartiallyInvalid"]);
const STYLES = { red: "31", yellow: "33", green: "32", dim: "2", bold: "1" } as const;

/** Faults as compilers show them: place, message, the line with a mark under the spot, and what to write instead. */
export function formatFaults(faults: readonly Fault[], options: ReportOptions): string {
  const paint = painter(options.color);
  return faults
    .map((fault) => {
      const subject =
        fault.kind === null || fault.name === null
          ? ""
          : ` [${fault.kind} ${fault.namespace === null ? "" : `${fault.namespace}/`}${fault.name}${fault.pointer === "" ? "" : ` ${fault.pointer}`}]`;
      const place = paint("bold", `${fault.file}:${fault.line}:${fault.column}:`);
      const severity = paint(fault.severity === "error" ? "red" : "yellow", `${fault.severity}:`);
      const lines = [`${place} ${severity} ${clean(fault.message)}${paint("dim", clean(subject))}`];
      if (fault.excerpt !== null && fault.excerpt.trim() !== "") {
        const margin = `${String(fault.line).padStart(5)} | `;
        // Tabs stay tabs, so that the mark stands under its character however wide they are shown.
        const indent = clean(fault.excerpt.slice(0, fault.column - 1)).replaceAll(/[^\t]/g, " ");
        lines.push(
          paint("dim", margin) + clean(fault.excerpt),
          `${" ".repeat(margin.length - 2)}${paint("dim", "| ")}${indent}${paint("red", markOf(fault.excerpt, fault.column - 1))}`,
        );
      }
      if (fault.advice !== null) lines.push(`${" ".repeat(6)}${paint("green", "advice:")} ${clean(fault.advice)}`);
      return lines.join("\n");
    })
    .join("\n");
}

/** Under the whole word that is meant; one place where there is none. */
function markOf(excerpt: string, from: number): string {
  const [word = ""] = /^(?:"[^"]*"|'[^']*'|[^\s,:{}[\]]+)/.exec(clean(excerpt.slice(from))) ?? [];
  return "^".padEnd(word.length, "~");
}

/** All conditions, one object a block. */
export function formatConditions(conditions: readonly ObjectConditions[], options: ReportOptions): string {
  const paint = painter(options.color);
  return conditions
    .filter((object) => object.conditions.length > 0)
    .map((object) => {
      const listener = object.listener === null ? "" : paint("dim", ` (${object.listener.attachedRoutes} routes)`);
      return [`${paint("bold", nameOf(object))}${listener}`, ...object.conditions.map((condition) => `  ${formatCondition(condition, paint)}`)].join("\n");
    })
    .join("\n");
}

/**
 * Only what is not well, one line for each reason; empty when all is. `Programmed` follows from the others and is left out where it only says the same
 * again. Causes come first; what is refused because of one follows, and does not say it again.
 */
export function formatRefused(conditions: readonly ObjectConditions[], options: ReportOptions): string {
  const paint = painter(options.color);
  const refused = conditions.flatMap((object) => {
    const bad = object.conditions.filter(isBad);
    return bad
      .filter((one) => one.type !== "Programmed" || !bad.some((other) => other !== one && (one.reason === "Invalid" || other.message === one.message)))
      .map((condition) => ({ object, condition }));
  });
  const messages = new Set(refused.map(({ condition }) => condition.message));
  const causes = new Map<string, { readonly before: string; readonly parents: string[]; readonly after: string }>();
  const consequences: string[] = [];
  for (const { object, condition } of refused) {
    const before = `${paint("bold", clean(`${object.file}:${object.line}:`))} ${nameOf({ ...object, parent: null })}`;
    const cause = causeIn(condition.message, messages);
    if (cause !== null) {
      const short = { ...condition, message: `${condition.message.slice(0, -cause.length).replace(/: $/, "")} (see above)` };
      consequences.push(`${before}${parentsText(object.parent === null ? [] : [object.parent])}: ${formatCondition(short, paint)}`);
      continue;
    }
    // A policy that is refused for each of its targets for one reason says it once.
    const after = formatCondition(condition, paint);
    const known = causes.get(`${before}\n${after}`);
    if (known === undefined) causes.set(`${before}\n${after}`, { before, after, parents: object.parent === null ? [] : [object.parent] });
    else if (object.parent !== null) known.parents.push(object.parent);
  }
  return [...[...causes.values()].map(({ before, parents, after }) => `${before}${parentsText(parents)}: ${after}`), ...consequences].join("\n");
}

/** The whole message of another condition, where this one ends with it after naming the object: `XBackend team-a/one: …`. */
function causeIn(message: string, messages: ReadonlySet<string>): string | null {
  for (let at = message.indexOf(": "); at !== -1; at = message.indexOf(": ", at + 2)) {
    const rest = message.slice(at + 2);
    if (messages.has(rest)) return rest;
  }
  return null;
}

function parentsText(parents: readonly string[]): string {
  return parents.length === 0 ? "" : clean(` -> ${parents.join(", ")}`);
}

function isBad(condition: Condition): boolean {
  return condition.status !== (BAD_WHEN_TRUE.has(condition.type) ? "False" : "True");
}

function formatCondition(condition: Condition, paint: Painter): string {
  const state = paint(isBad(condition) ? "red" : "green", `${condition.type}=${condition.status}`);
  const reason = condition.reason === condition.type ? "" : ` ${condition.reason}`;
  return `${state}${reason}${condition.message === "" ? "" : `: ${clean(condition.message)}`}`;
}

function nameOf(object: ObjectConditions): string {
  const id = object.namespace === null ? object.name : `${object.namespace}/${object.name}`;
  return clean(`${object.kind} ${id}${object.parent === null ? "" : ` -> ${object.parent}`}`);
}

type Painter = (style: keyof typeof STYLES, text: string) => string;

function painter(color: boolean): Painter {
  return (style, text) => (color && text !== "" ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text);
}

/** A manifest may hold terminal escapes; none reaches the terminal. */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "\ufffd");
}
