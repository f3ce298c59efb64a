import type { LimitUnit } from "../model/limit.ts";

/** A whole number, or a decimal with up to nine places, as money in manifests should be. */
export const DECIMAL = /^[0-9]{1,16}(\.[0-9]{1,9})?$/;

const PLACES = 9;

/** The amount of a limit in its unit, for cost in billionths; exact. A sentence where it cannot be: a fraction of a token, or more than a number can count. */
export function limitAmount(authored: number | string, unit: LimitUnit): number | string {
  const [whole = "0", fraction = ""] = String(authored).split(".");
  if (unit !== "cost" && fraction !== "") return `${unit} are whole numbers`;
  const places = unit === "cost" ? PLACES : 0;
  const amount = BigInt(whole + fraction.padEnd(places, "0"));
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  if (amount <= most) return Number(amount);
  return `must be at most ${unit === "cost" ? String(most / 10n ** BigInt(PLACES)) : String(most)}`;
}
