type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Milliseconds for which an instance that has taken on a call of an event may be silent before another takes it over: `SPILLWAY_EVENT_LEASE`,
 * in seconds from 1 to 600; 30 when it is not set. Throws a sentence on anything else.
 */
export function readEventLease(environment: Environment): number {
  const text = environment["SPILLWAY_EVENT_LEASE"]?.trim() || "30";
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > 600) throw new Error("SPILLWAY_EVENT_LEASE must be whole seconds from 1 to 600");
  return seconds * 1_000;
}
