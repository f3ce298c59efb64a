import type { Caller, CredentialSlot } from "./caller.ts";
import type { InboundChain } from "./chain.ts";
import type { Exchange } from "./exchange.ts";
import type { Operation } from "./operation.ts";
import type { RegionLock } from "./region.ts";
import type { CompiledGateway, CompiledListener, CompiledRule, FailoverRule, HealthRule, RuleMatch, Snapshot, Target } from "./snapshot.ts";

/** Stage 1 gives this: a request that is well formed, bounded, not a loop, and belongs to a listener. */
export interface Received {
  readonly id: string;
  readonly exchange: Exchange;
  readonly snapshot: Snapshot;
  readonly gateway: CompiledGateway;
  readonly listener: CompiledListener;
  /** Lower-case host without port and without trailing dot. */
  readonly host: string;
  readonly method: string;
  /** Path as it arrived, without query; checked to be free of traversal. */
  readonly path: string;
  /** Query with its `?`, or empty. */
  readonly query: string;
  readonly operation: Operation;
  /** The caller asks for a WebSocket; null: it does not. */
  readonly handshake: Handshake | null;
}

/** The opening handshake of a WebSocket, checked (RFC 6455 section 4.2.1). */
export interface Handshake {
  /** Sec-WebSocket-Key, as it came. */
  readonly key: string;
  /** Subprotocols that the caller offers, in order; some may carry a credential. */
  readonly protocols: readonly string[];
}

/** Stage 2 adds who calls, and which header held the broker's token. */
export interface Identified extends Received {
  readonly caller: Caller;
  readonly tokenSlot: CredentialSlot | null;
  /** What the broker that handed the call on says of its way; null: the caller is no broker. */
  readonly chain: InboundChain | null;
}

/** Stage 3 adds the rule. */
export interface Routed extends Identified {
  readonly rule: CompiledRule;
  readonly match: RuleMatch;
  /** The lock that binds this caller on this rule. */
  readonly lock: RegionLock | null;
}

/** What the JSON body of a call says, where something needed to know: read once. */
export interface BodyFacts {
  readonly model: string | null;
  readonly stream: boolean;
  /** True when the caller asked for usage itself (`stream_options.include_usage`). */
  readonly asksForUsage: boolean;
  /** The caller's own bound of one answer, in tokens; the largest where it names several. Null: none, or not where it is looked for. */
  readonly maxOutputTokens: number | null;
  /** Answers that are asked for at once (`n`). */
  readonly choices: number;
}

/** A candidate before the lock has spoken, with the rules of the tier it stands in. */
export interface Candidate {
  readonly target: Target;
  readonly tier: number;
  readonly failover: FailoverRule | null;
  readonly health: HealthRule;
}
