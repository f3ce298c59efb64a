/** Hears of an abort, as with an AbortSignal. */
export type AbortListener = (() => void) | { handleEvent(): void };

/**
 * What a call needs of an AbortSignal; every AbortSignal is one. A call makes its own by `createCallAbort`: on Node an AbortController
 * with its first listener costs several microseconds, more than any stage, and a call would need two.
 */
export interface CallSignal {
  readonly aborted: boolean;
  /** Why; undefined while not aborted. */
  readonly reason: unknown;
  addEventListener(type: "abort", listener: AbortListener): void;
  removeEventListener(type: "abort", listener: AbortListener): void;
}

/** Aborts one `CallSignal`. */
export interface CallAbort {
  readonly signal: CallSignal;
  /** The first one counts. Without a reason it is an `AbortError`. */
  abort(reason?: unknown): void;
}

/** A signal of its own kind: each listener is called once, synchronously, in order, unless it was removed before its turn. */
export function createCallAbort(): CallAbort {
  const listeners: AbortListener[] = [];
  // Plain members: getters would make each call's object a slow one.
  const signal = {
    aborted: false,
    reason: undefined as unknown, // as: anything may be the reason
    addEventListener(_type: "abort", listener: AbortListener): void {
      if (!signal.aborted && !listeners.includes(listener)) listeners.push(listener);
    },
    removeEventListener(_type: "abort", listener: AbortListener): void {
      const at = listeners.indexOf(listener);
      if (at !== -1) listeners.splice(at, 1);
    },
  };
  return {
    signal,
    abort(reason = new DOMException("the call was aborted", "AbortError")) {
      if (signal.aborted) return;
      signal.aborted = true;
      signal.reason = reason;
      for (let next = listeners.shift(); next !== undefined; next = listeners.shift()) {
        if (typeof next === "function") next();
        else next.handleEvent();
      }
    },
  };
}

/** For what insists on a real AbortSignal: not on the hot path. */
export function abortSignalOf(signal: CallSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener("abort", () => controller.abort(signal.reason));
  return controller.signal;
}
