/** Lets many askers share one piece of work. Not for platforms where a promise of one request must not be awaited by another. */
export interface SingleFlight<Value> {
  /**
   * Joins the work under way for `key`, or starts it. An asker whose signal aborts leaves alone, with the signal's
   * reason; the work goes on for the others, so `start` must have a deadline of its own.
   */
  join(key: string, start: () => Promise<Value>, signal: AbortSignal | null): Promise<Value>;
  /** True while work for `key` is under way. */
  flying(key: string): boolean;
  /** The next asker starts anew; those who wait already still get what they wait for. */
  forget(key: string): void;
}

/** Holds no more entries than there is work under way. */
export function createSingleFlight<Value>(): SingleFlight<Value> {
  const flights = new Map<string, Promise<Value>>();

  function launch(key: string, start: () => Promise<Value>): Promise<Value> {
    // `async` turns a synchronous throw of `start` into a rejection.
    const flight = (async () => start())().finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    // Everybody may have left before it fails: that is no unhandled rejection.
    flight.catch(() => {});
    flights.set(key, flight);
    return flight;
  }

  return {
    join(key, start, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return leavable(flights.get(key) ?? launch(key, start), signal);
    },
    flying: (key) => flights.has(key),
    forget(key) {
      flights.delete(key);
    },
  };
}

/** The promise, or the signal's reason if that comes first. The listener never outlives the promise. */
function leavable<Value>(promise: Promise<Value>, signal: AbortSignal | null): Promise<Value> {
  if (signal === null) return promise;
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
