import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { Stages } from "../call/stages.ts";
import { find } from "../lib/header-list.ts";
import { UNKNOWN_USAGE, type Usage } from "../model/operation.ts";
import { weighBody } from "../policy/limits/body-weight.ts";
import type { UsageEstimate } from "../policy/limits/claim-amount.ts";
import { readOutputBound } from "../providers/read-output-bound.ts";

/** JSON of a conversation becomes about four times smaller by gzip. */
const COMPRESSION = 4;

/** Whether the call uses tokens: it asks a model for something, and not only how long a text is. */
export function usesTokens({ operation }: CallInFlight["routed"]): boolean {
  return operation.inference && operation.name !== "count_tokens";
}

/** What the call may use: its input by its bytes, its output by the caller's own bound. Looks at the whole body, so only what needs it asks. */
export function estimateUsage(stages: Stages, call: CallInFlight): UsageEstimate {
  const { routed, body } = call;
  const { operation } = routed;
  const blind = routed.handshake !== null;
  if (operation.name === "embeddings") return { inputTokens: inputTokens(stages, call), maxOutputTokens: 0, choices: 1, blind };
  const bound = operation.dialect === null && body.bytes !== null ? readOutputBound(body.bytes) : body.facts;
  return { inputTokens: inputTokens(stages, call), maxOutputTokens: bound?.maxOutputTokens ?? null, choices: bound?.choices ?? 1, blind };
}

/** Tokens of the request, by its bytes. */
function inputTokens({ tokenRatios }: Stages, { routed, body, record }: CallInFlight): number {
  const ratio = tokenRatios.of(record.requestedModel ?? "");
  if (body.bytes === null) return Math.ceil((routed.exchange.body.declaredLength ?? 0) / ratio);
  if (isCompressed(routed)) return Math.ceil((body.bytes.byteLength * COMPRESSION) / ratio);
  const { textBytes, opaqueTokens } = weighBody(body.bytes);
  return Math.ceil(textBytes / ratio) + opaqueTokens;
}

/** What a request was worth whose answer never came, although a destination may have begun it: its input. */
export function usageOfUnanswered(stages: Stages, call: CallInFlight): Usage | null {
  if (!usesTokens(call.routed) || call.routed.handshake !== null) return null;
  return { ...UNKNOWN_USAGE, inputTokens: inputTokens(stages, call), outputTokens: 0 };
}

/** Usage with estimates in the place of what the provider did not say; `spoken`: characters of the answer. Never less than what it said. */
export function completeUsage(stages: Stages, call: CallInFlight, told: Usage | null, spoken: number): Usage {
  const estimate = estimateUsage(stages, call);
  const most = estimate.maxOutputTokens === null ? Number.MAX_SAFE_INTEGER : estimate.maxOutputTokens * estimate.choices;
  const output = Math.min(most, Math.ceil(spoken / stages.tokenRatios.of(call.record.requestedModel ?? "")));
  return { ...(told ?? UNKNOWN_USAGE), inputTokens: told?.inputTokens ?? estimate.inputTokens, outputTokens: Math.max(told?.outputTokens ?? 0, output) };
}

/** Remembers how many tokens a provider counted, where nothing but text was sent. */
export function learnRatio({ tokenRatios }: Stages, { routed, body, record }: CallInFlight, tokens: number | null): void {
  if (tokens === null || body.bytes === null || isCompressed(routed)) return;
  const { textBytes, opaqueTokens } = weighBody(body.bytes);
  if (opaqueTokens === 0) tokenRatios.learn(record.requestedModel ?? "", textBytes, tokens);
}

function isCompressed({ exchange }: CallInFlight["routed"]): boolean {
  const encoding = find(exchange.headers, "content-encoding");
  return encoding !== null && encoding.toLowerCase() !== "identity";
}
