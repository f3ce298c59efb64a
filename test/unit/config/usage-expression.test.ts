import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseUsageExpression, USAGE_VARIABLES } from "../../../src/config/parse-usage-expression.ts";
import type { UsageExpression } from "../../../src/model/limit.ts";
import { evaluateUsage, type UsageValues } from "../../../src/policy/limits/usage-expression.ts";

const NOTHING: UsageValues = {
  input: null,
  output: null,
  total: null,
  cachedInput: null,
  cacheWrite: null,
  reasoning: null,
  audioInput: null,
  audioOutput: null,
  "price.input": null,
  "price.cachedInput": null,
  "price.output": null,
};
const values: UsageValues = { ...NOTHING, input: 100, output: 10, total: 110, cachedInput: 40, "price.input": 0.5, "price.output": 2 };

function parsed(text: string): UsageExpression {
  const result = parseUsageExpression(text);
  if (!result.ok) throw new Error(result.message);
  return result.expression;
}
const worth = (text: string, of: UsageValues = values) => evaluateUsage(parsed(text), of);
const messageOf = (text: string) => {
  const result = parseUsageExpression(text);
  return result.ok ? null : result.message;
};

describe("expressions over usage", () => {
  it.each([
    ["input", 100],
    ["7.5", 7.5],
    ["input*price.input + output*price.output", 70],
    ["input + 4*output", 140],
    ["(input + 4) * output", 1_040],
    ["input - cachedInput - 10", 50],
    ["input / 4 / 5", 5],
    ["input / (4) * 2", 50],
    ["min(input, output)", 10],
    ["max( 1 , min(input,output) ) * 3", 30],
    ["  total\n", 110],
    ["reasoning + 1", 1],
    ["cacheWrite", 0],
  ])("%s", (text, expected) => expect(worth(text)).toBe(expected));

  it("an unknown price makes the whole unknown, wherever it stands; an unknown number of tokens is none", () => {
    for (const text of ["cachedInput*price.cachedInput", "input*price.input + 0*price.cachedInput", "min(1, price.cachedInput)", "max(1, price.cachedInput)"])
      expect([text, worth(text)]).toEqual([text, null]);
    expect(worth("input*2 + output", NOTHING)).toBe(0);
  });

  it("what is no finite number is unknown", () => {
    expect(evaluateUsage({ op: "/", left: { op: "number", value: 1 }, right: { op: "number", value: 0 } }, values)).toBeNull();
    expect(worth("input*input*input", { ...values, input: 1e200 })).toBeNull();
  });

  it.each([
    ["", "at the end: a number or a name is missing here"],
    ["input +", "at the end: a number or a name is missing here"],
    ["input output", "character 7: an operator is missing before output"],
    ["input * (output", "at the end: ) is missing here"],
    ["input)", "character 6: an operator is missing before )"],
    ["min(input)", "character 10: , is missing here"],
    ["min input", "character 5: ( is missing here"],
    ["input + outptu", "character 9: outptu is not known: did you mean output?"],
    ["price.inptu * 2", "character 1: price.inptu is not known: did you mean price.input?"],
    ["input & 2", 'character 7: "&" is neither a number, a name nor one of + - * / ( ) ,'],
    ["2x", 'character 1: "2" is neither a number, a name nor one of + - * / ( ) ,'],
    ["input / output", "character 9: what is divided by must be a number other than 0"],
    ["input / 0", "character 9: what is divided by must be a number other than 0"],
    ["-input", "character 1: a number or a name is missing here"],
    [`${"(".repeat(17)}1${")".repeat(17)}`, "character 17: brackets may stand in one another 16 deep"],
    [Array(65).fill("1").join("+"), "must be at most 128 numbers, names and operators long"],
    ["1".padEnd(513), "must be at most 512 characters"],
  ])("%s is a fault that says where", (text, message) => expect(messageOf(text)).toBe(message));

  it("names what there is when nothing is alike", () => {
    expect(messageOf("dollars")).toBe(
      "character 1: dollars is not known: known are input, output, total, cachedInput, cacheWrite, reasoning, audioInput, audioOutput, price.input, price.cachedInput, price.output, min, max",
    );
  });

  it("reads whatever it can be written as: a law over random expressions", () => {
    const leaf = fc.oneof(
      fc.record({ op: fc.constant("number" as const), value: fc.integer({ min: 0, max: 1_000 }) }),
      fc.record({ op: fc.constant("variable" as const), name: fc.constantFrom(...USAGE_VARIABLES) }),
    );
    const { tree } = fc.letrec<{ tree: UsageExpression }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4, depthIdentifier: "tree" },
        leaf,
        fc.record({ op: fc.constantFrom("+" as const, "-" as const, "*" as const, "min" as const, "max" as const), left: tie("tree"), right: tie("tree") }),
        fc.record({
          op: fc.constant("/" as const),
          left: tie("tree"),
          right: fc.record({ op: fc.constant("number" as const), value: fc.integer({ min: 1, max: 9 }) }),
        }),
      ),
    }));
    fc.assert(
      fc.property(tree, (expression) => {
        expect(parsed(written(expression))).toEqual(expression);
      }),
    );
  });

  it("never throws, whatever the text", () => {
    const text = fc.string({ unit: fc.constantFrom(..."input.out*+-/(), 019minax".split(""), "price.input", "output"), maxLength: 60 });
    fc.assert(
      fc.property(text, (one) => {
        expect(typeof parseUsageExpression(one).ok).toBe("boolean");
      }),
    );
  });
});

function written(expression: UsageExpression): string {
  if (expression.op === "number") return String(expression.value);
  if (expression.op === "variable") return expression.name;
  const [left, right] = [written(expression.left), written(expression.right)];
  return expression.op === "min" || expression.op === "max" ? `${expression.op}(${left}, ${right})` : `(${left} ${expression.op} ${right})`;
}
