import { gunzipSync } from "node:zlib";
import type { RawAnswer } from "./raw-client.ts";
import type { BodyExpectation, Expectation, HeaderExpectation, SeenExpectation } from "./vector.ts";
import type { Seen } from "./world.ts";

/** What was expected and did not come, one line each; empty: all is as it should be. */
export function compare(expected: Expectation, answer: RawAnswer, all: readonly Seen[]): readonly string[] {
  const faults: string[] = [];
  if (answer.status !== expected.status) faults.push(`status: expected ${expected.status}, got ${answer.status}`);
  compareHeaders("answer", expected.headers ?? {}, answer.headers, faults);
  if (expected.body !== undefined) compareBody("answer", expected.body, answer.body, faults);
  const whole = expected.whole ?? true;
  if (answer.whole !== whole) faults.push(`framing: expected ${whole ? "whole" : "broken"}, got the opposite after ${answer.body.length} bytes`);
  const { copies = [] } = expected;
  for (const copy of copies) {
    const call = all.find(({ backend }) => backend === copy.backend);
    if (call === undefined) faults.push(`copies: expected one for ${copy.backend}, got none`);
    else compareSeen(copy, call, faults);
  }
  const seen = withoutCopies(expected, all);
  const calls = expected.upstream.map((one) => (typeof one === "string" ? one : one.backend));
  const called = seen.map(({ backend }) => backend);
  if (calls.join() === called.join())
    expected.upstream.forEach((one, index) => {
      const call = seen[index];
      if (typeof one !== "string" && call !== undefined) compareSeen(one, call, faults);
    });
  else faults.push(`calls: expected [${calls}], got [${called}]`);
  return faults;
}

/** What was called for the call itself. */
function withoutCopies({ copies = [] }: Expectation, seen: readonly Seen[]): readonly Seen[] {
  return seen.filter(({ backend }) => !copies.some((copy) => copy.backend === backend));
}

function compareSeen(expected: SeenExpectation, seen: Seen, faults: string[]): void {
  const { backend, method, target, headers, body } = expected;
  if (method !== undefined && method !== seen.method) faults.push(`${backend} method: expected ${method}, got ${seen.method}`);
  if (target !== undefined && target !== seen.target) faults.push(`${backend} target: expected ${target}, got ${seen.target}`);
  compareHeaders(backend, headers ?? {}, seen.headers, faults);
  if (body !== undefined) compareBody(backend, body, seen.body, faults);
}

function compareHeaders(where: string, expected: Readonly<Record<string, HeaderExpectation>>, list: readonly string[], faults: string[]): void {
  for (const [name, wanted] of Object.entries(expected)) {
    const values = fieldsOf(list, name);
    const joined = values.length === 0 ? null : values.join(", ");
    const good =
      wanted === null || typeof wanted === "string"
        ? wanted === joined
        : "like" in wanted
          ? joined !== null && new RegExp(`^(?:${wanted.like})$`).test(joined)
          : wanted.length === values.length && wanted.every((value, index) => value === values[index]);
    if (!good) faults.push(`${where} header ${name}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(values)}`);
  }
}

/** Every value of a header, in order. */
export function fieldsOf(list: readonly string[], name: string): readonly string[] {
  return list.filter((_, index) => index % 2 === 1 && list[index - 1]?.toLowerCase() === name);
}

function compareBody(where: string, wanted: BodyExpectation, bytes: Buffer, faults: string[]): void {
  const text = bytes.toString();
  const told = JSON.stringify(text.length > 600 ? `${text.slice(0, 600)}…` : text);
  if (typeof wanted === "string") {
    if (text !== wanted) faults.push(`${where} body: expected ${JSON.stringify(wanted)}, got ${told}`);
    return;
  }
  const { json, bytes: length, has = [], lacks = [], inflated } = wanted;
  if (length !== undefined && bytes.length !== length) faults.push(`${where} body: expected ${length} bytes, got ${bytes.length}`);
  for (const part of has) if (!text.includes(part)) faults.push(`${where} body: expected ${JSON.stringify(part)} in ${told}`);
  for (const part of lacks) if (text.includes(part)) faults.push(`${where} body: expected no ${JSON.stringify(part)} in ${told}`);
  if (json !== undefined && !isPartOf(json, parsed(text))) faults.push(`${where} body: expected the members ${JSON.stringify(json)}, got ${told}`);
  if (inflated !== undefined && inflate(bytes) !== inflated) faults.push(`${where} body: expected gzip of ${JSON.stringify(inflated)}, got ${told}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function inflate(bytes: Buffer): string | null {
  try {
    return gunzipSync(bytes).toString();
  } catch {
    return null;
  }
}

/** Objects may have more members; lists must be as long. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (typeof part !== "object" || part === null) return part === whole;
  if (typeof whole !== "object" || whole === null || Array.isArray(part) !== Array.isArray(whole)) return false;
  if (Array.isArray(part) && part.length !== (whole as unknown[]).length) return false; // both are lists here
  return Object.entries(part).every(([name, value]) => isPartOf(value, (whole as Record<string, unknown>)[name])); // members are looked up by name alone
}
