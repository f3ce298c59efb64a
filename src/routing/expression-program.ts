/**
 * A regular expression as RE2 compiles it (a Thompson automaton), in plain numbers that fit a bundle. Each instruction begins with what it is:
 * `[MATCH]`, `[FAIL]`, `[JUMP, next]`, `[FORK, one, other]`, `[LOOK, next, conditions]`, `[RANGES, next, low, high, low, high, …]` of code points.
 */
export interface ExpressionProgram {
  readonly start: number;
  readonly instructions: readonly (readonly number[])[];
}

export const MATCH = 0;
export const FAIL = 1;
export const JUMP = 2;
export const FORK = 3;
export const LOOK = 4;
export const RANGES = 5;

/** What holds between two code points; RE2's own bits. */
const BEGIN_LINE = 1;
const END_LINE = 2;
const BEGIN_TEXT = 4;
const END_TEXT = 8;
const WORD_BOUNDARY = 16;
const NO_WORD_BOUNDARY = 32;

const NOTHING: readonly number[] = [FAIL];

/**
 * Whether the program matches a WHOLE subject. All states go on side by side, so that the time is at most program size times subject length, as RE2
 * promises; and an instance that starts from a bundle needs this page in place of a library of 150 KB.
 */
export function expressionTest({ start, instructions }: ExpressionProgram): (subject: string) => boolean {
  /** By instruction: the position at which it was last reached. */
  const reached = new Int32Array(instructions.length);
  return (subject) => {
    reached.fill(-1);
    let waiting = [start];
    let before = -1;
    for (let at = 0; ; ) {
      const point = subject.codePointAt(at) ?? -1;
      const holds = conditions(before, point);
      const next: number[] = [];
      for (let pc = waiting.pop(); pc !== undefined; pc = waiting.pop()) {
        if (reached[pc] === at) continue;
        reached[pc] = at;
        const instruction = instructions[pc] ?? NOTHING;
        const [kind, out = 0, other = 0] = instruction;
        if (kind === RANGES) {
          if (isWithin(instruction, point)) next.push(out);
        } else if (kind === JUMP) waiting.push(out);
        else if (kind === FORK) waiting.push(other, out);
        else if (kind === LOOK) {
          if ((other & ~holds) === 0) waiting.push(out);
        } else if (kind === MATCH && point === -1) return true;
      }
      if (point === -1 || next.length === 0) return false;
      waiting = next;
      before = point;
      at += point > 0xffff ? 2 : 1;
    }
  };
}

function isWithin(instruction: readonly number[], point: number): boolean {
  for (let i = 2; i + 1 < instruction.length; i += 2) {
    if (point < (instruction[i] ?? 0)) return false;
    if (point <= (instruction[i + 1] ?? -1)) return true;
  }
  return false;
}

/** -1 stands for the begin and the end of the text. */
function conditions(before: number, after: number): number {
  const atBegin = before === -1 ? BEGIN_TEXT | BEGIN_LINE : before === 10 ? BEGIN_LINE : 0;
  const atEnd = after === -1 ? END_TEXT | END_LINE : after === 10 ? END_LINE : 0;
  return atBegin | atEnd | (isWord(before) === isWord(after) ? NO_WORD_BOUNDARY : WORD_BOUNDARY);
}

/** `\w` of RE2: ASCII only. */
function isWord(point: number): boolean {
  return (point >= 48 && point <= 57) || (point >= 65 && point <= 90) || point === 95 || (point >= 97 && point <= 122);
}
