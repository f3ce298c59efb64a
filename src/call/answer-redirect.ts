import { authorityPort } from "../lib/authority-port.ts";
import type { Routed } from "../model/call.ts";
import type { CallRecord } from "../model/call-record.ts";
import type { RedirectRule } from "../model/snapshot.ts";
import { withCors } from "../routing/cors-headers.ts";
import { redirectLocation } from "../routing/redirect-location.ts";
import { chainAnswer } from "../transport/egress-region.ts";

/** Sends the caller itself elsewhere (RequestRedirect). */
export function answerRedirect(routed: Routed, redirectRule: RedirectRule, record: CallRecord): void {
  const { exchange, host, path, query, match, rule } = routed;
  const port = authorityPort(exchange.authority) ?? routed.listener.port;
  const location = redirectLocation(redirectRule, { scheme: exchange.scheme, host, port, path, query, match });
  const headers = ["location", location, "content-length", "0", "x-request-id", record.id, ...chainAnswer(record)];
  exchange.responder.reply(redirectRule.statusCode, rule.cors === null ? headers : withCors(rule.cors, exchange.headers, headers), null);
  record.status = redirectRule.statusCode;
  record.outcome = "ok";
}
