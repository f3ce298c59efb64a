/**
 * Every attribute name that the broker writes, in one table, so that a change of the conventions is a change of one file.
 * HTTP: OpenTelemetry semantic conventions 1.44 (stable). GenAI: 1.41, the names that dashboards know; everything newer is
 * still "development" in a repository of its own. Copied rather than imported: the package's own advice for unstable names.
 * `egress.*` is ours: what the conventions have no word for, such as who called (`k8s.*` are resource attributes of the broker itself).
 */
export const ATTRIBUTE = {
  method: "http.request.method",
  methodOriginal: "http.request.method_original",
  resendCount: "http.request.resend_count",
  statusCode: "http.response.status_code",
  requestBodySize: "http.request.body.size",
  responseBodySize: "http.response.body.size",
  route: "http.route",
  urlFull: "url.full",
  urlPath: "url.path",
  urlScheme: "url.scheme",
  serverAddress: "server.address",
  serverPort: "server.port",
  clientAddress: "client.address",
  userAgent: "user_agent.original",
  peerAddress: "network.peer.address",
  protocolVersion: "network.protocol.version",
  errorType: "error.type",

  operationName: "gen_ai.operation.name",
  providerName: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  responseModel: "gen_ai.response.model",
  responseId: "gen_ai.response.id",
  finishReasons: "gen_ai.response.finish_reasons",
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheWriteTokens: "gen_ai.usage.cache_creation.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  tokenType: "gen_ai.token.type",
  toolName: "gen_ai.tool.name",
  promptName: "gen_ai.prompt.name",

  mcpMethod: "mcp.method.name",
  mcpSession: "mcp.session.id",
  mcpVersion: "mcp.protocol.version",
  mcpResource: "mcp.resource.uri",
  jsonRpcId: "jsonrpc.request.id",

  requestId: "egress.request.id",
  snapshot: "egress.snapshot",
  sourceNamespace: "egress.source.namespace",
  sourceServiceAccount: "egress.source.service_account",
  sourceWorkload: "egress.source.workload",
  sourceIdentity: "egress.source.identity",
  sourceVerified: "egress.source.verified",
  chainHop: "egress.chain.hop",
  chainBrokers: "egress.chain.brokers",
  gateway: "egress.gateway",
  listener: "egress.listener",
  egressRoute: "egress.route",
  rule: "egress.rule",
  backend: "egress.backend",
  attempt: "egress.attempt",
  attempts: "egress.attempts",
  attemptOutcome: "egress.attempt.outcome",
  attemptCause: "egress.attempt.cause",
  failoverReason: "egress.failover.reason",
  failoverHeldBack: "egress.failover.held_back",
  excluded: "egress.excluded",
  outcome: "egress.outcome",
  refusal: "egress.refusal",
  decision: "egress.decision",
  decisionReason: "egress.decision.reason",
  region: "egress.region.processing",
  translationFrom: "egress.translation.from",
  translationTo: "egress.translation.to",
  translationLoss: "egress.translation.loss",
  jurisdiction: "egress.jurisdiction",
  lock: "egress.lock",
  lockEvidence: "egress.lock.evidence",
  lockRule: "egress.lock.rule",
  lockCheckedAt: "egress.lock.checked_at",
  limitExceeded: "egress.limit.exceeded",
  limitShadowed: "egress.limit.shadowed",
  limitUnavailable: "egress.limit.unavailable",
  usageEstimated: "egress.usage.estimated",
  costUsd: "egress.cost.usd",
  costAmount: "egress.cost.amount",
  costCurrency: "egress.cost.currency",
  costSource: "egress.cost.source",
  costEstimated: "egress.cost.estimated",
  tokenSource: "egress.token.source",
  tokenCache: "egress.token.cache",
} as const;

/**
 * Which GenAI conventions are spoken: those of 1.41, which dashboards know, or the newest of the repository that they moved to, all of it "development"
 * (the standard's own switch is `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`).
 */
export type GenAiConventions = "1.41" | "latest";

/** The newest name of what `ATTRIBUTE` calls by its name of 1.41. */
export const LATEST_CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens";

/** The value for whatever lies outside a bounded set (OpenTelemetry's own convention). */
export const OTHER = "_OTHER";

/** The name and version under which spans and metrics are published. */
export const SCOPE = "spillway";
