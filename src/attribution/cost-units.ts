import type { CallCost } from "../model/price.ts";

/** A cost in units of its currency, as people and dashboards read it. */
export function unitsOf({ nanos }: CallCost): number {
  return nanos / 1e9;
}
