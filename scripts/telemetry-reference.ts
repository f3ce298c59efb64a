import { GENAI_INSTRUMENTS, GENAI_LABELS } from "../src/attribution/genai-instruments.ts";
import { INSTRUMENTS, type Instrument, prometheusName, SERIES_LABELS } from "../src/attribution/instruments.ts";
import { ATTRIBUTE } from "../src/attribution/semconv.ts";

type Where = "call" | "attempt" | "both" | "metrics";

/** What each attribute says, and on which spans. The type demands a line for every one. */
const ATTRIBUTES: Readonly<Record<keyof typeof ATTRIBUTE, readonly [where: Where, text: string]>> = {
  method: ["both", "Method; `_OTHER` for one that HTTP does not know"],
  methodOriginal: ["both", "What it was then, at most 32 characters"],
  resendCount: ["attempt", "How many attempts came before this one"],
  statusCode: ["both", "Status to the caller; of the destination"],
  requestBodySize: ["call", "Bytes of the request body"],
  responseBodySize: ["call", "Bytes of the answer's body"],
  route: ["call", "HTTPRoute, `namespace/name`"],
  urlFull: ["attempt", "What was called, without query: a provider's may carry its key"],
  urlPath: ["call", "Path without query"],
  urlScheme: ["call", "`http` or `https`"],
  serverAddress: ["both", "Host that the caller named; host of the destination"],
  serverPort: ["both", "Port"],
  clientAddress: ["call", "Address of the caller"],
  userAgent: ["call", "`User-Agent` of the caller"],
  peerAddress: ["attempt", "Address that was dialled"],
  protocolVersion: ["attempt", "`1.1` or `2`"],
  errorType: ["both", "Why it failed: a refusal code, an outcome, a status of 400 and above; absent where it did not"],
  operationName: ["both", "`chat`, `embeddings`, `generate_content`, `execute_tool`, ..."],
  providerName: ["both", "Who serves the model: `openai`, `anthropic`, `aws.bedrock`, ..."],
  requestModel: ["both", "Model that the caller asked for; that was sent"],
  requestStream: ["both", "`true` where the answer is streamed"],
  responseModel: ["call", "Model that answered"],
  responseId: ["call", "The provider's id of its answer"],
  finishReasons: ["call", "Why the model stopped"],
  timeToFirstChunk: ["call", "Seconds until the first byte of a streamed answer left for the caller"],
  inputTokens: ["call", "Input tokens, cached ones included. On the call only, so that sums over spans count them once"],
  outputTokens: ["call", "Output tokens, reasoning included"],
  cacheReadTokens: ["call", "Input tokens that the provider read from its cache"],
  cacheWriteTokens: ["call", "Input tokens that it wrote to its cache; `gen_ai.usage.cache_write.input_tokens` in the newest conventions"],
  reasoningTokens: ["call", "Output tokens of reasoning"],
  tokenType: ["metrics", "`input` or `output`"],
  toolName: ["both", "Tool that a call to an MCP server is for"],
  promptName: ["both", "Prompt that it is for"],
  mcpMethod: ["both", "Method of MCP, such as `tools/call`"],
  mcpSession: ["both", "Session"],
  mcpVersion: ["both", "Version of the protocol"],
  mcpResource: ["both", "Resource, without query"],
  jsonRpcId: ["both", "Id of the message"],
  requestId: ["call", "The id in `x-request-id`"],
  snapshot: ["call", "Which configuration served it"],
  sourceNamespace: ["call", "Namespace of the caller, proved"],
  sourceServiceAccount: ["call", "Its service account"],
  sourceWorkload: ["call", "Its workload"],
  sourceIdentity: ["call", "Who vouches for it: the name of an issuer in BrokerConfig, `api-keys`, ..."],
  sourceVerified: ["call", "How: `jwt`, `api-key`, `platform`, `broker`, `anonymous`"],
  chainHop: ["call", "Brokers that the call had passed"],
  chainBrokers: ["call", "Their chain ids, the nearest first"],
  gateway: ["call", "`namespace/name`"],
  listener: ["call", "Listener of it"],
  egressRoute: ["call", "HTTPRoute, `namespace/name`"],
  rule: ["call", "Rule of it"],
  backend: ["both", "Destination that answered, or was tried last; that was tried"],
  attempt: ["attempt", "1 for the first"],
  attempts: ["call", "How many there were"],
  attemptOutcome: ["attempt", "`answer`, or what kept one from coming"],
  attemptCause: ["attempt", "The same more closely: `dns`, `first_byte`, `revoked`, ..."],
  failoverReason: ["attempt", "Why the next destination was tried"],
  failoverHeldBack: ["attempt", "What kept a failed attempt from going on: `retry_budget`, `body_not_replayable`, ..."],
  excluded: ["call", "Destinations that were out before any attempt, and why"],
  outcome: ["call", "`ok`, `refused`, `upstream_error`, `truncated`, `caller_gone`, `broker_error`"],
  refusal: ["call", "Code of a refusal, as in `x-egress-error`"],
  decision: ["both", "`allow`, `deny`, `unlocked`, `violated`"],
  decisionReason: ["call", "One sentence, for denials"],
  region: ["attempt", "Regions where it is processed"],
  translationFrom: ["attempt", "API of the caller, where another one is spoken to the destination"],
  translationTo: ["attempt", "API of the destination"],
  translationLoss: ["attempt", "What could not be said there"],
  jurisdiction: ["attempt", "Countries where it is processed"],
  lock: ["both", "RegionPolicies that bind the call"],
  lockEvidence: ["attempt", "What the place rests on: `host`, `body`, `control-plane`, `attested`, `label`, `none`"],
  lockRule: ["attempt", "Rule of the door that found it"],
  lockCheckedAt: ["attempt", "When that was checked last"],
  limitExceeded: ["call", "Limits without room"],
  limitShadowed: ["call", "Limits without room that only watch"],
  limitUnavailable: ["call", "Limits whose store gave no answer"],
  usageEstimated: ["call", "`true` where tokens are an estimate"],
  costUsd: ["call", "US dollars; absent where the price is unknown, never 0 for that"],
  costAmount: ["call", "The cost in another currency"],
  costCurrency: ["call", "Which"],
  costSource: ["call", "`policy`, or the list of prices and its version"],
  costEstimated: ["call", "`true` where tokens were estimated or a part was priced as plain input or output"],
  tokenSource: ["attempt", "SecretSource of the credential; never its value"],
  tokenCache: ["attempt", "`hit`, `miss` or `stale`"],
};

const WORDS: Readonly<Record<Where, string>> = { call: "call", attempt: "attempt", both: "both", metrics: "metrics" };

/** Tables of all attributes and metrics, from the names in the code. */
export function telemetryReference(): string {
  const attributes = Object.entries(ATTRIBUTE).map(([key, name]) => {
    const [where, text] = ATTRIBUTES[key as keyof typeof ATTRIBUTE]; // the keys of the same table
    return `| \`${name}\` | ${WORDS[where]} | ${text} |`;
  });
  return [
    "## Attributes of spans",
    "",
    "| attribute | on the span of | says |",
    "|---|---|---|",
    ...attributes,
    "",
    "## Metrics",
    "",
    `Those of the broker have the labels ${list(SERIES_LABELS)} where they are of calls, beside their own.`,
    "",
    ...table(Object.values(INSTRUMENTS)),
    "",
    `Those of the GenAI and MCP conventions have ${list(GENAI_LABELS)} beside their own. By default:`,
    "",
    ...table(known(Object.values(GENAI_INSTRUMENTS["1.41"]))),
    "",
    "With `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`:",
    "",
    ...table(known(Object.values(GENAI_INSTRUMENTS.latest))),
    "",
  ].join("\n");
}

function known(instruments: readonly (Instrument | null)[]): readonly Instrument[] {
  return instruments.filter((instrument) => instrument !== null);
}

function table(instruments: readonly Instrument[]): readonly string[] {
  const rows = instruments.map((instrument) => {
    const { name, kind, unit, labels, help } = instrument;
    return `| \`${name}\` | \`${prometheusName(instrument)}\` | ${kind} | ${unit === "" ? "" : `\`${unit}\``} | ${list(labels)} | ${help} |`;
  });
  return ["| metric | in Prometheus | kind | unit | own labels | counts |", "|---|---|---|---|---|---|", ...rows];
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
