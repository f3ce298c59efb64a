import { close, fstatSync, openSync, readSync, write } from "node:fs";
import type { AuditPorts, DegradedPort } from "../../src/index.ts";
import { readAuditSettings } from "./audit-settings.ts";
import { createLogWriter } from "./log-writer.ts";
import { RELEASE } from "./release.ts";

/** The audit log of a Node process. */
export interface NodeAudit {
  readonly ports: AuditPorts;
  /** Resolves when all that was taken is written, or cannot be. */
  flush(): Promise<void>;
  /** Lines that the file did not take after all, such as on a full disk: the chain shows them as missing. */
  dropped(): number;
  close(): Promise<void>;
}

/** Characters that may wait for the disk. */
const MAX_WAITING = 4 * 1024 * 1024;
/** The end of a log that is looked at for its last record: more than a record can have. */
const TAIL_BYTES = 256 * 1024;
const NEWLINE = 0x0a;
const RECORD_HASH = /"hash":"([0-9a-f]{64})"/;

/**
 * The audit log that `SPILLWAY_AUDIT` and `SPILLWAY_AUDIT_LOG` ask for; null: none. A file is opened at once and only ever appended to; it belongs to one
 * process at a time. Throws when it cannot be opened. `log` is standard output.
 */
export function createNodeAudit(
  environment: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
  degraded: DegradedPort,
): NodeAudit | null {
  const hasSink = [environment["SPILLWAY_SINK"], environment["K_SINK"]].some((sink) => (sink?.trim() ?? "") !== "");
  const settings = readAuditSettings(environment, hasSink);
  if (settings === null) return null;
  const base = { scope: settings.scope, instance: crypto.randomUUID(), version: RELEASE };
  if (settings.log === null || settings.log === "-") {
    const toOutput = (line: string): boolean => {
      log(line);
      return true;
    };
    const ports: AuditPorts = { ...base, previous: null, write: settings.log === null ? null : toOutput };
    return { ports, flush: async () => undefined, dropped: () => 0, close: async () => undefined };
  }
  const { descriptor, previous, endsOpen } = openLog(settings.log);
  const writer = createLogWriter({
    write: (bytes, done) => write(descriptor, bytes, (error, written) => done(error, written)),
    maxCharacters: MAX_WAITING,
    onTaken: (isTaken) => {
      if (isTaken) degraded.leave("audit_log", "instance");
      else degraded.enter("audit_log", "instance", "dropped", { detail: `${writer.dropped()} lines were dropped` });
    },
  });
  // A process that was killed while it wrote left half a line: the next one must not be glued to it.
  if (endsOpen) writer.log("");
  const take = (line: string): boolean => {
    const before = writer.dropped();
    writer.log(line);
    return writer.dropped() === before;
  };
  return {
    ports: { ...base, previous, write: take },
    flush: writer.flush,
    dropped: writer.dropped,
    async close() {
      await writer.flush();
      await new Promise<void>((resolve) => close(descriptor, () => resolve()));
    },
  };
}

/** `previous` is the hash of the last record in the file; null: it has none that can be read. */
function openLog(path: string): { readonly descriptor: number; readonly previous: string | null; readonly endsOpen: boolean } {
  // Nobody but the broker's own user needs to read who called what.
  const descriptor = openSync(path, "a+", 0o600);
  const { size } = fstatSync(descriptor);
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const read = readSync(descriptor, tail, 0, tail.length, size - tail.length);
  const text = tail.subarray(0, read).toString("utf8");
  // The last whole one.
  const last = text.split("\n").findLast((line) => line.endsWith("}") && RECORD_HASH.test(line));
  return { descriptor, previous: RECORD_HASH.exec(last ?? "")?.[1] ?? null, endsOpen: read > 0 && tail[read - 1] !== NEWLINE };
}
