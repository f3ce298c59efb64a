import type { Compiled } from "../../src/index.ts";
import { formatFaults, formatRefused } from "../config/report.ts";

/** A refused manifest is seen in the log; its traffic gets the refusal. */
export function tellFaults({ faults, conditions }: Compiled): void {
  const told = [formatFaults(faults, { color: false }), formatRefused(conditions, { color: false })].filter((text) => text !== "");
  for (const text of told) console.error(text);
}
