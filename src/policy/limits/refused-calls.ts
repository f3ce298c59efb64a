import type { Random } from "../../model/ports.ts";
import type { AccountAnswer } from "../../model/usage-store.ts";
import { freeNow, type LeasedAccount } from "./leased-account.ts";
import { type LeasedCall, lackingOf } from "./leased-call.ts";

const LONGEST_MEMORY_MS = 200;
const SHORTEST_MEMORY_MS = 10;

/** What an exchange left of an account in it. */
export interface Leftover {
  readonly account: LeasedAccount;
  readonly answer: AccountAnswer;
}

/**
 * Which of the calls that an exchange asked for may ask once more, being small enough for what is left; the rest is refused, in the order in which
 * they came. At least one is refused, unless the exchange was granted or the store did not say for want of what. Remembers how much is left, so that calls that are too large are refused
 * without a round trip: for a fifth of a second, or a hundredth of a sliding window, in which what others give back is seen.
 */
export function sortOut<Call extends { readonly call: LeasedCall }>(
  asked: readonly Call[],
  leftovers: readonly Leftover[],
  now: number,
  random: Random,
): { readonly again: readonly Call[]; readonly refused: readonly Call[] } {
  const lacking = leftovers.filter(({ answer }) => answer.roomInMs !== 0);
  const rooms = new Map(lacking.map(({ account, answer }) => [account, roomOf(account, answer, now)]));
  let again: Call[] = [];
  let refused: Call[] = [];
  for (const one of asked) (takeRoom(one.call, rooms) ? again : refused).push(one);
  if (refused.length === 0) {
    // The store knows better than the sum of its numbers: whoever needs what it lacks is refused.
    refused = asked.filter(({ call }) => lackingOf(call).some(({ account }) => account !== null && rooms.has(account)));
    again = asked.filter((one) => !refused.includes(one));
    for (const account of rooms.keys()) rooms.set(account, 0);
  }
  for (const { account, answer } of lacking) {
    const memory = memoryOf(account) * (0.75 + random() / 2);
    account.refusedRoom = rooms.get(account) ?? 0;
    account.refusedUntil = now + Math.min(memory, answer.roomInMs ?? memory);
    account.roomAt = answer.roomInMs === null ? null : now + answer.roomInMs;
  }
  return { again, refused };
}

/** Beyond what this instance holds for its calls. */
function roomOf(account: LeasedAccount, { used, heldByOthers, held }: AccountAnswer, now: number): number {
  return Math.max(0, account.rule.limit - used - heldByOthers - held) + Math.max(0, freeNow(account, now));
}

function takeRoom(call: LeasedCall, rooms: Map<LeasedAccount, number>): boolean {
  const lacking = lackingOf(call);
  if (!lacking.every(({ account, amount }) => account === null || (rooms.get(account) ?? amount) >= amount)) return false;
  for (const { account, amount } of lacking) {
    const room = account === null ? undefined : rooms.get(account);
    if (account !== null && room !== undefined) rooms.set(account, room - amount);
  }
  return true;
}

function memoryOf({ rule }: LeasedAccount): number {
  return rule.window?.kind === "sliding" ? Math.min(LONGEST_MEMORY_MS, Math.max(SHORTEST_MEMORY_MS, rule.window.ms / 100)) : LONGEST_MEMORY_MS;
}
