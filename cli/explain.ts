import { compile } from "../src/compiler.ts";
import { type ExplainRequest, type Explanation, explain } from "../src/offline.ts";
import { CliError, EXIT } from "./exit.ts";
import { parseOptions, parsePlatform, readManifests } from "./options.ts";
import { reportFaults } from "./report-faults.ts";
import { print } from "./terminal.ts";

const HELP = `usage: spillway explain --as NAMESPACE/SERVICEACCOUNT [--manifests DIR|FILE]... METHOD URL [-H 'Name: value']... [-d BODY]

Says what would happen to one call: who, which rule and why it wins, the candidates in order and why others are out,
which limits it is charged to. Nothing is sent and no secret is read. Exit 1 when the call would be refused.

  --as         the caller, as if it had proved itself
  --manifests  a file, a folder or - for standard input, as often as wanted (else SPILLWAY_MANIFESTS)
  --kubernetes the objects of a cluster instead of files
  -H, --header a request header, as often as wanted
  -d, --data   the request body; with it the method may be left out (POST)
  --platform   where it would run: knative (default), lambda or workers
  --json       the explanation as JSON

example: spillway explain --as team-a/assistant -m manifests/ POST http://llm.egress.local/v1/chat/completions -d '{"model":"smart"}'`;

/** As Kubernetes names namespaces and service accounts. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** `spillway explain`. */
export async function runExplain(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      as: { type: "string" },
      manifests: { type: "string", multiple: true, short: "m" },
      kubernetes: { type: "boolean" },
      header: { type: "string", multiple: true, short: "H" },
      data: { type: "string", short: "d" },
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
  if (values.as === undefined) throw new CliError("who calls? say --as NAMESPACE/SERVICEACCOUNT");
  const request = requestOf(values.as, positionals, values.header ?? [], values.data ?? null);
  const compiled = compile(await readManifests(values.kubernetes === true, values.manifests ?? []), parsePlatform(values.platform));
  if (compiled.snapshot === null) return reportFaults(compiled, "explain", values.json === true);
  const clock = { now: () => Date.now(), monotonic: () => performance.now(), after: () => () => {} };
  const explanation = explain(compiled.snapshot, request, clock, Math.random);
  print(values.json === true ? JSON.stringify(explanation, null, 2) : describe(explanation, request, values.as));
  return explanation.refusal === null ? EXIT.good : EXIT.faults;
}

function requestOf(as: string, positionals: readonly string[], headers: readonly string[], body: string | null): ExplainRequest {
  const [namespace = "", serviceAccount = null, ...more] = as.split("/");
  if (more.length > 0 || !NAME.test(namespace) || (serviceAccount !== null && !NAME.test(serviceAccount))) {
    throw new CliError(`--as takes NAMESPACE/SERVICEACCOUNT or NAMESPACE, in lower case, not "${as}"`);
  }
  const [first, second, ...surplus] = positionals;
  if (surplus.length > 0) throw new CliError(`one call at a time: METHOD URL, and then "${surplus.join(" ")}" is too much`);
  const method = second === undefined ? (body === null ? "GET" : "POST") : (first ?? "GET").toUpperCase();
  const address = second ?? first;
  if (address === undefined) throw new CliError("which call? say METHOD URL");
  if (second === undefined && METHODS.has(address)) throw new CliError(`which call? after ${address} comes the URL`);
  const url = URL.parse(address.includes("://") ? address : `http://${address.startsWith("/") ? `localhost${address}` : address}`);
  if (url === null) throw new CliError(`"${address}" is not a URL`);
  const list = headers.flatMap((header) => {
    const colon = header.indexOf(":");
    if (colon <= 0) throw new CliError(`a header is written 'Name: value', not "${header}"`);
    return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()];
  });
  return {
    caller: { namespace, serviceAccount },
    method,
    authority: url.host,
    scheme: url.protocol === "https:" ? "https" : "http",
    target: `${url.pathname}${url.search}`,
    headers: list,
    body,
  };
}

function describe(found: Explanation, request: ExplainRequest, as: string): string {
  const lines = [`call        ${request.method} ${request.authority}${request.target}`, `snapshot    ${found.snapshot}`];
  lines.push(`received    ${found.gateway === null ? "-" : `Gateway ${found.gateway}, listener ${found.listener}, operation ${found.operation}`}`);
  lines.push(`identified  ${as} (taken as proved)`);
  if (found.model !== null) lines.push(`model       ${found.model}`);
  if (found.rule !== null) lines.push(`routed      ${found.rule.id}`, `            ${found.rule.match}`, `            ${found.rule.why}`);
  for (const other of found.beaten) lines.push(`   beaten   ${other.id}: ${other.why}`, `            ${other.match}`);
  if (found.lock.length > 0) lines.push(`locked by   ${found.lock.map((policy) => `RegionPolicy ${policy}`).join(" and ")}`);
  if (found.preflight !== null) lines.push(`answers     204, a preflight, by the CORS filter of ${found.preflight.rule}`, ...corsLines(found.preflight));
  if (found.redirect !== null) lines.push(`answers     redirect ${found.redirect}`);
  for (const [index, candidate] of found.candidates.entries()) {
    const region = candidate.region.regions.length === 0 ? "no region" : candidate.region.regions.join(", ");
    lines.push(
      `${index === 0 ? "planned  " : "         "}${String(index + 1).padStart(2)} ${candidate.backend}  tier ${candidate.tier + 1}, ${candidate.host}, ${region}: ${candidate.region.reason}`,
    );
  }
  for (const other of found.excluded) lines.push(`     out    ${other.backend}: ${other.why}`);
  const { limits } = found;
  if (limits !== null) lines.push(`limits      ${limitsText(limits)}`, `retry       ${retryText(limits)}`);
  for (const [index, limit] of found.usageLimits.entries()) lines.push(`${index === 0 ? "counted by" : "          "}  ${usageLimitText(limit)}`);
  for (const mirror of found.mirrors) {
    const share = mirror.share === 1 ? "every call" : `${Number((mirror.share * 100).toFixed(3))}% of the calls`;
    lines.push(`mirrored to ${mirror.backend}: ${mirror.why === null ? share : `not this call: ${mirror.why}`}`);
  }
  if (found.cors !== null) lines.push(`cors        the answer may ${found.cors.allowed ? "" : "not "}be read by pages of ${found.cors.origin}`);
  if (found.refusal !== null) lines.push(`refused     ${found.refusal.status} ${found.refusal.code}: ${found.refusal.detail}`);
  return lines.join("\n");
}

function corsLines({ origin, allowed, headers }: NonNullable<Explanation["preflight"]>): readonly string[] {
  if (!allowed) return [`            pages of ${origin} may not call: the browser refuses`];
  return [`            pages of ${origin} may call`, ...headers.filter(([name]) => name !== "vary").map(([name, value]) => `            ${name}: ${value}`)];
}

function usageLimitText({ id, unit, amount, currency, window, account, backend, onExceeded }: UsageLimit): string {
  const counted =
    unit === "concurrency" ? `${amount} calls at the same time` : `${currency ?? amount} ${currency === null ? unit : amount}${windowText(window)}`;
  const whose =
    account.length === 0 ? "shared by all" : `for ${account.map(({ dimension, value }) => `${DIMENSION[dimension]} ${value || "(none)"}`).join(", ")}`;
  const when = backend === null || account.some(({ dimension }) => dimension === "backend") ? "" : `, when ${backend} is tried`;
  return `${id}: ${counted}, ${whose}${when}; beyond: ${BEYOND[onExceeded]}`;
}

function windowText(window: UsageLimit["window"]): string {
  if (window === null) return "";
  if (window.kind === "calendar") return ` each ${window.period} (${window.timeZone})`;
  const [unit = "s", ms = 1_000] = WINDOW_UNITS.find(([, length]) => window.ms % length === 0) ?? ["ms", 1];
  return ` in any ${window.ms / ms}${unit}`;
}

const WINDOW_UNITS: readonly (readonly [string, number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];
const DIMENSION: Readonly<Record<UsageLimit["account"][number]["dimension"], string>> = {
  namespace: "namespace",
  serviceAccount: "service account",
  workload: "workload",
  model: "model",
  route: "route",
  backend: "backend",
};
const BEYOND: Readonly<Record<UsageLimit["onExceeded"], string>> = { reject: "429", nextTier: "the next tier", shadow: "only told" };

type UsageLimit = Explanation["usageLimits"][number];

function limitsText({ requestMs, backendRequestMs }: Limits): string {
  const whole = requestMs === null ? "no limit for the whole call" : `${seconds(requestMs)} for the whole call`;
  return backendRequestMs === null ? whole : `${whole}, ${seconds(backendRequestMs)} for each try`;
}

function retryText({ retry }: Limits): string {
  if (retry === null) return "as the failover law says; the rule says nothing";
  const times = retry.attempts === null ? "the default number of times" : `at most ${retry.attempts} more ${retry.attempts === 1 ? "time" : "times"}`;
  const codes = retry.codes.length === 0 ? "" : `, also after ${retry.codes.join(", ")}`;
  return `${times}${codes}, at least ${seconds(retry.backoffMs)} between tries`;
}

type Limits = NonNullable<Explanation["limits"]>;

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}
