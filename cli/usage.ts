import type { UsageReport } from "../src/offline.ts";
import { askBroker, asObject, brokerAddress, parsed, readToken } from "./ask-broker.ts";
import { CliError, EXIT } from "./exit.ts";
import { parseOptions } from "./options.ts";
import { print, wantsColor } from "./terminal.ts";
import { describeUsage } from "./usage-table.ts";

const HELP = `usage: spillway usage [--by NAME,...] [--since WHEN] [--until WHEN] [--namespace NAME] [--json | --csv]

Says who used what: calls, errors, tokens and cost, as a running broker's usage ledger has them (docs/usage.md). Asks the broker at --url with a
credential of the Gateway's own namespace.

  --by              by what rows are told apart: namespace, serviceAccount, model, backend, region, hour, day
                    (default namespace,model)
  --since           how long ago (90m, 24h, 7d, 4w), a date or a date and time of RFC 3339 (default 24h). Up to 8 days
                    ago hours count, beyond it days (UTC)
  --until           where it ends (default now)
  --namespace       only this namespace; so too --service-account, --model, --backend, --region
  --gateway         only this Gateway, NAMESPACE/NAME
  --limit           rows at most (default 1000)
  --url             the broker (default SPILLWAY_URL, else http://127.0.0.1:8787)
  --token-file      a file that holds the credential (default: it stands in SPILLWAY_TOKEN)
  --json            the report as JSON
  --csv             the rows as CSV`;

/** Options that are handed on, by the parameter that each becomes. */
const PARAMETERS = {
  by: "by",
  since: "since",
  until: "until",
  namespace: "namespace",
  "service-account": "serviceAccount",
  model: "model",
  backend: "backend",
  region: "region",
  gateway: "gateway",
  limit: "limit",
} as const;
/** `spillway usage`. */
export async function runUsage(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseOptions(
    args,
    {
      by: text,
      since: text,
      until: text,
      namespace: text,
      "service-account": text,
      model: text,
      backend: text,
      region: text,
      gateway: text,
      limit: text,
      url: text,
      "token-file": text,
      json: { type: "boolean" },
      csv: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    false,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  if (values.json === true && values.csv === true) throw new CliError("either --json or --csv");
  const asked = brokerAddress(values.url, "/-/usage");
  const token = await readToken(values["token-file"] ?? null, asked);
  for (const [option, parameter] of entriesOf(PARAMETERS)) {
    const value = values[option] ?? (option === "by" ? "namespace,model" : undefined);
    if (value !== undefined) asked.searchParams.set(parameter, value);
  }
  asked.searchParams.set("format", values.csv === true ? "csv" : "json");
  const body = await ask(asked, token);
  if (values.csv === true) {
    process.stdout.write(body);
    return EXIT.good;
  }
  const report = readReport(body, asked);
  const width = process.stdout.isTTY ? (process.stdout.columns ?? null) : null;
  print(values.json === true ? JSON.stringify({ ok: true, ...report }, null, 2) : describeUsage(report, width, wantsColor(process.stdout)));
  return EXIT.good;
}

/** The body of a good answer; anything else is a `CliError` that says what to do. */
async function ask(asked: URL, token: string): Promise<string> {
  const { answer, body } = await askBroker(asked, token);
  const code = answer.headers.get("x-egress-error");
  const type = answer.headers.get("content-type") ?? "";
  if (answer.status === 200 && /^(?:application\/json|text\/csv)\b/.test(type)) return body;
  if (answer.status === 400 && code !== null) throw new CliError(parameterFault(body));
  if (answer.status === 503 && code !== null) throw new CliError("the store that keeps usage gave no answer; the broker's log may say why", EXIT.faults);
  throw new CliError(`${asked.origin}${asked.pathname} answered ${answer.status}, not as a broker that keeps usage does: is --url right?`, EXIT.faults);
}

function parameterFault(body: string): string {
  const { parameter, detail } = asObject(parsed(body));
  const [option] = entriesOf(PARAMETERS).find(([, name]) => name === parameter) ?? [];
  return `${option === undefined ? "the broker does not take this" : `--${option}`}: ${typeof detail === "string" ? detail : "it cannot be honoured"}`;
}

function readReport(body: string, asked: URL): UsageReport {
  const report = asObject(parsed(body));
  if (!Array.isArray(report["rows"]) || !Array.isArray(report["by"]) || typeof report["from"] !== "string" || report["total"] === undefined)
    throw new CliError(`${asked.origin}${asked.pathname} gave no report of usage: is --url right?`, EXIT.faults);
  return report as unknown as UsageReport; // what the page of this very release writes
}

function entriesOf<Name extends string, Value>(table: Readonly<Record<Name, Value>>): readonly (readonly [Name, Value])[] {
  return Object.entries(table) as unknown as readonly (readonly [Name, Value])[]; // the names of a table that is written out
}
