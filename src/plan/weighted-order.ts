import type { Random } from "../model/ports.ts";

interface Weighted {
  readonly weight: number;
}

/** One item, with the probability of its share of the weights; null when none has a weight above 0. One draw. */
export function weightedPick<Item extends Weighted>(items: readonly Item[], random: Random): Item | null {
  let total = 0;
  for (const item of items) total += Math.max(0, item.weight);
  if (total <= 0) return null;
  let point = random() * total;
  let last: Item | null = null;
  for (const item of items) {
    if (item.weight <= 0) continue;
    last = item;
    point -= item.weight;
    if (point < 0) return item;
  }
  // Only rounding leads here.
  return last;
}

/** All items with a weight above 0, drawn one after another without putting them back. */
export function weightedOrder<Item extends Weighted>(items: readonly Item[], random: Random): readonly Item[] {
  if (items.length === 1) return items[0] !== undefined && items[0].weight > 0 ? items : [];
  const order: Item[] = [];
  let left = items;
  for (;;) {
    const picked = weightedPick(left, random);
    if (picked === null) return order;
    order.push(picked);
    left = left.filter((item) => item !== picked);
  }
}
