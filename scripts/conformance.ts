import { parseArgs } from "node:util";
import { type ConformanceCase, type ConformanceTest, readConformance } from "./conformance-cases.ts";
import { call, differences } from "./conformance-check.ts";
import { type EchoWorld, startEchoes } from "./conformance-echo.ts";
import { mirrorDifferences, weightDifferences } from "./conformance-shares.ts";
import { removeWorker, serveWorker, startOutside, whyNotOnWorkers, withoutHost, withoutServices } from "./conformance-workers.ts";
import { echoServices, nameOf, type RawManifest, readManifests, serveWorld, worldOf } from "./conformance-world.ts";

/**
 * Runs a folder of the Gateway API conformance suite's request tables against the built Node server, over sockets, with an echo server for
 * every Service: `npm run conformance -- DIR [--platform workers] [--feature NAME] [--test NAME] [--json] [--verbose]`. With `--platform workers`
 * it is workerd instead, and each Service an XBackend. Exit 1 when a case fails.
 */
interface Result {
  readonly test: string;
  readonly features: readonly string[];
  readonly passed: number;
  readonly skipped: number;
  /** Why the platform cannot run the test; null: it can. */
  readonly cannot: string | null;
  readonly failed: readonly { readonly name: string; readonly faults: readonly string[] }[];
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { feature: { type: "string" }, test: { type: "string" }, platform: { type: "string" }, json: { type: "boolean" }, verbose: { type: "boolean" } },
});
const [folder] = positionals;
const onWorkers = values.platform === "workers";
if (folder === undefined || (values.platform !== undefined && values.platform !== "knative" && !onWorkers)) {
  process.stderr.write("usage: npm run conformance -- DIR [--platform knative|workers] [--feature NAME] [--test NAME] [--json] [--verbose]\n");
  process.exit(2);
}

const { base, tests } = await readConformance(folder);
const chosen = tests.filter(
  ({ name, features }) => (values.test === undefined || name === values.test) && (values.feature === undefined || features.includes(values.feature)),
);
const results: Result[] = [];
for (const test of chosen) {
  results.push(await runTest(base, test));
  if (values.json !== true) printTest(results.at(-1) as Result); // as: just pushed
}
if (values.json === true) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
else printFeatures(results);
await removeWorker();
process.exit(results.some(({ failed }) => failed.length > 0) ? 1 : 0);

async function runTest(baseText: string, { name, features, manifests, cases, skipped }: ConformanceTest): Promise<Result> {
  const own = readManifests(manifests);
  const all = [...readManifests(baseText), ...own];
  const ownGateway = own.find((manifest) => manifest["kind"] === "Gateway");
  const failed: { name: string; faults: readonly string[] }[] = [];
  const cannot = onWorkers ? whyNotOnWorkers(features) : null;
  if (cannot !== null) return { test: name, features, passed: 0, skipped, cannot, failed };
  const services = echoServices(all);
  const outside = onWorkers ? await startOutside(services) : null;
  const echoes = outside ?? (await startEchoes(services));
  const world = onWorkers ? withoutServices(all, services) : all;
  const serve = (text: string) => (outside === null ? serveWorld(text) : serveWorker(text, outside.port));
  const gatewayOf = ({ gateway }: ConformanceCase) => gateway ?? (ownGateway === undefined ? "" : nameOf(ownGateway));
  for (const gateway of new Set(cases.map(gatewayOf))) {
    const calls = cases.filter((one) => gatewayOf(one) === gateway);
    const server = await serve(worldOf(world, gateway, echoes.addresses)).catch((error: unknown) => String(error));
    if (typeof server === "string") {
      failed.push(...calls.map((one) => ({ name: titleOf(one), faults: [server] })));
      continue;
    }
    if (values.verbose === true) process.stderr.write(server.report);
    for (const one of calls) {
      const faults = await runCase(server.url, name, onWorkers ? withoutHost(one) : one, own, echoes).catch((error: unknown) => [String(error)]);
      if (faults.length > 0) failed.push({ name: titleOf(one), faults });
    }
    await server.stop();
  }
  await echoes.close();
  return { test: name, features, passed: cases.length - failed.length, skipped, cannot, failed };
}

async function runCase(url: string, test: string, one: ConformanceCase, own: readonly RawManifest[], echoes: EchoWorld): Promise<readonly string[]> {
  const faults = differences(one, await call(url, one));
  if (faults.length > 0) return faults;
  if (test === "HTTPRouteWeight") return weightDifferences(url, one, own);
  return mirrorDifferences(url, one, echoes);
}

function titleOf({ TestCaseName, Request }: ConformanceCase): string {
  return TestCaseName ?? `${Request.Method ?? "GET"} ${Request.Host ?? ""}${Request.Path ?? "/"}`;
}

function printTest({ test, passed, failed, skipped, cannot }: Result): void {
  if (cannot !== null) {
    process.stdout.write(`skip  ${test}: ${cannot}\n`);
    return;
  }
  const word = failed.length > 0 ? "FAIL" : passed === 0 ? "skip" : "pass";
  const left = skipped === 0 ? "" : `, ${skipped} not data`;
  process.stdout.write(`${word}  ${test}: ${passed} of ${passed + failed.length}${left}\n`);
  for (const { name, faults } of failed) process.stdout.write(`        ${name}: ${faults.join("; ")}\n`);
}

function printFeatures(all: readonly Result[]): void {
  process.stdout.write("\n");
  for (const feature of [...new Set(all.flatMap(({ features }) => features))].sort()) {
    const of = all.filter(({ features }) => features.includes(feature));
    const failed = of.reduce((sum, one) => sum + one.failed.length, 0);
    const passed = of.reduce((sum, one) => sum + one.passed, 0);
    process.stdout.write(`${feature}: ${passed} passed, ${failed} failed, ${of.reduce((sum, one) => sum + one.skipped, 0)} not data\n`);
  }
}
