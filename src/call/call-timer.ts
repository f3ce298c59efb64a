import { grpcTimeoutMs, isGrpc } from "../lib/grpc-protocol.ts";
import type { Routed } from "../model/call.ts";
import { type CallSignal, createCallAbort } from "../model/call-signal.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Clock } from "../model/ports.ts";

/** The time limit of one whole call. */
export interface CallTimer {
  /** Aborts when the caller leaves or the time is up. */
  readonly signal: CallSignal;
  /** Milliseconds of the monotonic clock. */
  readonly deadline: number;
  expired(): boolean;
  /** To be called when the call is over: leaves neither timer nor listener behind. */
  stop(): void;
}

/** Bounds the whole call, attempts and answer alike: aborts with the caller or when `ms` are over. */
export function startTimer(clock: Clock, ms: number, caller: CallSignal): CallTimer {
  const controller = createCallAbort();
  const leave = () => controller.abort();
  let expired = false;
  if (caller.aborted) controller.abort();
  caller.addEventListener("abort", leave);
  const cancel = clock.after(ms, () => {
    expired = true;
    // The transport tells a call whose time is up from one that nobody wants any more by this name.
    controller.abort(new DOMException("the call's time is up", "TimeoutError"));
  });
  return {
    signal: controller.signal,
    deadline: clock.monotonic() + ms,
    expired: () => expired,
    stop: () => {
      cancel();
      caller.removeEventListener("abort", leave);
    },
  };
}

/** The shorter of two limits in milliseconds; null is none. */
export function shorterLimit(one: number | null, other: number | null): number | null {
  if (one === null) return other;
  return other === null ? one : Math.min(one, other);
}

/** Milliseconds that the call's route and group give a destination for its first byte; null: they leave that to the backend's own limit. */
export function givenFirstByteMs({ rule }: Routed, { failover }: Cleared): number | null {
  return shorterLimit(failover?.firstByteMs ?? null, rule.timeouts.backendRequestMs);
}

/** Milliseconds that the call may take in all: the least of what its rule, its platform and, for gRPC, its caller say; null: no limit. */
export function timeLimit({ rule, handshake, exchange }: Routed): number | null {
  const limit = shorterLimit(handshake === null ? rule.timeouts.requestMs : rule.timeouts.upgradedMs, exchange.remainingMs?.() ?? null);
  return isGrpc(exchange.protocol, exchange.headers) ? shorterLimit(limit, grpcTimeoutMs(exchange.headers)) : limit;
}
