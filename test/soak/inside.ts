import { readFileSync, writeFileSync } from "node:fs";

// Imported before the broker itself: on SIGUSR2 it does what SOAK_ASK says, and tells in SOAK_TELL what the process holds.
// The clock is Date's: what counts time by the monotonic clock must not notice.

/** What the soak asks of a broker's process. */
export interface Asked {
  /** Which question it is; the answer repeats it. */
  readonly number: number;
  /** How far the wall clock is off from now on, in milliseconds. */
  readonly shiftMs: number;
}

/** What a broker's process holds, garbage aside. */
export interface Told {
  readonly number: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly buffersMiB: number;
  /** By type, as Node names them: `Timeout`, `TCPSocketWrap`, ... */
  readonly resources: Readonly<Record<string, number>>;
}

let shiftMs = 0;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(given[0]);
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor; // the broker calls it with `new`, and its own static members are inherited

const MIB = 1024 * 1024;

process.on("SIGUSR2", () => {
  const asked = JSON.parse(readFileSync(process.env["SOAK_ASK"] ?? "", "utf8")) as Asked; // written by the soak
  shiftMs = asked.shiftMs;
  globalThis.gc?.();
  // What finalizers free is gone with the second one.
  setTimeout(() => {
    globalThis.gc?.();
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const resources: Record<string, number> = {};
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
    const told: Told = { number: asked.number, rssMiB: rss / MIB, heapMiB: heapUsed / MIB, buffersMiB: arrayBuffers / MIB, resources };
    writeFileSync(process.env["SOAK_TELL"] ?? "", JSON.stringify(told));
  }, 50).unref();
});
