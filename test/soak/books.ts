import { type Call, isWhole } from "./calls.ts";
import type { Reply } from "./client.ts";
import type { Instance, LoggedCall } from "./instance.ts";
import { OPERATOR_KEY, usageOf } from "./tenants.ts";

/** Of a call that is over, what the books must show. */
interface Entry {
  readonly call: Call;
  readonly instance: Instance;
  readonly whole: boolean;
  /** It got a head, so the broker had it; one that is turned away for load costs no record. */
  readonly reached: boolean;
}

/** Compares what was answered with what the brokers say that they settled. */
export interface Books {
  add(call: Call, instance: Instance, reply: Reply): void;
  /** An instance was killed now: what it settled in the last moment may be lost. */
  killed(instance: Instance, at: number): void;
  /** Sentences about what is missing, too much or different; empty: all adds up. */
  close(asked: Instance): Promise<{ readonly faults: readonly string[]; readonly tokens: number; readonly lostByKill: number; readonly mayBeLost: number }>;
}

interface Sum {
  requests: number;
  input: number;
  output: number;
  estimated: number;
}

/** What a broker has told the store by then at the latest: it does so once a second, and this machine may be busy. */
const FLUSH_MS = 1_500;

export function createBooks(): Books {
  const entries: Entry[] = [];
  const kills: { readonly instance: Instance; readonly at: number }[] = [];

  return {
    add: (call, instance, reply) =>
      void entries.push({ call, instance, whole: isWhole(call, reply), reached: reply.status !== null && reply.code !== "overloaded" }),
    killed: (instance, at) => void kills.push({ instance, at }),
    async close(asked) {
      const faults: string[] = [];
      const instances = new Set(entries.map(({ instance }) => instance));
      const lines = [...instances].flatMap((instance) => [...instance.logged.values()].map((line) => ({ line, instance })));
      const logged = new Set(lines.map(({ line }) => line.requestId));
      const wasKilled = new Set(kills.map(({ instance }) => instance));
      let unlogged = 0;
      for (const { call, instance, whole, reached } of entries) {
        const line = instance.logged.get(call.requestId);
        if (line === undefined) {
          if (!logged.has(call.requestId)) {
            if (wasKilled.has(instance)) unlogged += 1;
            else if (reached) faults.push(`${call.requestId} (${call.kind}) was answered and is in no log`);
          }
        } else if (whole && call.plan.chunks > 0) faults.push(...wrongLine(call, line));
      }
      // What the books must hold, and what they may hold besides.
      const must = new Map<string, Sum>();
      const may = new Map<string, Sum>();
      for (const { line, instance } of lines) {
        const doubtful = kills.some((kill) => kill.instance === instance && line.readAt > kill.at - FLUSH_MS && line.readAt < kill.at + 1_000);
        add(doubtful ? may : must, line);
      }
      const ledger = await settledLedger(
        asked,
        [...must.values()].reduce((sum, one) => sum + one.requests, 0),
      );
      let tokens = 0;
      let ledgerRequests = 0;
      for (const key of new Set([...must.keys(), ...ledger.keys()])) {
        const least = must.get(key) ?? emptySum();
        const more = may.get(key) ?? emptySum();
        const row = ledger.get(key) ?? emptySum();
        tokens += row.input + row.output;
        ledgerRequests += row.requests;
        const lost = kills.length > 0 ? unlogged : 0;
        if (row.requests < least.requests || row.requests > least.requests + more.requests + lost)
          faults.push(`ledger ${key}: ${row.requests} calls, the log has ${least.requests}${more.requests > 0 ? ` to ${least.requests + more.requests}` : ""}`);
        // An estimate is in the ledger and not in the log: where there is one, the sum may be more, never less.
        const open = row.estimated > 0 || more.requests > 0 || lost > 0;
        for (const kind of ["input", "output"] as const)
          if (row[kind] < least[kind] || (!open && row[kind] !== least[kind]))
            faults.push(`ledger ${key}: ${row[kind]} tokens of ${kind}, the log has ${least[kind]}${open ? " at least" : ""}`);
      }
      const all = [...must.values(), ...may.values()].reduce((sum, one) => sum + one.requests, 0);
      const mayBeLost = [...may.values()].reduce((sum, one) => sum + one.requests, 0);
      return { faults, tokens, lostByKill: Math.max(0, all - ledgerRequests), mayBeLost };
    },
  };
}

function wrongLine({ requestId, kind, plan }: Call, line: LoggedCall): readonly string[] {
  const { input, output } = usageOf(plan);
  if (line.input === input && line.output === output && !line.estimated) return [];
  return [
    `${requestId} (${kind}): the destination reported ${input} and ${output} tokens, the log has ${line.input} and ${line.output}${line.estimated ? ", estimated" : ""}`,
  ];
}

const emptySum = (): Sum => ({ requests: 0, input: 0, output: 0, estimated: 0 });

function add(sums: Map<string, Sum>, line: LoggedCall): void {
  const key = `${line.namespace}|${line.model}`;
  const sum = sums.get(key) ?? emptySum();
  sum.requests += 1;
  if (line.estimated) sum.estimated += 1;
  else {
    sum.input += line.input;
    sum.output += line.output;
  }
  sums.set(key, sum);
}

/** What `/-/usage` says, once it holds so many calls, or after fifteen seconds. Throws where it never answers: an unread ledger is no empty one. */
async function settledLedger(instance: Instance, requests: number): Promise<ReadonlyMap<string, Sum>> {
  // Clocks were ahead for a while: what was settled then is of an hour to come.
  const until = new Date(Date.now() + 3 * 3_600_000).toISOString();
  let rows: ReadonlyMap<string, Sum> | null = null;
  let status = 0;
  for (let tries = 0; tries < 30; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${instance.port}/-/usage?since=2d&until=${until}&by=namespace,model&limit=1000`, {
      headers: { authorization: `Bearer ${OPERATOR_KEY}` },
    });
    status = answer.status;
    if (answer.ok) {
      const page = (await answer.json()) as {
        rows: { namespace: string; model: string; requests: number; inputTokens: number; outputTokens: number; estimated: number }[];
      }; // our own page
      rows = new Map(
        page.rows.map((row) => [
          `${row.namespace}|${row.model}`,
          { requests: row.requests, input: row.inputTokens, output: row.outputTokens, estimated: row.estimated },
        ]),
      );
      if ([...rows.values()].reduce((sum, one) => sum + one.requests, 0) >= requests) break;
    } else await answer.body?.cancel();
    await new Promise((settle) => setTimeout(settle, 500));
  }
  if (rows === null) throw new Error(`the ledger could not be read: /-/usage answered ${status}`);
  return rows;
}
