/**
 * One line of the audit log. Every record carries the hash of the one before it and its own: SHA-256 of its canonical JSON (RFC 8785) without `hash`,
 * so that a line that is removed, edited, moved or put in shows (`attribution/audit-check.ts`). No prompt, no answer, no secret.
 */
export interface AuditRecord {
  readonly kind: AuditKind;
  /** Unique to one running broker: a process, an isolate, a Lambda environment. */
  readonly instance: string;
  /** From 0, without gaps. */
  readonly seq: number;
  /** RFC 3339 with milliseconds. */
  readonly time: string;
  /** Hash of the record before, in hex; of a genesis record what stood last in the log that it goes on, or 64 zeros. */
  readonly previous: string;
  readonly hash: string;
  readonly facts: AuditFacts;
}

/**
 * `genesis` begins a chain, `call` tells of one call, `mirror` of a copy of one that was sent, `gap` of records that could not be written, `checkpoint` of how far the chain has come, `close`
 * of its proper end.
 */
export type AuditKind = "genesis" | "call" | "mirror" | "gap" | "checkpoint" | "close";

export type AuditValue = string | number | boolean | null | readonly AuditValue[] | AuditFacts;

export interface AuditFacts {
  readonly [name: string]: AuditValue;
}

/** `previous` of a chain that follows nothing. */
export const NO_HASH = "0".repeat(64);

/** Which calls are told of: those under a region lock and those that were denied, or all. */
export type AuditScope = "locked" | "all";

/** What a platform gives so that there is an audit log. */
export interface AuditPorts {
  readonly scope: AuditScope;
  /** Unique to this running broker. */
  readonly instance: string;
  /** The broker's release. */
  readonly version: string;
  /** Hash of the last record in the log that is gone on with; null: it is a new one. */
  readonly previous: string | null;
  /** Takes one line without its line end. Never waits, never throws; false: there is no room, and the record counts as lost. Null: records go to the event sink only. */
  readonly write: ((line: string) => boolean) | null;
}
