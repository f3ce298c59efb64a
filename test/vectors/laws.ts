import { REFUSALS } from "../../src/model/errors.ts";
import { fieldsOf } from "./compare.ts";
import { TOKEN_A, TOKEN_B } from "./manifests.ts";
import type { RawAnswer } from "./raw-client.ts";
import type { Seen } from "./world.ts";

/** What holds for every call, whatever a case says of it; one line for each law that is broken. */
export function lawsOf(answer: RawAnswer, seen: readonly Seen[]): readonly string[] {
  const faults: string[] = [];
  // What a platform refuses before it calls the broker is the platform's own.
  const code = fieldsOf(answer.headers, "x-egress-error")[0];
  const ours = code !== undefined || fieldsOf(answer.headers, "x-request-id").length > 0;
  if (ours && fieldsOf(answer.headers, "x-request-id").length !== 1) faults.push("law: an answer has one x-request-id");
  if (code === undefined && seen.length > 0) {
    const named = fieldsOf(answer.headers, "x-egress-backend").join();
    const tries = fieldsOf(answer.headers, "x-egress-attempts").join();
    if (!/^XBackend\/[a-z-]+\/[a-z-]+$/.test(named) || !/^[1-9]$/.test(tries))
      faults.push("law: a destination's answer says whose it is and after how many tries");
    if (!ours) faults.push("law: a destination's answer has the broker's x-request-id");
  }
  if (code !== undefined && !Object.hasOwn(REFUSALS, code)) faults.push(`law: ${code} is in the table of refusals`);
  const told = `${answer.headers.join("\n")}\n${answer.body.toString()}`;
  if (/key-of-|caller-token-of/.test(told)) faults.push("law: no answer tells a key or a token");
  for (const name of ["connection", "keep-alive"]) {
    for (const value of fieldsOf(answer.headers, name))
      if (!/^(?:close|keep-alive|timeout=\d+)$/.test(value)) faults.push(`law: ${name} is the broker's own, not ${value}`);
  }
  for (const { backend, headers, target, body } of seen) {
    const whole = `${target}\n${headers.join("\n")}\n${body.toString()}`;
    if (whole.includes(TOKEN_A) || whole.includes(TOKEN_B)) faults.push(`law: the caller's token never reaches ${backend}`);
    if (fieldsOf(headers, "host").length !== 1) faults.push(`law: ${backend} gets one Host`);
    for (const chain of ["via", "cdn-loop"]) if (fieldsOf(headers, chain).length === 0) faults.push(`law: ${backend} is told of the broker by ${chain}`);
  }
  return faults;
}
