import type { ModelPrice } from "./backend.ts";
import type { Caller } from "./caller.ts";
import type { RefusalCode } from "./errors.ts";
import type { LimitVerdict } from "./limit.ts";
import type { AnswerFacts, Operation, Usage } from "./operation.ts";
import type { OutletKind } from "./outlet.ts";
import type { CallCost } from "./price.ts";
import type { RegionEvidence } from "./region.ts";

/**
 * All that is remembered of one call: flat, filled as the call goes, settled exactly once by `attribution/settle.ts`.
 * It holds no secret, no prompt, no answer. Times are milliseconds of the monotonic clock unless said otherwise.
 */
export interface CallRecord {
  readonly id: string;
  /** Milliseconds since the epoch, at the start. */
  readonly startedAt: number;
  readonly started: number;
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly remoteAddress: string | null;
  readonly userAgent: string | null;
  /** W3C trace context of the caller, unparsed; parsed by attribution only. */
  readonly traceparent: string | null;
  /** Trace and span id of this call, when they had to be known before it ended (`propagateTrace`). */
  trace: { readonly traceId: string; readonly spanId: string; readonly flags: number } | null;
  snapshot: string;
  gateway: string;
  listener: string;
  caller: Caller | null;
  /** Brokers that the call had passed, as an authenticated one says; 0: the caller is no broker. */
  hop: number;
  /** `namespace/route`. */
  route: string;
  rule: string;
  /** Names of the RegionPolicies that bind the call; empty: none does, or the call was refused before that was known. */
  lock: readonly string[];
  /** What of the call may not be told by these ways out, because its lock binds them; empty: all may. */
  withheld: readonly OutletKind[];
  operation: Operation;
  requestedModel: string | null;
  streaming: boolean;
  requestBytes: number | null;
  /** What a call to an MCP server asks for; null: it is none, or its message cannot be read. */
  mcp: McpFacts | null;
  /** The question to the route's authorization server; null: none was asked. */
  authCallout: AttemptRecord | null;
  attempts: AttemptRecord[];
  /** Backends that were out before any attempt, and why. */
  excluded: readonly { readonly backend: string; readonly reason: string }[];
  refusal: RefusalCode | null;
  refusalDetail: string | null;
  /** Status sent to the caller; 0 when it left before any. */
  status: number;
  outcome: "ok" | "refused" | "upstream_error" | "truncated" | "caller_gone" | "broker_error";
  responseBytes: number;
  /** When the first byte of the answer's body left; null: none did. */
  firstByte: number | null;
  ended: number | null;
  answer: AnswerFacts | null;
  /** What limits said of the call, each once; empty: none is for it. */
  limits: readonly LimitVerdict[];
  /** What the call is charged for: the provider's own word, or an estimate where the call broke off before it came. Null: nothing was used, or nobody knows what. */
  charged: { readonly usage: Usage; readonly estimated: boolean } | null;
  /** Null: unknown, which is never 0. */
  cost: CallCost | null;
  settled: boolean;
  /** Null: nobody asked for the decisions on this call. */
  debug: DebugNotes | null;
}

/** What a debug window of BrokerConfig asks to be told of a call: names, words and times; no values. */
export interface DebugNotes {
  /** End of the window in milliseconds since the epoch. */
  readonly until: number;
  /** Names of the request's headers, each once. */
  readonly headerNames: readonly string[];
  readonly identified: number;
  planned: number | null;
  /** Keys of the backends that the call may go to, in order. */
  candidates: readonly string[];
  /** What the lock said of those that are out for its sake. */
  denied: readonly (DebugPlace & { readonly backend: string })[];
}

/** Where a backend processes, as far as a lock knows, and what the lock makes of it. */
export interface DebugPlace {
  readonly decision: RegionEvidence["decision"];
  readonly policies: readonly string[];
  readonly regions: readonly string[];
  readonly evidence: RegionEvidence["evidence"];
  readonly rule: RegionEvidence["rule"];
}

export interface AttemptRecord {
  readonly backend: string;
  /** Who serves it, as `gen_ai.provider.name` has it; null: nobody that is known by name. */
  readonly provider: string | null;
  readonly scheme: "http" | "https";
  readonly hostname: string;
  readonly port: number;
  /** Path that was asked for, without query: a provider's query may carry its key. Empty: nothing was sent. */
  path: string;
  /** Of planning, until the last door has found the very place of the request; a parent's own answer replaces it. */
  region: RegionEvidence | null;
  readonly started: number;
  ended: number | null;
  /** 0: no answer. */
  status: number;
  /** `answer`, or the failure's kind, or a refusal before sending such as `credential_unavailable`. */
  outcome: string;
  /** The outcome more closely, one word: `dns` of `connect`, `first_byte` of `timeout`, `revoked` of `untrusted`; null: it says all. */
  cause: string | null;
  /** Why the next candidate was tried; null: it was not. */
  failoverReason: string | null;
  /** What kept a failed attempt from going on to another, such as `body_not_replayable` or `retry_budget`; null: nothing did, or none was due. */
  heldBack: string | null;
  /** Model sent upstream. */
  model: string | null;
  /** What the backend's policy says that this model costs; null: nothing. */
  price: ModelPrice | null;
  /** The call was said in another API, and what of it was left out; null: it passed as it was. */
  translation: { readonly from: string; readonly to: string; readonly losses: readonly string[] } | null;
  /** Where the credential came from and whether it was fresh: `openai-key:hit`. Never the value. */
  credential: string | null;
  peerAddress: string | null;
  protocol: string | null;
}

/** One JSON-RPC message of the Model Context Protocol, as far as telemetry tells of it; never arguments or content. Bounded, without control characters. */
export interface McpFacts {
  /** Such as `tools/call`. */
  readonly method: string;
  /** Null: a notification has none. */
  readonly requestId: string | null;
  /** Name of the tool or prompt. */
  readonly target: { readonly kind: "tool" | "prompt"; readonly name: string } | null;
  /** Without query and fragment. */
  readonly resourceUri: string | null;
  readonly sessionId: string | null;
  readonly protocolVersion: string | null;
}
