import type { RegionLock } from "./region.ts";

/** What binds the copies of a call: its lock without the policies that let copies go anywhere (`also.mirrors: false`). */
export function mirrorLock(lock: RegionLock | null): RegionLock | null {
  if (lock === null || lock.constraints.every(({ binds }) => binds.mirrors)) return lock;
  const constraints = lock.constraints.filter(({ binds }) => binds.mirrors);
  return constraints.length === 0 ? null : { constraints };
}
