/**
 * Breaks each rule of the last door on purpose, in a copy of the sources, and asks that a test fails each time: a rule that nobody would miss is
 * a rule that nobody holds. `node scripts/mutate-door.ts [PART OF A NAME]`; exit 1 when a break goes unseen.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const ROOT = resolve(import.meta.dirname, "..");
const FAST = ["test/security/region-door.test.ts", "test/security/transport-door.test.ts"];
const WHOLE = ["test/pipeline/door.test.ts", "test/laws/region-door.test.ts"];
const at =
  (file: string) =>
  (name: string, from: string, to: string): Mutation => ({ name, file: `src/${file}`, from, to });
const weigh = at("model/weigh.ts");
const door = at("transport/locate/locate.ts");
const view = at("transport/locate/viewed-request.ts");
const bedrock = at("transport/locate/bedrock.ts");
const vertex = at("transport/locate/vertex.ts");
const openai = at("transport/locate/openai.ts");
const anthropic = at("transport/locate/anthropic.ts");
const azure = at("transport/locate/azure.ts");
const fixed = at("transport/locate/fixed-host.ts");
const content = at("transport/locate/content-fault.ts");
const answer = at("transport/locate/answer-fault.ts");
const prepare = at("transport/locate/prepare-locked.ts");

const MUTATIONS: readonly Mutation[] = [
  weigh(
    "an unknown place is inside",
    'if (located.countries === null || located.evidence === "none") return located.reason;',
    "if (located.countries === null) return null;",
  ),
  weigh(
    "one country inside is enough",
    "countries.every((country) => constraint.countries.has(country))",
    "countries.some((country) => constraint.countries.has(country))",
  ),
  weigh("weak evidence counts", "if (STRENGTH[located.evidence] < STRENGTH[constraint.minimumEvidence])", "if (STRENGTH[located.evidence] < 0)"),
  weigh("facts never grow old", "if (age <= constraint.maxAgeMs", "if (age <= Number.POSITIVE_INFINITY"),
  door("Host may name another", "if (view.host !== view.hostname) return unknownPlace", "if (view.host === null) return unknownPlace"),
  door("a custom host may front a provider", "if (view.host !== view.hostname && providerOf(view.host) !== null)", "if (view.host === null)"),
  door("a WebSocket is as good as a call", "if (view.upgraded)", "if (view.upgraded && view.host === null)"),
  door("dots in the path", 'segment === "" || segment === "." || segment === ".."', "segment === null"),
  door("escapes in the path", "return escapes.every((one)", "return escapes.some((one)"),
  door("parameters in the path", "if (/[;\\\\#\\s]/.test(path))", "if (/[\\\\#\\s]/.test(path))"),
  door("any query", "if (view.parameters.some((name) => !rule.parameters.has(name)) ||", "if ("),
  door("a parameter twice", " || new Set(view.parameters).size < view.parameters.length)", ")"),
  door(
    "a body that cannot be read",
    'if (body === "unreadable") return unknownPlace(',
    'if (body === "unreadable") return rule.reach(view.hostname, attestations)[0] ?? unknownPlace(',
  ),
  door("a private authority proves the host", "if (genuine) return place;", "if (genuine || place.regions.length > 0) return place;"),
  door("the label overrules a provider", "return (attestable ? attestedPlace", "return (attestable || located.countries === null ? attestedPlace"),
  door("content does not matter", "return contentOf(view, attestations, rule.fieldsOf(view)) ?? provenPlace", "return provenPlace"),
  view("duplicate keys", "return JSON.stringify(parsed) === text ? parsed", 'return JSON.stringify(parsed) !== "" ? parsed'),
  view("compressed bodies", '(encoding !== null && encoding.toLowerCase() !== "identity")', "(encoding !== null && false)"),
  view("any content type", "(type !== null && !isJsonType(type))", "(type !== null && false)"),
  view("any port", "origin.port !== 443 ||", ""),
  view("a certificate authority of one's own", "tls.ca !== null ||", ""),
  view("a server name of one's own", "|| tls.serverName !== origin.hostname", ""),
  bedrock("global profiles", ".some((part) => BEDROCK_FACTS.neverPrefixes.has(part))", '.some((part) => part === "")'),
  bedrock("profiles without attestation", "BEDROCK_FACTS.vendors.has(prefix) ? inRegion(region)", 'prefix !== "" ? inRegion(region)'),
  bedrock("profiles from another source region", "(profile.sourceRegion === null || profile.sourceRegion === region)", "true"),
  at("transport/locate/attested-place.ts")("unknown destinations", "if (known === null) return null;", "if (known === null) continue;"),
  bedrock("an ARN of another region", "if (arnRegion !== region)", 'if (arnRegion === "")'),
  bedrock("every ARN stays in its region", 'service === "bedrock" && BEDROCK_FACTS.regionalArnTypes.has(type)', 'service === "bedrock" && type !== ""'),
  bedrock("guardrails by header", "if (find(headers, GUARDRAIL_HEADER) !== null &&", 'if (find(headers, GUARDRAIL_HEADER) === "" &&'),
  bedrock("every operation", 'segments.length !== 3 || root !== "model" || !VERBS.has(verb)', 'root !== "model"'),
  vertex("host and path may disagree", "if (asked.location !== host)", 'if (asked.location === "")'),
  vertex("the global location", 'host === "global" || asked.location === "global"', "false"),
  vertex("every model", "if (!listed && !attestations.some", "if (listed === null && !attestations.some"),
  vertex("a model in the body of countTokens", 'request.body?.["model"] !== undefined', "request.body === undefined"),
  openai("every path", "if (known === undefined) return denied", "if (known === null) return denied"),
  openai("every model", "if (model === null || !isDocumented(model, region, attestations))", "if (model === null)"),
  openai(
    "storage is processing",
    "return OPENAI_FACTS.storageOnly.has(label)\n        ? unproven(",
    'return OPENAI_FACTS.storageOnly.has(label)\n        ? placeOf("eu", attestations) ?? unproven(',
  ),
  openai("a plain host is the US", "return project === null\n    ? denied(", 'return project === null\n    ? placeOf("us", attestations) ?? denied('),
  anthropic("inference_geo may say anything", "if (body[ANTHROPIC_FACTS.field] !== ANTHROPIC_FACTS.value)", "if (body[ANTHROPIC_FACTS.field] === undefined)"),
  anthropic("older models", "(major === since.major && minor >= since.minor)", "major === since.major"),
  anthropic("every path", "path !== MESSAGES || body === null", "body === null"),
  azure("every SKU", 'kind === "never") return null', "kind === undefined) return null"),
  azure("a data zone in Switzerland", "return countries.every((country) => union.includes(country)) ? {", "return union.length > 0 ? {"),
  azure("the body may name another deployment", "return model === undefined || model === fromPath ? fromPath : null", "return fromPath"),
  fixed("hosts that go anywhere", 'host.place === "never") return denied', 'host.provider === "") return denied'),
  fixed("every model of a regional host", "(host.models !== null && !host.models.includes(model))", "false"),
  fixed("models that search", 'if (model.endsWith(":online"))', 'if (model === ":online")'),
  content("server tools", "if (name !== null && !allowed.tools.has(name))", 'if (name === "" && !allowed.tools.has(name))'),
  content("unknown fields", "if (fields !== null && !fields.has(name) && !tells(name))", "if (fields === undefined)"),
  content("addresses to fetch", "if (!TELLING.urls.has(plain)) return null;", 'if (name !== "") return null;'),
  content("stored state", "if (!allowed.storedState && TELLING.state.has(plain))", 'if (!allowed.storedState && name === "")'),
  content("guardrails in the body", "if (!allowed.guardrails && TELLING.guardrails.has(plain))", 'if (!allowed.guardrails && name === "")'),
  content("asking to store", 'plain === "store" || plain === "background"', 'plain === "background"'),
  content("names like tools", 'under === "" && LIKE_TOOLS.test(name)', "under === null"),
  content("endless depth", "if (depth > MAX_DEPTH)", "if (depth < 0)"),
  answer(
    "an answer that says another place",
    'if (read.said === "error" || read.said === ANTHROPIC_FACTS.value) return null;',
    "if (read.said !== null) return null;",
  ),
  answer(
    "an answer that says nothing",
    'if (read.said === "error" || read.said === ANTHROPIC_FACTS.value) return null;',
    'if (read.said === "error" || read.said === null || read.said === ANTHROPIC_FACTS.value) return null;',
  ),
  answer("x-ms-region", "return inside ? null : violated", 'return inside || located.rule !== "" ? null : violated'),
  answer("data_residency_mismatch", "return read.said === MISMATCH ?", 'return read.said === "" ?'),
  prepare(
    "inference_geo is the caller's",
    "{ ...rest, [ANTHROPIC_FACTS.field]: ANTHROPIC_FACTS.value }",
    "{ [ANTHROPIC_FACTS.field]: ANTHROPIC_FACTS.value, ...rest }",
  ),
  prepare("the caller's workspace", "const { workspace_id: _, ...rest } = parsed;", "const rest = parsed;"),
  at("transport/locate/withheld-headers.ts")("the caller's project", '  "openai-project",\n', ""),
  at("transport/send.ts")("a denied request is sent", 'if (evidence.decision === "deny")', 'if (evidence.decision === "unlocked")'),
  at("plan/judge.ts")(
    "a denied request ends the call",
    'return input.isLast ? stop(input, found, null) : { action: "next", reason, health };',
    "return stop(input, found, null);",
  ),
  at("config/region-attestations.ts")("anybody attests", "if (!gatewayNamespaces.has(namespaceOf(manifest)))", "if (gatewayNamespaces.size < 0)"),
];

function run(folder: string, files: readonly string[]): boolean {
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const options = { cwd: folder, encoding: "utf8", timeout: 240_000, env: { ...process.env, SPILLWAY_FUZZ: "60000" } } as const;
  return spawnSync(process.execPath, [vitest, "run", "--bail", "1", ...files], options).status === 0;
}

const wanted = process.argv[2] ?? "";
const folder = mkdtempSync(join(tmpdir(), "spillway-mutants-"));
let unseen = 0;
try {
  for (const part of ["src", "test", "adapters", "cli", "package.json", "tsconfig.json", "vitest.config.ts"])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { name, file, from, to } of MUTATIONS) {
    if (!`${file} ${name}`.includes(wanted)) continue;
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    if (text.split(from).length < 2) {
      console.log(`GONE    ${file}: ${name}: the text that would be broken is not there any more`);
      unseen += 1;
      continue;
    }
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
    const seen = !run(folder, FAST) || !run(folder, WHOLE);
    writeFileSync(path, text);
    console.log(`${seen ? "caught " : "UNSEEN "} ${file}: ${name}`);
    if (!seen) unseen += 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(unseen === 0 ? "every break was caught" : `${unseen} were not caught`);
process.exitCode = unseen === 0 ? 0 : 1;
