import { noteRouted } from "../attribution/note-stages.ts";
import type { Received } from "../model/call.ts";
import type { CallRecord } from "../model/call-record.ts";
import { preflightHeaders } from "../routing/cors-headers.ts";
import { findPreflight } from "../routing/find-preflight.ts";

/** Answers a browser's preflight in the destination's place; false: it is none, or no CORS filter answers it. */
export function answerPreflight(received: Received, record: CallRecord): boolean {
  const rule = findPreflight(received);
  if (rule === null) return false;
  const { headers, responder } = received.exchange;
  noteRouted(record, { rule, lock: null }, null);
  record.status = 204;
  record.outcome = "ok";
  responder.reply(204, [...preflightHeaders(rule.cors, headers), "x-request-id", record.id], null);
  return true;
}
