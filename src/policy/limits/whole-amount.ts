/** An amount as stores take it: whole, rounded up, not negative, exact. What is no number is 0. */
export function wholeAmount(amount: number): number {
  if (Number.isSafeInteger(amount) && amount >= 0) return amount;
  return amount > 0 ? Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(amount)) : 0;
}
