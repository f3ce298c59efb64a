import { rename, rm, writeFile } from "node:fs/promises";
import { createFileSource } from "../adapters/config/files.ts";
import { formatFaults, formatRefused } from "../adapters/config/report.ts";
import { BundleError, compile, writeBundle } from "../src/compiler.ts";
import { CliError, EXIT } from "./exit.ts";
import { fileFault } from "./file-fault.ts";
import { manifestPaths, parseOptions, parsePlatform } from "./options.ts";
import { print, wantsColor, warn } from "./terminal.ts";

const HELP = `usage: spillway compile --platform knative|lambda|workers -o FILE [--manifests DIR|FILE|-]... [DIR|FILE]...

Compiles manifests to a bundle, from which an instance starts without reading YAML: SPILLWAY_BUNDLE on Node and Lambda, built into
a Worker or kept in its KV namespace. A bundle holds no secret; manifests with the value of one are refused. It is read by the
release that wrote it. Exit 1 when the manifests have faults; refused objects are reported and keep answering with their refusal.

  --platform    where the bundle will run (default knative)
  -o, --output  the file to write; - for standard output
  --manifests   the same as naming the files (else SPILLWAY_MANIFESTS)
  --strict      exit 1, and write nothing, when any object would be refused
  --json        the result as JSON on standard output`;

/** `spillway compile`. */
export async function runCompile(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      platform: { type: "string" },
      output: { type: "string", short: "o" },
      manifests: { type: "string", multiple: true, short: "m" },
      strict: { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    true,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const { output } = values;
  if (output === undefined) throw new CliError("where to? say -o FILE, or -o - for standard output");
  if (output === "-" && values.json === true) throw new CliError("-o - and --json both want standard output");
  const platform = parsePlatform(values.platform);
  const compiled = compile(await createFileSource({ paths: manifestPaths([...positionals, ...(values.manifests ?? [])]) }).read(), platform);
  const color = wantsColor(process.stderr);
  const refused = formatRefused(compiled.conditions, { color });
  const tell = (ok: boolean, bytes: number): number => {
    if (values.json === true)
      print(JSON.stringify({ ok, output, bytes, snapshot: compiled.snapshot?.id ?? null, faults: compiled.faults, conditions: compiled.conditions }, null, 2));
    return ok ? EXIT.good : EXIT.faults;
  };
  if (values.json !== true) {
    if (compiled.faults.length > 0) warn(formatFaults(compiled.faults, { color }));
    if (refused !== "") warn(refused);
  }
  if (compiled.snapshot === null || (values.strict === true && refused !== "")) {
    if (values.json !== true) warn("spillway: nothing was written");
    return tell(false, 0);
  }
  const text = bundleText(() => writeBundle(compiled, platform));
  const bytes = Buffer.byteLength(text);
  if (output === "-") process.stdout.write(text);
  else {
    // Whole or not at all: an instance may be reading it.
    const draft = `${output}.${process.pid}.new`;
    try {
      await writeFile(draft, text);
      await rename(draft, output);
    } catch (error) {
      await rm(draft, { force: true });
      throw fileFault(output, "write", error);
    }
    if (values.json !== true) {
      warn(`spillway: ${output}: ${bytes} bytes, snapshot ${compiled.snapshot.id} for ${platform.name}`);
      if (refused !== "")
        warn("spillway: what is refused above is refused there too, and its calls are answered with an error; --strict writes no such bundle");
    }
  }
  return tell(true, bytes);
}

function bundleText(write: () => string): string {
  try {
    return write();
  } catch (error) {
    if (error instanceof BundleError) throw new CliError(error.message, EXIT.faults);
    throw error;
  }
}
