import { canonicalJson } from "../lib/canonical-json.ts";
import { type AuditFacts, type AuditKind, type AuditPorts, type AuditRecord, NO_HASH } from "../model/audit.ts";
import type { Clock } from "../model/ports.ts";

/** Milliseconds between two checkpoints of a chain that grows. */
const CHECKPOINT_MS = 60_000;

export interface AuditChainOptions extends Omit<AuditPorts, "scope"> {
  readonly clock: Clock;
  /** SHA-256 of UTF-8 text in hex, at once. */
  readonly digest: (text: string) => string;
  /** Gets every record that was written, beside the log. */
  readonly publish: (record: AuditRecord) => void;
  /** Told of each checkpoint: a head that is kept elsewhere shows when the log is cut off behind it. */
  readonly anchor: (head: AuditHead) => void;
}

/** How far a chain has come. `seq` is that of its last record; -1: there is none. */
export interface AuditHead {
  readonly instance: string;
  readonly seq: number;
  readonly hash: string;
  /** Records that could not be written, all in all. */
  readonly lost: number;
}

/** The hash chain of one instance, oldest record first. Nothing here waits. */
export interface AuditChain {
  /** Adds a record; `snapshot` is what served the call. `isTold` false: it stands in the log, and is not published. */
  add(kind: "call" | "mirror", facts: AuditFacts, snapshot: string, time: number, isTold?: boolean): void;
  /** Notes records that never came here: the chain tells of them before its next record. */
  lose(amount: number): void;
  /** Ends the chain, so that whoever reads it knows that nothing is missing at its end. A chain without records is not begun for it. */
  close(): void;
  head(): AuditHead;
}

/** Begins with the first record that is added: an instance that has nothing to tell leaves nothing. */
export function createAuditChain(options: AuditChainOptions): AuditChain {
  const { clock, digest, instance, version, write, publish, anchor } = options;
  const startedAt = clock.now();
  let seq = -1;
  let hash = options.previous ?? NO_HASH;
  let unwritten = 0;
  let lost = 0;
  let lastCheckpoint = clock.monotonic();
  let closed = false;

  /** False: there was no room, and the chain stands where it stood. */
  function append(kind: AuditKind, facts: AuditFacts, time: number, isTold = true): boolean {
    const body = { kind, instance, seq: seq + 1, time: new Date(time).toISOString(), previous: hash, facts };
    const next = digest(canonicalJson(body));
    const record: AuditRecord = { ...body, hash: next };
    if (write !== null && !write(canonicalJson({ ...record }))) return false;
    seq += 1;
    hash = next;
    if (isTold) publish(record);
    return true;
  }

  const head = (): AuditHead => ({ instance, seq, hash, lost });

  function lose(amount: number): void {
    unwritten += amount;
    lost += amount;
  }

  function checkpoint(): void {
    const now = clock.monotonic();
    if (now - lastCheckpoint < CHECKPOINT_MS) return;
    if (!append("checkpoint", { records: seq + 1, lost }, clock.now())) return;
    lastCheckpoint = now;
    anchor(head());
  }

  /** What must stand before the next record; false: there is no room even for that. */
  function prepare(snapshot: string): boolean {
    if (seq < 0 && !append("genesis", { version, snapshot, startedAt: new Date(startedAt).toISOString() }, clock.now())) return false;
    if (unwritten === 0) return true;
    if (!append("gap", { lost: unwritten }, clock.now())) return false;
    unwritten = 0;
    return true;
  }

  return {
    head,
    lose,
    add(kind, facts, snapshot, time, isTold = true) {
      if (closed || !prepare(snapshot) || !append(kind, facts, time, isTold)) {
        lose(1);
        return;
      }
      checkpoint();
    },
    close() {
      if (closed) return;
      closed = true;
      // A chain that could write nothing still tries to say how much it lost.
      if (seq < 0 && unwritten === 0) return;
      if (prepare("none")) append("close", { records: seq + 1, lost }, clock.now());
      anchor(head());
    },
  };
}
