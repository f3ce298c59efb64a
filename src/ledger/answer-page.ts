import { writeCsv } from "../lib/csv.ts";
import type { PageAnswer, PageRequest } from "../model/ledger-page.ts";
import type { LimitRule } from "../model/limit.ts";
import type { Clock } from "../model/ports.ts";
import { type Incident, type UsageStore, UsageStoreError } from "../model/usage-store.ts";
import { limitStandings, type ReadAccount, untouchedLimits } from "./limit-standings.ts";
import { ParameterFault, readCount, readParameters, readWord } from "./page-parameters.ts";
import { reportTable, reportUsage } from "./usage-report.ts";
import { readUsageRequest } from "./usage-request.ts";

/** What the pages are made of. */
export interface LedgerSources {
  readonly clock: Clock;
  /** `namespace/name` of every Gateway. */
  readonly gateways: () => readonly string[];
  readonly stores: (gateway: string) => UsageStore | Promise<UsageStore>;
  /** The rules in force. */
  readonly rules: () => readonly LimitRule[];
  readonly readAccount: ReadAccount;
  /** Tells the stores what this instance still has to tell, so that whoever asks sees their own calls. */
  readonly flush: (signal: AbortSignal) => Promise<void>;
}

/** For the whole answer, and what of it may go into telling first. Milliseconds. */
const ANSWER_MS = 10_000;
const FLUSH_MS = 1_000;

/** Answers a request for a page. Never rejects. */
export async function answerPage(request: PageRequest, sources: LedgerSources): Promise<PageAnswer> {
  const late = new AbortController();
  const cancel = sources.clock.after(ANSWER_MS, () => late.abort(new UsageStoreError("the store took too long")));
  try {
    return await readPage(request, sources, late.signal);
  } catch (error) {
    if (error instanceof ParameterFault)
      return problem(400, "request_malformed", "A parameter cannot be honoured", error.message, { parameter: error.parameter });
    // What a store says of itself is for the log of the store.
    return problem(503, "limits_unavailable", "The store that keeps usage gave no answer", "It is asked anew with the next request.");
  } finally {
    cancel();
  }
}

async function readPage(request: PageRequest, sources: LedgerSources, signal: AbortSignal): Promise<PageAnswer> {
  switch (request.page) {
    case "usage":
      return usage(request, sources, signal);
    case "incidents":
      return incidents(request, sources, signal);
    case "limits":
      return limits(request, sources, signal);
  }
}

async function usage({ search, accept }: PageRequest, sources: LedgerSources, signal: AbortSignal): Promise<PageAnswer> {
  const now = sources.clock.now();
  const asked = readUsageRequest(search, now);
  const gateways = chosen(asked.gateway, sources);
  await flushBriefly(sources);
  const { from, to, interval, format } = asked;
  const found = await Promise.all(gateways.map(async (realm) => (await sources.stores(realm)).usage({ realm, interval, from, to }, signal)));
  const report = reportUsage(found.flat(), asked, now);
  if (format === "json" || (format === null && !/\btext\/csv\b/i.test(accept))) return json(report);
  return {
    status: 200,
    headers: {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": 'attachment; filename="usage.csv"',
      "cache-control": "no-store",
      vary: "accept",
    },
    body: writeCsv(reportTable(report)),
  };
}

async function incidents({ search }: PageRequest, sources: LedgerSources, signal: AbortSignal): Promise<PageAnswer> {
  const parameters = readParameters(search, ["kind", "namespace", "gateway", "limit"]);
  const kind = readWord(parameters, "kind", ["denied", "failover"]);
  const namespace = parameters.get("namespace") ?? null;
  const limit = readCount(parameters, "limit", MAX_INCIDENTS, 100);
  const gateways = chosen(parameters.get("gateway") ?? null, sources);
  await flushBriefly(sources);
  const found = await Promise.all(gateways.map(async (realm) => (await sources.stores(realm)).incidents(realm, MAX_INCIDENTS, signal)));
  const wanted = found
    .flat()
    .filter((incident) => (kind === null || incident.kind === kind) && (namespace === null || incident.namespace === namespace))
    .sort((one, other) => other.time - one.time);
  return json({ incidents: wanted.slice(0, limit).map(shownIncident) });
}

/** So many are kept of each Gateway. */
const MAX_INCIDENTS = 500;

function shownIncident(incident: Incident): object {
  return { ...incident, time: new Date(incident.time).toISOString() };
}

async function limits({ search }: PageRequest, sources: LedgerSources, signal: AbortSignal): Promise<PageAnswer> {
  const parameters = readParameters(search, ["gateway", "limit"]);
  const most = readCount(parameters, "limit", 10_000, 1_000);
  const gateways = chosen(parameters.get("gateway") ?? null, sources);
  await flushBriefly(sources);
  const rules = sources.rules();
  const found = await Promise.all(
    gateways.map(async (realm) => {
      const accounts = await (await sources.stores(realm)).accounts(realm, most + 1, signal);
      return limitStandings(realm, accounts, rules, sources.readAccount, sources.clock.now());
    }),
  );
  const all = found.flat();
  const untouched = untouchedLimits(gateways, all, rules);
  return json({
    limits: all.slice(0, most),
    untouched: untouched.slice(0, most),
    truncated: all.length > most || untouched.length > most,
  });
}

function chosen(gateway: string | null, sources: LedgerSources): readonly string[] {
  const all = sources.gateways();
  if (gateway === null) return all;
  if (!all.includes(gateway)) throw new ParameterFault("gateway", `There is no such Gateway here; there are ${all.join(", ") || "none"}.`);
  return [gateway];
}

async function flushBriefly({ clock, flush }: LedgerSources): Promise<void> {
  const late = new AbortController();
  const cancel = clock.after(FLUSH_MS, () => late.abort());
  await flush(late.signal);
  cancel();
}

function json(value: object): PageAnswer {
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "no-store", vary: "accept" }, body: JSON.stringify(value) };
}

function problem(status: number, code: string, title: string, detail: string, more: object = {}): PageAnswer {
  return {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", "x-egress-error": code },
    body: JSON.stringify({ type: "about:blank", title, status, code, detail, ...more }),
  };
}
