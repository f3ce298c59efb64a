import { askBroker, asObject, brokerAddress, parsed, readToken } from "./ask-broker.ts";
import { describeStatus } from "./describe-status.ts";
import { CliError, EXIT } from "./exit.ts";
import { parseOptions } from "./options.ts";
import { print, wantsColor } from "./terminal.ts";

const HELP = `usage: spillway status [--url URL] [--token-file FILE] [--json]

Says how a running broker is: what serves, what is degraded, since when and why, what callers notice of it, and which section of the documentation says
what to do. It is the answer of one instance: behind a load balancer the next one may say otherwise. Asks with a credential of the Gateway's own namespace.

  --url             the broker (default SPILLWAY_URL, else http://127.0.0.1:8787)
  --token-file      a file that holds the credential (default: it stands in SPILLWAY_TOKEN)
  --json            the answer of /-/status as it is

exit status: 0 all is well, 1 something is degraded, not ready, or the broker gave no answer; 2 bad usage`;

/** `spillway status`. */
export async function runStatus(args: readonly string[]): Promise<number> {
  const { values } = parseOptions(
    args,
    { url: { type: "string" }, "token-file": { type: "string" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    false,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const asked = brokerAddress(values.url, "/-/status");
  const { answer, body } = await askBroker(asked, await readToken(values["token-file"] ?? null, asked));
  const status = asObject(parsed(body));
  const degraded = status["degraded"];
  if (answer.status !== 200 || !Array.isArray(degraded) || typeof status["ready"] !== "boolean")
    throw new CliError(`${asked.origin}${asked.pathname} answered ${answer.status}, not as a broker does: is --url right?`, EXIT.faults);
  const isWell = status["ready"] && degraded.length === 0;
  if (values.json === true) print(JSON.stringify({ ok: isWell, ...status }, null, 2));
  else print(describeStatus({ ...status, ready: status["ready"], degraded: degraded.map(asObject) }, Date.now(), wantsColor(process.stdout)));
  return isWell ? EXIT.good : EXIT.faults;
}
