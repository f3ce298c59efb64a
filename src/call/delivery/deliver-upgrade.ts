import { redactor } from "../../credentials/redact.ts";
import { find, remove } from "../../lib/header-list.ts";
import type { CallRecord } from "../../model/call-record.ts";
import { Refusal } from "../../model/errors.ts";
import type { JoiningEnd } from "../../model/exchange.ts";
import type { Answer, UpgradedSender } from "../../model/outcome.ts";
import { editHeaders } from "../../routing/edit-headers.ts";
import { forwardableResponseHeaders } from "../../transport/response-headers.ts";
import type { CallInFlight } from "../attempt/attempt.ts";
import { brokenOff } from "../backend-turn.ts";
import type { Won } from "../find-answer.ts";
import type { Stages } from "../stages.ts";
import { brokerHeaders } from "./broker-headers.ts";

/** Silence both ways that ends a WebSocket, where `streamIdle` is not longer: most servers and clients ping each other every half minute. */
const IDLE_MS = 300_000;

/** A 101 has no body (RFC 9110 section 15.2), and whoever believed in one would read frames as such. */
const FRAMING: ReadonlySet<string> = new Set(["content-length"]);

/** Stage 9 of a WebSocket: the two connections are joined, and what passes is nobody's business. No other candidate can be tried any more. */
export async function deliverUpgrade(stages: Stages, call: CallInFlight, won: Won, answer: Answer, sender: UpgradedSender): Promise<void> {
  const { routed, record } = call;
  const { joiner } = routed.exchange;
  if (joiner === null) {
    answer.body.cancel();
    throw new Refusal("internal_error", { detail: "The destination changed the protocol of a call that asked for no such thing." });
  }
  const { target, health } = won.cleared;
  let passed = remove(forwardableResponseHeaders(answer.headers, true), FRAMING);
  const upstreamId = find(answer.headers, "x-request-id");
  if (upstreamId !== null) passed = [...passed, "x-egress-upstream-request-id", upstreamId];
  // The head is the last that can be looked at.
  if (won.lease !== null) passed = redactor(won.lease.secret).headers(passed);
  const { streamIdleMs } = target.backend.timeouts;
  record.status = answer.status;
  const ended = await joiner.join({
    headers: editHeaders(editHeaders(passed, routed.rule.responseHeaders), target.responseHeaders).concat(brokerHeaders(call, won, answer)),
    body: answer.body,
    sender,
    idleMs: streamIdleMs === null ? null : Math.max(streamIdleMs, IDLE_MS),
    onFirstByte: () => {
      record.firstByte = stages.clock.monotonic();
    },
  });
  record.responseBytes = ended.bytes;
  record.requestBytes = ended.bytesSent;
  record.outcome = OUTCOMES[ended.kind];
  if (ended.kind !== "upstream_failed") {
    stages.health.succeeded(target.backend.key, routed.caller.namespace);
    return;
  }
  stages.health.failed(target.backend.key, routed.caller.namespace, brokenOff(health));
  won.attempt.outcome = ended.failure?.kind ?? "reset";
}

/** Silence is an end as good as any other: nobody was in the middle of a word. */
const OUTCOMES: Readonly<Record<JoiningEnd["kind"], CallRecord["outcome"]>> = {
  complete: "ok",
  idle: "ok",
  caller_gone: "caller_gone",
  upstream_failed: "truncated",
  cut: "truncated",
};
