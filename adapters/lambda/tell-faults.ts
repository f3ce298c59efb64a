import type { Compiled } from "../../src/index.ts";
import { formatFaults, formatRefused } from "../config/report.ts";

/** A refused manifest is seen in the log, and so is a lock that refuses calls for how the broker is set up (`notices`); their traffic gets the refusal. */
export function tellFaults({ faults, conditions }: Compiled, notices: readonly string[], remarks: readonly string[]): void {
  const locks = notices.map((notice) => `a region lock refuses calls: ${notice}`);
  const told = [formatFaults(faults, { color: false }), formatRefused(conditions, { color: false }), ...locks, ...remarks].filter((text) => text !== "");
  for (const text of told) console.error(text);
}
