import { createFileSource } from "../adapters/config/files.ts";
import { readOneBundle } from "../adapters/knative/read-one-bundle.ts";
import type { Compiled } from "../src/index.ts";
import { prove, unattachedLocks } from "../src/offline.ts";
import { describeProof } from "./describe-proof.ts";
import { CliError, EXIT } from "./exit.ts";
import { parseOptions, parsePlatform, readManifests } from "./options.ts";
import { reportFaults } from "./report-faults.ts";
import { print, wantsColor } from "./terminal.ts";

const HELP = `usage: spillway prove [--as NAMESPACE/SERVICEACCOUNT] [DIR|FILE|-]... | --bundle FILE | --kubernetes

Says for every rule and every class of callers that the same locks bind: the countries that any request could reach, how each is known and
since when, and what is refused and why. It asks the very facts that the doors ask, so that no request gets further than it says. Exit 1 when something
in a lock rests on nothing: a destination of which nothing is known, facts that are too old, a policy or attestation that is not attached.

  --as          only callers of this namespace
  --manifests   the same as naming the files (else SPILLWAY_MANIFESTS)
  --bundle      a bundle that spillway compile made
  --kubernetes  the objects of a cluster
  --region      where the broker runs (a region or a country): what a lock that binds the broker or its secrets says of that
  --platform    where it would run: knative (default), lambda or workers
  --json        the proof as JSON, for auditors: docs/prove.md describes it`;

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const COUNTRY = /^[A-Z]{2}$/;

/** `spillway prove`. */
export async function runProve(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      as: { type: "string" },
      manifests: { type: "string", multiple: true, short: "m" },
      bundle: { type: "string" },
      kubernetes: { type: "boolean" },
      region: { type: "string" },
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
  const namespace = values.as === undefined ? null : namespaceOf(values.as);
  const given = [...positionals, ...(values.manifests ?? [])];
  if (values.bundle !== undefined && (given.length > 0 || values.kubernetes === true))
    throw new CliError("either --bundle or manifests: one of the two says what there is");
  const compiled = await read(values.bundle ?? null, values.kubernetes === true, given, values.platform);
  if (compiled.snapshot === null) return reportFaults(compiled, "prove", values.json === true);
  const proof = prove(compiled.snapshot, { now: Date.now(), here: values.region === undefined ? null : placeOf(values.region), namespace });
  const holes = [...proof.holes, ...unattachedLocks(compiled.conditions)];
  const ok = holes.length === 0;
  print(values.json === true ? JSON.stringify({ ok, ...proof, holes }, null, 2) : describeProof({ ...proof, holes }, wantsColor(process.stdout)));
  return ok ? EXIT.good : EXIT.faults;
}

async function read(bundle: string | null, isCluster: boolean, given: readonly string[], platformName: string | undefined): Promise<Compiled> {
  const platform = parsePlatform(platformName);
  if (bundle !== null) return readOneBundle(await createFileSource({ paths: [bundle] }).read(), platform);
  const { compile } = await import("../src/compiler.ts");
  return compile(await readManifests(isCluster, given), platform);
}

function namespaceOf(as: string): string {
  const [namespace = "", serviceAccount = null, ...more] = as.split("/");
  if (more.length > 0 || !NAME.test(namespace) || (serviceAccount !== null && !NAME.test(serviceAccount)))
    throw new CliError(`--as takes NAMESPACE/SERVICEACCOUNT or NAMESPACE, in lower case, not "${as}"`);
  return namespace;
}

function placeOf(region: string) {
  return COUNTRY.test(region) ? { region: null, country: region } : { region, country: null };
}
