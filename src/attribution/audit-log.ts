import { sha256Hex } from "../lib/sha-256.ts";
import type { AuditPorts } from "../model/audit.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { Clock, EventSink } from "../model/ports.ts";
import { type AuditHead, createAuditChain } from "./audit-chain.ts";
import { auditFacts, isAudited, mirrorFacts } from "./audit-facts.ts";
import { epochOf } from "./call-record.ts";

/** The audit log of one broker. Called behind the calls, never on their way. */
export interface AuditLog {
  /** Writes what there is to say of a settled call; `suppressed` as the denial limiter gives it: null, nothing. */
  settled(record: CallRecord, suppressed: number | null): void;
  /** Writes that a copy of the call was sent, or tried to be; behind the call, and perhaps after its own record. */
  mirrored(record: CallRecord, attempt: AttemptRecord): void;
  /** Notes a settled call that was dropped before it came here. */
  dropped(record: CallRecord): void;
  close(): void;
  head(): AuditHead;
}

export interface AuditLogOptions extends AuditPorts {
  readonly clock: Clock;
  readonly sink: EventSink;
  readonly log: ((line: string) => void) | null;
  readonly digest?: (text: string) => string;
}

/** Every record goes to the log and, as an event, to the sink; checkpoints are told in the broker's own log too. */
export function createAuditLog(options: AuditLogOptions): AuditLog {
  const { scope, clock, sink, log, digest = sha256Hex } = options;
  const chain = createAuditChain({
    ...options,
    digest,
    publish: (record) => sink.emit({ type: "audit", time: Date.parse(record.time), subject: record.instance, data: { ...record } }),
    anchor: ({ instance, seq, hash, lost }) =>
      log?.(JSON.stringify({ time: new Date(clock.now()).toISOString(), level: "info", msg: "audit head", instance, seq, hash, lost })),
  });
  return {
    settled(record, suppressed) {
      if (suppressed === null || !isAudited(record, scope)) return;
      const ended = epochOf(record, record.ended ?? record.started);
      chain.add("call", auditFacts(record, suppressed), record.snapshot, ended, !record.withheld.includes("events"));
    },
    mirrored(record, attempt) {
      if (isAudited(record, scope)) chain.add("mirror", mirrorFacts(record, attempt), record.snapshot, clock.now(), !record.withheld.includes("events"));
    },
    dropped(record) {
      if (isAudited(record, scope)) chain.lose(1);
    },
    close: chain.close,
    head: chain.head,
  };
}
