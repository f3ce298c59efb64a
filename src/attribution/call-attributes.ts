import { authorityPort } from "../lib/authority-port.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import { isDenial } from "../model/is-denial.ts";
import type { LimitVerdict } from "../model/limit.ts";
import type { OperationName } from "../model/operation.ts";
import { unitsOf } from "./cost-units.ts";
import { decisionOf } from "./lock-evidence.ts";
import { ATTRIBUTE, type GenAiConventions, LATEST_CACHE_WRITE_TOKENS, OTHER } from "./semconv.ts";

/** Attributes of a span, as OpenTelemetry takes them. */
export type SpanAttributes = Record<string, string | number | boolean | string[]>;

const KNOWN_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

/** The GenAI conventions' word for an operation; null where they have none, and the call is then described as HTTP only. */
const GENAI_OPERATION: Readonly<Record<OperationName, string | null>> = {
  chat: "chat",
  completions: "text_completion",
  responses: "chat",
  messages: "chat",
  embeddings: "embeddings",
  count_tokens: null,
  models: null,
  realtime: null,
  converse: "chat",
  invoke_model: "generate_content",
  generate_content: "generate_content",
  other: null,
};

/** The GenAI conventions' word for what a call asks for; null: they have none. */
export function genAiOperation(record: CallRecord): string | null {
  return GENAI_OPERATION[record.operation.name];
}

/** The method, or `_OTHER` for one that HTTP does not know. */
export function knownMethod(method: string): string {
  return KNOWN_METHODS.has(method) ? method : OTHER;
}

/** Name of the span of a call or, with the model that was sent, of an attempt: `chat gpt-5`, `tools/call search` or `GET team-a/search`. */
export function spanName(record: CallRecord, model: string | null): string {
  if (record.mcp !== null) return record.mcp.target === null ? record.mcp.method : `${record.mcp.method} ${record.mcp.target.name}`;
  const operation = genAiOperation(record);
  if (operation !== null) return model === null ? operation : `${operation} ${model}`;
  const method = KNOWN_METHODS.has(record.method) ? record.method : "HTTP";
  return record.route === "" ? method : `${method} ${record.route}`;
}

/** What is known of a call while it goes on: who asks for what, and by which rule. */
export function requestAttributes(record: CallRecord): SpanAttributes {
  const attributes: SpanAttributes = {
    [ATTRIBUTE.requestId]: record.id,
    [ATTRIBUTE.urlPath]: record.path,
    [ATTRIBUTE.urlScheme]: record.scheme,
  };
  putAuthority(attributes, record.authority);
  putMethod(attributes, record.method);
  put(attributes, ATTRIBUTE.clientAddress, record.remoteAddress);
  put(attributes, ATTRIBUTE.userAgent, record.userAgent);
  put(attributes, ATTRIBUTE.snapshot, record.snapshot);
  put(attributes, ATTRIBUTE.gateway, record.gateway);
  put(attributes, ATTRIBUTE.listener, record.listener);
  put(attributes, ATTRIBUTE.egressRoute, record.route);
  put(attributes, ATTRIBUTE.route, record.route);
  put(attributes, ATTRIBUTE.rule, record.rule);
  const { caller } = record;
  if (caller !== null) {
    attributes[ATTRIBUTE.sourceNamespace] = caller.namespace;
    attributes[ATTRIBUTE.sourceIdentity] = caller.proof.issuer;
    attributes[ATTRIBUTE.sourceVerified] = caller.proof.kind;
    if (caller.proof.kind === "broker") {
      attributes[ATTRIBUTE.chainHop] = record.hop;
      attributes[ATTRIBUTE.chainBrokers] = [...caller.proof.actors];
    }
    put(attributes, ATTRIBUTE.sourceServiceAccount, caller.serviceAccount);
    put(attributes, ATTRIBUTE.sourceWorkload, caller.workload);
  }
  putGenAi(attributes, record, { model: record.requestedModel, provider: record.attempts.at(-1)?.provider ?? null });
  putMcp(attributes, record);
  return attributes;
}

/**
 * All that the span of a call says when it has ended. Usage stands here and not on the attempts: products that add up the spans of a
 * trace would count it twice.
 */
export function callAttributes(record: CallRecord, conventions: GenAiConventions = "1.41"): SpanAttributes {
  const attributes = requestAttributes(record);
  attributes[ATTRIBUTE.attempts] = record.attempts.length;
  attributes[ATTRIBUTE.outcome] = record.outcome;
  attributes[ATTRIBUTE.responseBodySize] = record.responseBytes;
  put(attributes, ATTRIBUTE.requestBodySize, record.requestBytes);
  put(attributes, ATTRIBUTE.statusCode, record.status === 0 ? null : record.status);
  put(attributes, ATTRIBUTE.errorType, errorType(record));
  const last = record.attempts.at(-1);
  if (last !== undefined) {
    attributes[ATTRIBUTE.backend] = last.backend;
    attributes[ATTRIBUTE.decision] = decisionOf(record);
  }
  if (record.lock.length > 0) attributes[ATTRIBUTE.lock] = [...record.lock];
  if (record.excluded.length > 0) attributes[ATTRIBUTE.excluded] = record.excluded.map(({ backend, reason }) => `${backend}: ${reason}`);
  if (record.refusal !== null) {
    attributes[ATTRIBUTE.refusal] = record.refusal;
    if (isDenial(record.refusal)) {
      attributes[ATTRIBUTE.decision] = decisionOf(record);
      // Only here: the detail of our own faults is for the log.
      put(attributes, ATTRIBUTE.decisionReason, record.refusalDetail);
    }
  }
  putLimits(attributes, record);
  putAnswer(attributes, record, conventions);
  putCost(attributes, record);
  return attributes;
}

/** What the span of one attempt says. */
export function attemptAttributes(record: CallRecord, attempt: AttemptRecord, index: number): SpanAttributes {
  const attributes: SpanAttributes = {
    [ATTRIBUTE.serverAddress]: attempt.hostname,
    [ATTRIBUTE.serverPort]: attempt.port,
    [ATTRIBUTE.backend]: attempt.backend,
    [ATTRIBUTE.attempt]: index + 1,
    [ATTRIBUTE.attemptOutcome]: attempt.outcome,
  };
  put(attributes, ATTRIBUTE.urlFull, urlOf(attempt));
  putMethod(attributes, record.method);
  if (index > 0) attributes[ATTRIBUTE.resendCount] = index;
  put(attributes, ATTRIBUTE.statusCode, attempt.status === 0 ? null : attempt.status);
  put(attributes, ATTRIBUTE.errorType, attemptError(attempt));
  put(attributes, ATTRIBUTE.attemptCause, attempt.cause);
  put(attributes, ATTRIBUTE.failoverReason, attempt.failoverReason);
  put(attributes, ATTRIBUTE.failoverHeldBack, attempt.heldBack);
  put(attributes, ATTRIBUTE.peerAddress, attempt.peerAddress);
  put(attributes, ATTRIBUTE.protocolVersion, attempt.protocol === null ? null : protocolVersion(attempt.protocol));
  if (attempt.credential !== null) {
    const colon = attempt.credential.lastIndexOf(":");
    // `source:state`, or the state alone.
    if (colon > 0) attributes[ATTRIBUTE.tokenSource] = attempt.credential.slice(0, colon);
    attributes[ATTRIBUTE.tokenCache] = attempt.credential.slice(colon + 1);
  }
  const { region } = attempt;
  if (region !== null) {
    if (region.regions.length > 0) attributes[ATTRIBUTE.region] = [...region.regions];
    if (region.countries !== null && region.countries.length > 0) attributes[ATTRIBUTE.jurisdiction] = [...region.countries];
    attributes[ATTRIBUTE.decision] = region.decision;
    attributes[ATTRIBUTE.lockEvidence] = region.evidence;
    attributes[ATTRIBUTE.lockRule] = region.rule;
    put(attributes, ATTRIBUTE.lockCheckedAt, region.checkedAt);
    if (region.policies.length > 0) attributes[ATTRIBUTE.lock] = [...region.policies];
  }
  if (attempt.translation !== null) {
    attributes[ATTRIBUTE.translationFrom] = attempt.translation.from;
    attributes[ATTRIBUTE.translationTo] = attempt.translation.to;
    if (attempt.translation.losses.length > 0) attributes[ATTRIBUTE.translationLoss] = [...attempt.translation.losses];
  }
  putGenAi(attributes, record, { model: attempt.model ?? record.requestedModel, provider: attempt.provider });
  putMcp(attributes, record);
  return attributes;
}

/** Without query: a provider's may carry its key. Null: nothing was sent. */
function urlOf({ scheme, hostname, port, path }: AttemptRecord): string | null {
  if (path === "") return null;
  return `${scheme}://${hostname}${port === (scheme === "https" ? 443 : 80) ? "" : `:${port}`}${path}`;
}

/** Host and port as the caller wrote them: a name, an address in brackets. */
function putAuthority(attributes: SpanAttributes, authority: string): void {
  const port = authorityPort(authority);
  put(attributes, ATTRIBUTE.serverAddress, port === null ? authority : authority.slice(0, authority.lastIndexOf(":")));
  put(attributes, ATTRIBUTE.serverPort, port);
}

/** Why a call failed, from a bounded set; null when it did not. A caller that left is an outcome of its own, not an error. */
export function errorType(record: CallRecord): string | null {
  if (record.outcome === "caller_gone") return null;
  if (record.refusal !== null) return record.refusal;
  if (record.outcome !== "ok") return record.outcome;
  return record.status >= 500 ? String(record.status) : null;
}

/** Why an attempt failed; null when it gave an answer below 400. */
export function attemptError(attempt: AttemptRecord): string | null {
  if (attempt.outcome === "cancelled") return null;
  if (attempt.outcome !== "answer") return attempt.outcome;
  return attempt.status >= 400 ? String(attempt.status) : null;
}

function putMethod(attributes: SpanAttributes, method: string): void {
  const known = knownMethod(method);
  attributes[ATTRIBUTE.method] = known;
  if (known === OTHER) attributes[ATTRIBUTE.methodOriginal] = method.slice(0, 32);
}

/** Where nobody knows who serves a destination, the API that it speaks is the best word for it. */
function putGenAi(
  attributes: SpanAttributes,
  record: CallRecord,
  { model, provider }: { readonly model: string | null; readonly provider: string | null },
): void {
  const operation = genAiOperation(record);
  if (operation === null) return;
  attributes[ATTRIBUTE.operationName] = operation;
  put(attributes, ATTRIBUTE.providerName, provider ?? record.operation.dialect);
  put(attributes, ATTRIBUTE.requestModel, model);
  if (record.streaming) attributes[ATTRIBUTE.requestStream] = true;
}

function putMcp(attributes: SpanAttributes, { mcp }: CallRecord): void {
  if (mcp === null) return;
  attributes[ATTRIBUTE.mcpMethod] = mcp.method;
  put(attributes, ATTRIBUTE.jsonRpcId, mcp.requestId);
  if (mcp.target !== null) {
    attributes[mcp.target.kind === "tool" ? ATTRIBUTE.toolName : ATTRIBUTE.promptName] = mcp.target.name;
    if (mcp.target.kind === "tool") attributes[ATTRIBUTE.operationName] = "execute_tool";
  }
  put(attributes, ATTRIBUTE.mcpResource, mcp.resourceUri);
  put(attributes, ATTRIBUTE.mcpSession, mcp.sessionId);
  put(attributes, ATTRIBUTE.mcpVersion, mcp.protocolVersion);
}

/** Limits that had room are not told: nearly all have. */
function putLimits(attributes: SpanAttributes, { limits, charged }: CallRecord): void {
  const said = (outcome: LimitVerdict["outcome"], isShadow: boolean): string[] =>
    limits.filter((verdict) => verdict.outcome === outcome && (verdict.action === "shadow") === isShadow).map(({ limit }) => limit);
  if (limits.length > 0) {
    putList(attributes, ATTRIBUTE.limitExceeded, said("exceeded", false));
    putList(attributes, ATTRIBUTE.limitShadowed, said("exceeded", true));
    putList(attributes, ATTRIBUTE.limitUnavailable, [...said("unavailable", false), ...said("unavailable", true)]);
  }
  if (charged?.estimated === true) attributes[ATTRIBUTE.usageEstimated] = true;
}

function putList(attributes: SpanAttributes, name: string, values: string[]): void {
  if (values.length > 0) attributes[name] = values;
}

function putAnswer(attributes: SpanAttributes, record: CallRecord, conventions: GenAiConventions): void {
  if (record.streaming && record.firstByte !== null) attributes[ATTRIBUTE.timeToFirstChunk] = (record.firstByte - record.started) / 1000;
  const { answer } = record;
  if (answer === null) return;
  put(attributes, ATTRIBUTE.responseModel, answer.responseModel);
  put(attributes, ATTRIBUTE.responseId, answer.responseId);
  if (answer.finishReasons.length > 0) attributes[ATTRIBUTE.finishReasons] = [...answer.finishReasons];
  const { usage } = answer;
  if (usage === null) return;
  put(attributes, ATTRIBUTE.inputTokens, usage.inputTokens);
  put(attributes, ATTRIBUTE.outputTokens, usage.outputTokens);
  put(attributes, ATTRIBUTE.cacheReadTokens, usage.cacheReadTokens);
  put(attributes, conventions === "latest" ? LATEST_CACHE_WRITE_TOKENS : ATTRIBUTE.cacheWriteTokens, usage.cacheWriteTokens);
  put(attributes, ATTRIBUTE.reasoningTokens, usage.reasoningTokens);
}

/** What is not in dollars is not made into dollars: nobody here knows the rate. */
function putCost(attributes: SpanAttributes, { cost }: CallRecord): void {
  if (cost === null) return;
  if (cost.currency === "USD") attributes[ATTRIBUTE.costUsd] = unitsOf(cost);
  else {
    attributes[ATTRIBUTE.costAmount] = unitsOf(cost);
    attributes[ATTRIBUTE.costCurrency] = cost.currency;
  }
  attributes[ATTRIBUTE.costSource] = cost.source;
  if (cost.estimated) attributes[ATTRIBUTE.costEstimated] = true;
}

function put(attributes: SpanAttributes, name: string, value: string | number | null): void {
  if (value !== null && value !== "") attributes[name] = value;
}

/** `HTTP/1.1` and `h2` as the conventions write them: `1.1`, `2`. */
function protocolVersion(protocol: string): string {
  return protocol
    .toLowerCase()
    .replace(/^http\//, "")
    .replace(/^h2c?$/, "2")
    .replace(/^h3$/, "3");
}
