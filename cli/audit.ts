import { createReadStream } from "node:fs";
import { type AuditReport, createAuditCheck } from "../src/offline.ts";
import { CliError, EXIT } from "./exit.ts";
import { fileFault } from "./file-fault.ts";
import { parseOptions } from "./options.ts";
import { print } from "./terminal.ts";

const HELP = `usage: spillway audit verify FILE... [--mixed] [--head INSTANCE:SEQ:HASH]... [--strict] [--json]

Checks audit logs (SPILLWAY_AUDIT_LOG), one record a line, or CloudEvents dev.spillway.audit.v1 as JSON, one a line: every record's hash,
and that it follows the one before. Names the first line that is wrong, gaps, and instances that came and went. Several files are read as one log, in the
order given; - is standard input. Exit 1 when a record was removed, edited, moved or put in.

A log that was cut off at its end shows only against a head that was kept elsewhere: /-/status and the lines "audit head" of the
broker's own log tell of it.

  --mixed   the log holds other lines too, such as standard output does: they are passed over
  --head    the log must hold this record; as often as wanted
  --strict  exit 1 for gaps that the broker itself tells of, and for chains without a proper end, too
  --json    the whole report as JSON`;

const HEAD = /^(.+):(\d{1,15}):([0-9a-f]{64})$/;
const NEWLINE = 0x0a;
/** Far more than a record has; what is longer is no record, and is not kept. */
const MAX_LINE_BYTES = 1024 * 1024;

/** `spillway audit`. */
export async function runAudit(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      mixed: { type: "boolean" },
      head: { type: "string", multiple: true },
      strict: { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    true,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const [command, ...files] = positionals;
  if (command !== "verify") throw new CliError(`audit knows one command, verify${command === undefined ? "" : `, not "${command}"`}`);
  if (files.length === 0) throw new CliError("which log? say audit verify FILE, or - for standard input");
  const check = createAuditCheck({ mixed: values.mixed === true, heads: (values.head ?? []).map(headOf) });
  for (const file of files) await readLog(file, check.line);
  const report = check.end();
  const weak = report.chains.some((chain) => chain.lost > 0 || !chain.closed);
  // A log without a single record proves nothing.
  const ok = report.ok && report.chains.length > 0 && !(values.strict === true && weak);
  print(values.json === true ? JSON.stringify({ ...report, ok }, null, 2) : describe(report, ok));
  return ok ? EXIT.good : EXIT.faults;
}

function headOf(text: string): { readonly instance: string; readonly seq: number; readonly hash: string } {
  const [, instance, seq, hash] = HEAD.exec(text) ?? [];
  if (instance === undefined || hash === undefined) throw new CliError(`--head is INSTANCE:SEQ:HASH, not "${text}"`);
  return { instance, seq: Number(seq), hash };
}

/** Line by line: a log may be larger than memory. */
async function readLog(file: string, onLine: (text: string | null, where: string) => void): Promise<void> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const name = file === "-" ? "standard input" : file;
  let parts: Buffer[] = [];
  let length = 0;
  let number = 0;
  const finish = (): void => {
    number += 1;
    const bytes = Buffer.concat(parts);
    parts = [];
    length = 0;
    if (bytes.length > 0) onLine(textOf(decoder, bytes), `${name}:${number}`);
  };
  const stream = file === "-" ? process.stdin : createReadStream(file);
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        if (length < MAX_LINE_BYTES) parts.push(bytes.subarray(start, end));
        finish();
        start = end + 1;
      }
      if (start === bytes.length || length >= MAX_LINE_BYTES) continue;
      parts.push(bytes.subarray(start));
      length += bytes.length - start;
    }
  } catch (error) {
    throw fileFault(name, "read", error);
  }
  if (length > 0) finish();
}

function textOf(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

const SHOWN = 20;

function describe(report: AuditReport, ok: boolean): string {
  const lines: string[] = [];
  for (const [index, chain] of report.chains.entries()) {
    if (index > 0) lines.push("");
    lines.push(
      `instance  ${chain.instance}, release ${chain.release ?? "unknown"}${chain.continues ? ", goes on with the log before it" : ""}`,
      `          ${chain.records} records of ${chain.calls} calls from ${chain.line} on, ${chain.from} to ${chain.to}`,
      `          head ${chain.instance}:${chain.lastSeq}:${chain.head}`,
    );
    if (chain.lost > 0) lines.push(`          gap: the broker could not write ${chain.lost} records, and says so itself`);
    if (!chain.closed) lines.push("          not closed: records behind the last one may be missing; --head with a head that was kept elsewhere shows it");
  }
  if (report.passedOver > 0) lines.push("", `passed over ${report.passedOver} lines that are no audit records`);
  if (report.faults.length > 0) {
    lines.push("");
    for (const { line, seq, what } of report.faults.slice(0, SHOWN)) lines.push(`${line}: ${seq === null ? "" : `record ${seq}: `}${what}`);
    if (report.faults.length > SHOWN) lines.push(`and ${report.faults.length - SHOWN} more: --json tells all`);
  }
  const first = report.faults[0];
  if (lines.length > 0) lines.push("");
  if (report.chains.length === 0 && first === undefined) lines.push("audit: there is no record in it");
  else lines.push(ok ? "audit: good" : `audit: broken${first === undefined ? "" : `, first at ${first.line}`}`);
  return lines.join("\n");
}
