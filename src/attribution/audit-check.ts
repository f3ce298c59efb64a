import { canonicalJson, type JsonValue } from "../lib/canonical-json.ts";
import { asCount, asObject, asString, parseJson } from "../lib/json-value.ts";
import { sha256Hex } from "../lib/sha-256.ts";
import { NO_HASH } from "../model/audit.ts";

/** What one chain amounts to. */
export interface AuditChainReport {
  readonly instance: string;
  /** Line of its first record. */
  readonly line: string;
  readonly release: string | null;
  readonly from: string;
  readonly to: string;
  readonly records: number;
  readonly calls: number;
  /** Records that the instance itself says it could not write. */
  readonly lost: number;
  /** Hash of its last record. */
  readonly head: string;
  readonly lastSeq: number;
  /** Ended properly. Else records behind the last one may be missing, and the chain alone cannot tell. */
  readonly closed: boolean;
  /** It goes on with a log that another instance began. */
  readonly continues: boolean;
}

/** Something that cannot be unless the log was changed, or a record of it is not here. */
export interface AuditFault {
  /** As it was given to `line`, such as `audit.log:7`. */
  readonly line: string;
  readonly instance: string | null;
  readonly seq: number | null;
  readonly what: string;
}

export interface AuditReport {
  readonly ok: boolean;
  readonly chains: readonly AuditChainReport[];
  /** In the order of the lines. After a chain's first fault the rest of that chain is read on from what its records say themselves. */
  readonly faults: readonly AuditFault[];
  /** Lines that are no audit records and were passed over. */
  readonly passedOver: number;
}

export interface AuditCheckOptions {
  /** Lines that are no audit records are passed over: for a log that holds other lines too. */
  readonly mixed: boolean;
  /** A head that was kept elsewhere: the log must hold this very record. */
  readonly heads: readonly { readonly instance: string; readonly seq: number; readonly hash: string }[];
}

/** Reads an audit log line by line. */
export interface AuditCheck {
  /** One line without its line end; `where` names it in faults. */
  line(text: string | null, where: string): void;
  /** Call once, after the last line. */
  end(): AuditReport;
}

interface Chain {
  readonly instance: string;
  readonly line: string;
  readonly from: string;
  release: string | null;
  to: string;
  records: number;
  calls: number;
  lost: number;
  head: string;
  seq: number;
  closed: boolean;
  continues: boolean;
}

const HASH = /^[0-9a-f]{64}$/;
const KINDS: ReadonlySet<string> = new Set(["genesis", "call", "mirror", "gap", "checkpoint", "close"]);
const EVENT_TYPE = "dev.spillway.audit.v1";
/** A log that is wrong from end to end need not be told of line by line. */
const MAX_FAULTS = 1_000;

/**
 * Checks hash, order and completeness of every chain in a log. Found: any record that was removed, edited, moved or put in between the first and the last
 * one of its chain. Not found by the chain alone: records missing behind the last one of a chain that was not closed, and a whole chain that is missing
 * and that nothing goes on from; for those, `heads`.
 */
export function createAuditCheck({ mixed, heads }: AuditCheckOptions): AuditCheck {
  const chains = new Map<string, Chain>();
  const faults: AuditFault[] = [];
  const found = new Set<string>();
  let passedOver = 0;
  /** Of the line before, whichever chain it belongs to. */
  let lastHash: string | null = null;

  const fault = (line: string, instance: string | null, seq: number | null, what: string): void => {
    if (faults.length < MAX_FAULTS) faults.push({ line, instance, seq, what });
  };

  function take(record: Readonly<Record<string, unknown>>, where: string, canonical: string | null): void {
    const [instance, seq, hash, previous] = [asString(record["instance"]), asCount(record["seq"]), asString(record["hash"]), asString(record["previous"])];
    const [kind, time, facts] = [asString(record["kind"]), asString(record["time"]), asObject(record["facts"])];
    if (instance === null || seq === null || hash === null || !HASH.test(hash) || previous === null || !HASH.test(previous) || facts === null) {
      fault(where, instance, seq, "this audit record is not whole");
      return;
    }
    if (kind === null || !KINDS.has(kind) || time === null) {
      fault(where, instance, seq, "this audit record is of no kind that is known");
      return;
    }
    const { hash: _own, ...body } = record;
    // `as`: it came out of JSON.parse.
    if (sha256Hex(canonicalJson(body as JsonValue)) !== hash) fault(where, instance, seq, "its content does not match its hash: it was edited");
    else if (canonical !== null && canonical !== canonicalJson(record as JsonValue)) {
      fault(where, instance, seq, "it is not written as the broker writes it: the line was edited");
    }
    const known = chains.get(instance) ?? null;
    if (known === null) begin({ instance, seq, hash, previous, kind, time }, where);
    else follow(known, { seq, previous, kind }, where);
    const chain = chains.get(instance);
    if (chain === undefined) return;
    lastHash = hash;
    chain.seq = seq;
    chain.head = hash;
    chain.to = time;
    chain.records += 1;
    if (kind === "genesis") chain.release = asString(facts["version"]);
    if (kind === "call") chain.calls += 1;
    if (kind === "gap") chain.lost += asCount(facts["lost"]) ?? 0;
    if (kind === "close") chain.closed = true;
    for (const head of heads) if (head.instance === instance && head.seq === seq && head.hash === hash) found.add(keyOf(head));
  }

  function begin(
    record: { readonly instance: string; readonly seq: number; readonly hash: string; readonly previous: string; readonly kind: string; readonly time: string },
    where: string,
  ): void {
    const { instance, seq, hash, previous, kind, time } = record;
    let continues = false;
    if (seq !== 0) fault(where, instance, seq, `the chain begins here with record ${seq}: ${count(seq, "record")} before it missing`);
    else if (kind !== "genesis") fault(where, instance, seq, "a chain begins with a genesis record, and this is none");
    else if (previous !== NO_HASH) {
      // Whoever goes on with a log looks at its last line.
      continues = previous === lastHash;
      if (!continues) fault(where, instance, seq, "it goes on with a log whose last record is not here: records before this line are missing");
    }
    const chain = { instance, line: where, from: time, release: null, to: time, records: 0, calls: 0, lost: 0, head: hash, seq, closed: false, continues };
    chains.set(instance, chain);
  }

  function follow(chain: Chain, record: { readonly seq: number; readonly previous: string; readonly kind: string }, where: string): void {
    const { seq, previous, kind } = record;
    const expected = chain.seq + 1;
    if (chain.closed) fault(where, chain.instance, seq, "the chain was closed before this record: it was put in");
    else if (seq > expected) fault(where, chain.instance, seq, `${count(seq - expected, "record")} missing before it (${expected} to ${seq - 1})`);
    else if (seq < expected) fault(where, chain.instance, seq, `record ${seq} comes after record ${chain.seq}: it was moved or put in`);
    else if (kind === "genesis") fault(where, chain.instance, seq, "a genesis record in the middle of a chain");
    else if (previous !== chain.head) fault(where, chain.instance, seq, "it does not follow the record before it: one of them was changed");
  }

  return {
    line(text, where) {
      const parsed = text === null ? undefined : parseJson(text);
      const object = asObject(parsed);
      const isEvent = object !== null && object["specversion"] !== undefined;
      const record = isEvent ? (object["type"] === EVENT_TYPE ? asObject(object["data"]) : null) : object;
      if (record !== null && KINDS.has(asString(record["kind"]) ?? "") && record["instance"] !== undefined) take(record, where, isEvent ? null : text);
      else if (mixed) passedOver += 1;
      else fault(where, null, null, text === null ? "this line is not UTF-8" : "this line is no audit record");
    },
    end() {
      for (const head of heads) {
        if (found.has(keyOf(head))) continue;
        fault("end", head.instance, head.seq, "the log does not hold this record, which was its head once: the log was cut off or changed");
      }
      const reports = [...chains.values()].map(({ seq, ...chain }): AuditChainReport => ({ ...chain, lastSeq: seq }));
      return { ok: faults.length === 0, chains: reports, faults, passedOver };
    },
  };
}

function keyOf(head: { readonly instance: string; readonly seq: number; readonly hash: string }): string {
  return `${head.instance} ${head.seq} ${head.hash}`;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? " is" : "s are"}`;
}
