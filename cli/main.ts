import { existsSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { CliError, EXIT } from "./exit.ts";
import { print } from "./terminal.ts";

declare const SPILLWAY_VERSION: string;

const HELP = `spillway: an egress broker configured with Kubernetes Gateway API manifests

usage: spillway <command> [options]

  serve     serve the manifests as a Node server (Knative, a Deployment, a laptop)
  check     say what is wrong with manifests, and what each object's conditions are
  compile   make a bundle from which an instance starts without reading YAML
  explain   say what would happen to one call, and why
  prove     say which countries any call could reach, how that is known, and what is refused
  usage     say who used what: calls, tokens and cost, as a running broker's ledger has them
  status    say what of a running broker is degraded, since when and why
  regions   ask providers where they process, and keep the answers as RegionAttestations
  audit     check an audit log: that no record was removed, edited, moved or put in
  key       make the key by which one broker knows another

  spillway <command> --help tells each command's options
  spillway --version

exit status: 0 good, 1 faults found, 2 bad usage`;

const COMMANDS = ["serve", "check", "compile", "explain", "prove", "usage", "status", "regions", "audit", "key"] as const;

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "serve":
      return (await import("./serve.ts")).runServe(rest);
    case "check":
      return (await import("./check.ts")).runCheck(rest);
    case "compile":
      return (await import("./compile.ts")).runCompile(rest);
    case "explain":
      return (await import("./explain.ts")).runExplain(rest);
    case "prove":
      return (await import("./prove.ts")).runProve(rest);
    case "usage":
      return (await import("./usage.ts")).runUsage(rest);
    case "status":
      return (await import("./status.ts")).runStatus(rest);
    case "regions":
      return (await import("./regions.ts")).runRegions(rest);
    case "audit":
      return (await import("./audit.ts")).runAudit(rest);
    case "key":
      return (await import("./key.ts")).runKey(rest);
    case "--version":
    case "-v":
      print(SPILLWAY_VERSION);
      return EXIT.good;
    case undefined:
    case "help":
    case "--help":
    case "-h":
      print(HELP);
      return command === undefined ? EXIT.usage : EXIT.good;
    default:
      throw new CliError(`there is no command "${command}": use ${COMMANDS.slice(0, -1).join(", ")} or ${COMMANDS.at(-1)}`, EXIT.usage, {
        word: command,
        known: COMMANDS,
      });
  }
}

/** What the compiler proposes for fields serves for words of the command line too; it is heavy, and loaded for a mistake only. */
async function wordMeant({ word, known }: NonNullable<CliError["mistaken"]>): Promise<string | null> {
  const { didYouMean } = await import("../src/compiler.ts");
  return didYouMean(word, known);
}

// What the build has compiled already lies beside this file; another Node than that of the build passes it over. NODE_COMPILE_CACHE names another place.
const compiled = join(import.meta.dirname, "compile-cache");
if (process.env["NODE_COMPILE_CACHE"] === undefined && existsSync(compiled)) enableCompileCache(compiled);

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  async (error: unknown) => {
    const isUsage = error instanceof CliError;
    const told = error instanceof Error ? error.message : String(error);
    const meant = isUsage && error.mistaken !== null ? await wordMeant(error.mistaken) : null;
    const message = meant === null ? told : `${told}; did you mean ${meant}?`;
    process.stderr.write(`spillway: ${message}\n`);
    // Whoever asked for JSON gets it for the failure too.
    if (process.argv.includes("--json")) print(JSON.stringify({ ok: false, error: message }));
    // Files may be watched and sockets open already: nothing of that may keep a process that has failed.
    process.exit(isUsage ? error.exitCode : EXIT.faults);
  },
);
