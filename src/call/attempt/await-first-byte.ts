import { isGrpc } from "../../lib/grpc-protocol.ts";
import { find } from "../../lib/header-list.ts";
import { joinBytes, toBytes } from "../../lib/utf8.ts";
import type { Routed } from "../../model/call.ts";
import type { AttemptFailure, Outcome } from "../../model/outcome.ts";
import { wireOf } from "../../providers/wires.ts";
import { answerKind } from "../../stream/answer-kind.ts";
import { judgeFirstEvent } from "../../stream/first-event.ts";
import type { TranslatedCall } from "./translate-candidate.ts";

/** Closes an event whose server forgot to. */
const BLANK_LINE = toBytes("\n\n");
const EMPTY_STREAM: AttemptFailure = { kind: "protocol", message: "the stream ended before its first event" };

/** A head alone is no answer: a good status is held back until its first body byte, and a stream until its first event is no error. */
export async function awaitFirstByte(
  routed: Routed,
  answer: Extract<Outcome, { kind: "answer" }>,
  translated: TranslatedCall | null,
): Promise<{ readonly outcome: Outcome; readonly firstEventIsError: boolean }> {
  // The caller of a gRPC stream may wait for the head before it sends what the first byte answers.
  if (isGrpc(routed.exchange.protocol, routed.exchange.headers)) return { outcome: answer, firstEventIsError: false };
  if (answer.status < 200 || answer.status >= 300 || routed.method === "HEAD" || answer.status === 204) return { outcome: answer, firstEventIsError: false };
  const wire = routed.operation.dialect === null ? null : wireOf(routed.operation.dialect);
  const inspect = wire !== null && answerKind(answer.headers).eventStream && find(answer.headers, "content-encoding") === null;
  const other = translated?.stream === true ? translated.translator : null;
  const judgeFirst = (bytes: Uint8Array): "good" | "error" | "more" =>
    other !== null ? other.judgeFirst(bytes) : inspect ? judgeFirstEvent(wire, bytes) : "good";
  let seen = 0;
  for (;;) {
    const pending = answer.body.peek(seen);
    const peeked = pending instanceof Promise ? await pending : pending;
    const verdict = judgeFirst(peeked.ended ? joinBytes([peeked.bytes, BLANK_LINE]) : peeked.bytes);
    // A stream that ends without a single event is as broken as one that is reset there.
    const failure = peeked.failure ?? (peeked.ended && verdict === "more" ? EMPTY_STREAM : null);
    if (failure !== null) {
      answer.body.cancel();
      return { outcome: failure, firstEventIsError: false };
    }
    if (verdict !== "more") return { outcome: answer, firstEventIsError: verdict === "error" };
    seen = peeked.bytes.byteLength;
  }
}
