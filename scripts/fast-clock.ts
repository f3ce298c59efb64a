// For pictures: a process that imports this first lives through the last week within half a minute, and then in the present.
const WEEK_MS = 7 * 86_400_000;
const LASTS_MS = 35_000;

const RealDate = Date;
// All processes of one run share it.
const begun = Number(process.env["SPILLWAY_FAST_CLOCK"] ?? RealDate.now());

function now(): number {
  const real = RealDate.now();
  const passed = Math.min(1, Math.max(0, (real - begun) / LASTS_MS));
  return Math.round(real - WEEK_MS * (1 - passed));
}

globalThis.Date = class extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(now());
    else super(given[0]);
  }

  static override now(): number {
    return now();
  }
} as DateConstructor; // it is only ever called with `new` in what we run
