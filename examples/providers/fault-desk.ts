import { createHash } from "node:crypto";

/** What a demo provider can be told to do with calls: `ok`, a status, or a way to misbehave. */
export const FAULT_MODES = ["ok", "401", "429", "500", "503", "529", "hang", "slow", "die-mid-stream"] as const;
export type FaultMode = (typeof FAULT_MODES)[number];

/** One call that arrived, without any key in it. */
export interface CallSeen {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly model: string | null;
  readonly stream: boolean;
  /** Where the key stood and its masked form; null: the call brought none. */
  readonly credential: { readonly slot: string; readonly masked: string; readonly accepted: boolean } | null;
  /** As they arrived, keys masked. */
  readonly headers: Readonly<Record<string, string>>;
  readonly mode: FaultMode;
  /** 0 until an answer began. */
  status: number;
  /** `answered`, `hung`, `died` or `caller left`. */
  end: string | null;
}

const REMEMBERED = 100;

/** The state of one demo provider: which keys it takes, how it misbehaves, what it has seen. */
export interface FaultDesk {
  /** For the next `count` calls, null: until told otherwise. */
  setMode(mode: FaultMode, count: number | null): void;
  /** From now on these keys only; the others are revoked. */
  setKeys(keys: readonly string[]): void;
  accepts(key: string): boolean;
  /** The mode for a call that has just arrived; uses up one of the count. */
  take(): FaultMode;
  record(call: CallSeen): void;
  describe(): object;
}

export function createFaultDesk(initialKeys: readonly string[]): FaultDesk {
  let mode: FaultMode = "ok";
  let remaining: number | null = null;
  let keys: ReadonlySet<string> = new Set(initialKeys);
  let total = 0;
  const calls: CallSeen[] = [];
  return {
    setMode: (next, count) => {
      mode = next;
      remaining = count;
    },
    setKeys: (next) => {
      keys = new Set(next);
    },
    accepts: (key) => keys.has(key),
    take: () => {
      if (remaining === 0) {
        mode = "ok";
        remaining = null;
      }
      if (remaining !== null) remaining -= 1;
      return mode;
    },
    record: (call) => {
      total += 1;
      calls.push(call);
      if (calls.length > REMEMBERED) calls.shift();
    },
    describe: () => ({
      mode: remaining === 0 ? "ok" : mode,
      remaining: remaining === 0 ? null : remaining,
      acceptedKeys: [...keys].map(maskKey),
      total,
      calls,
    }),
  };
}

/** Enough of a key to tell two apart and not enough to use one: its last four characters where it is long, and eight digits of its digest. */
export function maskKey(key: string): string {
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 8);
  return `${key.length >= 16 ? `…${key.slice(-4)}` : "…"} (sha-256 ${digest})`;
}
