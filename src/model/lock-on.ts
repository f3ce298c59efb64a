import type { BoundOutlets, RegionLock } from "./region.ts";

/** What binds something beside the call itself, such as its copies: the call's lock without the policies that leave that alone (`also.mirrors: false`). */
export function lockOn(lock: RegionLock | null, what: keyof BoundOutlets): RegionLock | null {
  if (lock === null || lock.constraints.every(({ binds }) => binds[what])) return lock;
  const constraints = lock.constraints.filter(({ binds }) => binds[what]);
  return constraints.length === 0 ? null : { constraints };
}
