import { createFileSource } from "../adapters/config/files.ts";
import { formatConditions, formatFaults } from "../adapters/config/report.ts";
import { nodePlatform } from "../adapters/knative/platform.ts";
import { compile } from "../src/index.ts";
import { EXIT } from "./exit.ts";
import { manifestPaths, parseOptions } from "./options.ts";
import { print, wantsColor } from "./terminal.ts";

const HELP = `usage: spillway check [--json] [DIR|FILE|-]...

Compiles manifests as serve would and says what is wrong, all of it at once, with file, line and what to write
instead; then the conditions of every object. Exit 1 when a manifest has a fault or a condition is False.

  --manifests  the same as naming the files (else SPILLWAY_MANIFESTS)
  --json       faults and conditions as JSON`;

/** `spillway check`. */
export async function runCheck(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    { manifests: { type: "string", multiple: true, short: "m" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    true,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const paths = manifestPaths([...positionals, ...(values.manifests ?? [])]);
  const compiled = compile(await createFileSource({ paths }).read(), nodePlatform());
  const refused = compiled.conditions.some((object) => object.conditions.some((condition) => condition.status === "False" && condition.type !== "Degraded"));
  const faulty = compiled.faults.some((fault) => fault.severity === "error");
  if (values.json === true) {
    print(JSON.stringify({ ok: !faulty && !refused, faults: compiled.faults, conditions: compiled.conditions }, null, 2));
  } else {
    const color = wantsColor(process.stdout);
    if (compiled.faults.length > 0) print(formatFaults(compiled.faults, { color }));
    if (compiled.conditions.length > 0) print(formatConditions(compiled.conditions, { color }));
    print(faulty || refused ? "check: faults found" : "check: good");
  }
  return faulty || refused ? EXIT.faults : EXIT.good;
}
