import { formatFaults } from "../adapters/config/report.ts";
import type { Compiled } from "../src/index.ts";
import { EXIT } from "./exit.ts";
import { print, wantsColor, warn } from "./terminal.ts";

/** Says why a command that needs good manifests has nothing to tell, and gives its exit status. */
export function reportFaults({ faults }: Compiled, command: string, json: boolean): number {
  if (json) print(JSON.stringify({ ok: false, faults }, null, 2));
  else warn(formatFaults(faults, { color: wantsColor(process.stderr) }));
  warn(`spillway: these manifests have faults; ${command} tells of good ones only`);
  return EXIT.faults;
}
