import { readFileSync } from "node:fs";
import type { BundleName, Weights } from "./bundle-weights.ts";
import { closureOf, findInstalled, nameOf, readLockfile, readProject, runtimePackages } from "./lockfile.ts";
import { ALLOWED_LICENCES, INSTALL_SCRIPTS, REASONS } from "./reasons.ts";

/** By path in the lockfile, as `npm run dependencies` found them. */
export function readWeights(): Readonly<Record<string, Weights>> {
  return JSON.parse(readFileSync(new URL("weights.json", import.meta.url), "utf8")) as Record<string, Weights>; // written by measure.ts
}

/** What B22 counts. `core`: packages of the core with all that they bring; `scripts`: install scripts among them. */
export function countPackages(): { readonly core: readonly string[]; readonly worker: readonly string[]; readonly scripts: readonly string[] } {
  const lockfile = readLockfile();
  const direct = Object.keys(readProject().dependencies).filter((name) => REASONS[name]?.part === "core");
  const core = [...new Set(direct.flatMap((name) => closureOf(lockfile, `node_modules/${name}`)))];
  return {
    core: core.map(nameOf),
    worker: Object.entries(readWeights()).flatMap(([path, { worker = 0 }]) => (worker > 0 ? nameOf(path) : [])),
    scripts: core.filter((path) => lockfile.packages[path]?.hasInstallScript === true).map(nameOf),
  };
}

/** What follows the hand-written beginning of docs/dependencies.md: the tables. */
export function dependenciesReference(): string {
  const { core, worker, scripts } = countPackages();
  const all = runtimePackages(readLockfile());
  const licences = new Map<string, number>();
  for (const [, { license = "unknown" }] of all) licences.set(license, (licences.get(license) ?? 0) + 1);
  return [
    "## Counts\n",
    "| what | packages | which |",
    "|---|---|---|",
    `| the core, with everything that it brings | ${core.length} | ${listed(core)} |`,
    `| in the Worker's bundle | ${worker.length} | ${listed(worker)} |`,
    `| install scripts in the core | ${scripts.length} | ${listed(scripts)} |`,
    `| all runtime dependencies, with everything that they bring | ${all.length} | below |`,
    "",
    "## The core\n",
    table("core"),
    "## Connectors\n",
    "Each is loaded where a manifest or a variable names its system, and at no other time.\n",
    table("connector"),
    "## Licences\n",
    `Of the ${all.length} packages, as they say themselves. Allowed are ${ALLOWED_LICENCES.join(", ")}; a test fails at any other.\n`,
    "| licence | packages |",
    "|---|---|",
    ...[...licences].sort(([, one], [, other]) => other - one).map(([licence, count]) => `| ${licence} | ${count} |`),
    "",
    "## Install scripts\n",
    "All that there are, in development too. npm runs those that `allowScripts` in package.json allows.\n",
    "| package | runs | why |",
    "|---|---|---|",
    ...Object.entries(INSTALL_SCRIPTS).map(([name, { runs, reason }]) => `| ${name} | ${runs ? "yes" : "no"} | ${reason} |`),
    "",
  ].join("\n");
}

function table(part: "core" | "connector"): string {
  const lockfile = readLockfile();
  const { dependencies } = readProject();
  const weights = readWeights();
  const head = [
    "| package | what for | loaded | licence | brings | on disk | Node: start | Node: all | Lambda | Worker |",
    "|---|---|---|---|---|---|---|---|---|---|",
  ];
  const rows = Object.entries(REASONS).flatMap(([name, { part: ofThis, reason, loaded }]) => {
    const path = findInstalled(lockfile, "", name);
    if (ofThis !== part || path === null) return [];
    const closure = closureOf(lockfile, path);
    // What is a dependency of the project itself has a line of its own.
    const brought = closure.filter((one) => one !== path && !(`node_modules/${nameOf(one)}` === one && nameOf(one) in dependencies));
    const sum = (of: BundleName | "disk"): string => kibibytes([path, ...brought].reduce((bytes, one) => bytes + (weights[one]?.[of] ?? 0), 0));
    const { version = "", license = "unknown" } = lockfile.packages[path] ?? {};
    const cells = [`${name} ${version}`, reason, loaded, license, brought.length, sum("disk"), sum("start"), sum("node"), sum("lambda"), sum("worker")];
    return [`| ${cells.join(" | ")} |`];
  });
  return `${[...head, ...rows].join("\n")}\n`;
}

const listed = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

function kibibytes(bytes: number): string {
  return bytes === 0 ? "-" : bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
