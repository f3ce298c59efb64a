import { BAD_WHEN_TRUE, formatConditions, formatFaults, formatRefused } from "../adapters/config/report.ts";
import { type Compiled, compile } from "../src/compiler.ts";
import { EXIT } from "./exit.ts";
import { parseOptions, parsePlatform, readManifests } from "./options.ts";
import { print, wantsColor } from "./terminal.ts";

const HELP = `usage: spillway check [--json] [DIR|FILE|-]... | --kubernetes

Compiles manifests as serve would and says what is wrong, all of it at once: faults with file, line and what to write
instead, and objects that would be refused. Exit 1 when there is an error, or an object that would be refused.

  --manifests   the same as naming the files (else SPILLWAY_MANIFESTS)
  --kubernetes  the objects of a cluster instead (KUBECONFIG, else the pod's service account, else ~/.kube/config)
  --platform    where they will run: knative (default), lambda or workers
  --conditions  every condition of every object, the good ones too
  --json        all faults and all conditions as JSON`;

/** `spillway check`. */
export async function runCheck(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      manifests: { type: "string", multiple: true, short: "m" },
      kubernetes: { type: "boolean" },
      conditions: { type: "boolean" },
      platform: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    true,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const platform = parsePlatform(values.platform);
  const compiled = compile(await readManifests(values.kubernetes === true, [...positionals, ...(values.manifests ?? [])]), platform);
  const refused = compiled.conditions.some((object) =>
    object.conditions.some((condition) => condition.status === "False" && !BAD_WHEN_TRUE.has(condition.type)),
  );
  const faulty = compiled.faults.some((fault) => fault.severity === "error");
  if (values.json === true) {
    print(JSON.stringify({ ok: !faulty && !refused, faults: compiled.faults, conditions: compiled.conditions }, null, 2));
  } else {
    const color = wantsColor(process.stdout);
    if (compiled.faults.length > 0) print(formatFaults(compiled.faults, { color }));
    const told = values.conditions === true ? formatConditions(compiled.conditions, { color }) : formatRefused(compiled.conditions, { color });
    if (told !== "") print(told);
    print(`check: ${faulty || refused ? "faults found" : "good"}${summary(compiled)}`);
  }
  return faulty || refused ? EXIT.faults : EXIT.good;
}

/** What the manifests amount to, for the eye: a forgotten file shows in the counts. */
function summary({ snapshot, conditions, faults }: Compiled): string {
  if (snapshot === null) return ` (${count(faults.filter((fault) => fault.severity === "error").length, "error")}; nothing else was looked at)`;
  const objects = new Set(conditions.map((object) => `${object.kind} ${object.namespace} ${object.name}`)).size;
  const rules = new Set(snapshot.gateways.flatMap((gateway) => gateway.listeners.flatMap((listener) => listener.routes.rules.map((rule) => rule.id)))).size;
  const counts = [count(objects, "object"), count(snapshot.gateways.length, "Gateway"), count(rules, "rule"), count(snapshot.backends.size, "usable backend")];
  return ` (${counts.join(", ")})`;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? "" : "s"}`;
}
