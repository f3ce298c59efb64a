import type { UsageExpression, UsageVariable } from "../model/limit.ts";
import { didYouMean } from "./did-you-mean.ts";

/** An expression over what a call used, or what is wrong with it: one sentence that names the character, counted from 1. */
export type ParsedExpression = { readonly ok: true; readonly expression: UsageExpression } | { readonly ok: false; readonly message: string };

/** In the order of the reference. */
export const USAGE_VARIABLES: readonly UsageVariable[] = [
  "input",
  "output",
  "total",
  "cachedInput",
  "cacheWrite",
  "reasoning",
  "audioInput",
  "audioOutput",
  "price.input",
  "price.cachedInput",
  "price.output",
];

export const MAX_EXPRESSION = 512;
/** Brackets inside brackets; the parser and the evaluator call themselves so often. */
const MAX_DEPTH = 16;
/** Numbers, names and operators. */
const MAX_TOKENS = 128;
const FUNCTIONS: readonly string[] = ["min", "max"];

interface Token {
  readonly kind: "number" | "name" | "sign" | "end";
  readonly text: string;
  /** Counted from 1. */
  readonly at: number;
}

class ExpressionFault extends Error {
  override readonly name = "ExpressionFault";
}

const TOKEN = /\s*(?:(?<number>\d{1,15}(?:\.\d{1,15})?(?![\w.]))|(?<name>[A-Za-z][\w.]*)|(?<sign>[-+*/(),]))/y;

/**
 * Reads `input*price.input + output*price.output` and the like: numbers, `+ - * / ( )`, `min(a, b)`, `max(a, b)` and the names of `UsageVariable`.
 * `*` and `/` bind more tightly than `+` and `-`. What is divided by must be a number, so that no call can make a limit divide by zero.
 */
export function parseUsageExpression(text: string): ParsedExpression {
  try {
    return { ok: true, expression: readWhole(tokensOf(text)) };
  } catch (error) {
    if (error instanceof ExpressionFault) return { ok: false, message: error.message };
    throw error;
  }
}

function tokensOf(text: string): readonly Token[] {
  if (text.length > MAX_EXPRESSION) throw new ExpressionFault(`must be at most ${MAX_EXPRESSION} characters`);
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const { number, name, sign } = TOKEN.exec(text)?.groups ?? {};
    const word = number ?? name ?? sign;
    if (word === undefined) {
      const at = from + (text.slice(from).length - text.slice(from).trimStart().length);
      throw new ExpressionFault(`character ${at + 1}: ${JSON.stringify(text[at] ?? "")} is neither a number, a name nor one of + - * / ( ) ,`);
    }
    tokens.push({ kind: number === undefined ? (name === undefined ? "sign" : "name") : "number", text: word, at: TOKEN.lastIndex - word.length + 1 });
    if (tokens.length > MAX_TOKENS) throw new ExpressionFault(`must be at most ${MAX_TOKENS} numbers, names and operators long`);
  }
  return [...tokens, { kind: "end", text: "", at: end + 1 }];
}

function readWhole(tokens: readonly Token[]): UsageExpression {
  let next = 0;
  let depth = 0;
  const here = (): Token => tokens[next] ?? { kind: "end", text: "", at: 1 };
  const take = (): Token => {
    const token = here();
    next += 1;
    return token;
  };
  const isSign = (...signs: readonly string[]): boolean => here().kind === "sign" && signs.includes(here().text);
  const expect = (sign: string): void => {
    if (!isSign(sign)) throw new ExpressionFault(`${place(here())}: ${sign} is missing here`);
    next += 1;
  };

  function sum(): UsageExpression {
    depth += 1;
    if (depth > MAX_DEPTH) throw new ExpressionFault(`${place(here())}: brackets may stand in one another ${MAX_DEPTH} deep`);
    let left = product();
    while (isSign("+", "-")) left = { op: take().text === "+" ? "+" : "-", left, right: product() };
    depth -= 1;
    return left;
  }

  function product(): UsageExpression {
    let left = value();
    while (isSign("*", "/")) {
      const op = take().text === "*" ? "*" : "/";
      const divisor = here();
      const right = value();
      if (op === "/" && (right.op !== "number" || right.value === 0))
        throw new ExpressionFault(`${place(divisor)}: what is divided by must be a number other than 0`);
      left = { op, left, right };
    }
    return left;
  }

  function value(): UsageExpression {
    const token = take();
    if (token.kind === "number") return { op: "number", value: Number(token.text) };
    if (token.kind === "sign" && token.text === "(") {
      const inner = sum();
      expect(")");
      return inner;
    }
    if (token.kind !== "name") throw new ExpressionFault(`${place(token)}: a number or a name is missing here`);
    if (token.text === "min" || token.text === "max") {
      expect("(");
      const left = sum();
      expect(",");
      const right = sum();
      expect(")");
      return { op: token.text, left, right };
    }
    const name = USAGE_VARIABLES.find((variable) => variable === token.text);
    if (name !== undefined) return { op: "variable", name };
    const meant = didYouMean(token.text, [...USAGE_VARIABLES, ...FUNCTIONS]);
    const known = meant === null ? `known are ${[...USAGE_VARIABLES, ...FUNCTIONS].join(", ")}` : `did you mean ${meant}?`;
    throw new ExpressionFault(`${place(token)}: ${token.text} is not known: ${known}`);
  }

  const whole = sum();
  if (here().kind !== "end") throw new ExpressionFault(`${place(here())}: an operator is missing before ${here().text}`);
  return whole;
}

function place(token: Token): string {
  return token.kind === "end" ? "at the end" : `character ${token.at}`;
}

/** Every variable of an expression, as often as it stands there. */
export function variablesOf(expression: UsageExpression): readonly UsageVariable[] {
  if (expression.op === "number") return [];
  return expression.op === "variable" ? [expression.name] : [...variablesOf(expression.left), ...variablesOf(expression.right)];
}
