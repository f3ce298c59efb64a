import { RE2JS } from "re2js";
import { type ExpressionProgram, FAIL, FORK, JUMP, LOOK, MATCH, RANGES } from "./expression-program.ts";

/** An instruction of RE2's automaton, as the library holds it. */
interface Re2Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: Int32Array;
  matchRune(point: number): boolean;
}

/** The library's numbers of its instructions. */
const ALT = 1;
const ALT_MATCH = 2;
const CAPTURE = 3;
const EMPTY_WIDTH = 4;
const RE2_FAIL = 5;
const RE2_MATCH = 6;
const NOP = 7;
const RUNE = 8;
const RUNE1 = 9;
const RUNE_ANY = 10;
const RUNE_ANY_NOT_NL = 11;

const FOLD_CASE = 1;
const LAST_POINT = 0x10ffff;
/** No letter beyond has another case (Unicode 16: Adlam ends there). */
const LAST_FOLDED = 125_251;

/** The program of a pattern that `fullMatch` has accepted, for a bundle. Throws where RE2 cannot compile it. */
export function compileExpression(pattern: string): ExpressionProgram {
  const { start, inst } = RE2JS.compile(pattern).re2Input.prog as { readonly start: number; readonly inst: readonly Re2Instruction[] }; // the library's own types say `any`
  const foldings = new Map<number, readonly number[]>();
  return { start, instructions: inst.map((one) => translate(one, foldings)) };
}

function translate(instruction: Re2Instruction, foldings: Map<number, readonly number[]>): readonly number[] {
  const { op, out, arg, runes } = instruction;
  switch (op) {
    case ALT:
    case ALT_MATCH:
      return [FORK, out, arg];
    case CAPTURE:
    case NOP:
      return [JUMP, out];
    case EMPTY_WIDTH:
      return [LOOK, out, arg];
    case RE2_FAIL:
      return [FAIL];
    case RE2_MATCH:
      return [MATCH];
    case RUNE:
    case RUNE1:
      return [RANGES, out, ...rangesOf(instruction, foldings)];
    case RUNE_ANY:
      return [RANGES, out, 0, LAST_POINT];
    case RUNE_ANY_NOT_NL:
      return [RANGES, out, 0, 9, 11, LAST_POINT];
    default:
      throw new Error(`RE2 instruction ${op} with ${runes.length} runes is not known`);
  }
}

function rangesOf(instruction: Re2Instruction, foldings: Map<number, readonly number[]>): readonly number[] {
  const { arg, runes } = instruction;
  const [only] = runes;
  if (runes.length !== 1 || only === undefined) return [...runes];
  if ((arg & FOLD_CASE) === 0) return [only, only];
  // Every letter that is the same but for its case, in order: asked of the library itself, since JavaScript folds otherwise.
  const known = foldings.get(only);
  if (known !== undefined) return known;
  const folded: number[] = [];
  for (let point = 0; point <= LAST_FOLDED; point += 1) if (instruction.matchRune(point)) folded.push(point, point);
  foldings.set(only, folded);
  return folded;
}
