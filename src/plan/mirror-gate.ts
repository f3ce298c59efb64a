/** Bounds what mirrors may hold: a mirror that hangs must not take the memory of the calls. No operation throws. */
export interface MirrorGate {
  /** False: no room, and the copy is not sent. Each true is followed by one `leave` with the same number. */
  enter(bytes: number): boolean;
  leave(bytes: number): void;
}

const MAX_COPIES = 256;
const MAX_BYTES = 64 * 1024 * 1024;

/** At most 256 copies under way at once in one broker, with bodies of 64 MiB in all. */
export function createMirrorGate(): MirrorGate {
  let copies = 0;
  let held = 0;
  return {
    enter(bytes) {
      if (copies >= MAX_COPIES || held + bytes > MAX_BYTES) return false;
      copies += 1;
      held += bytes;
      return true;
    },
    leave(bytes) {
      copies -= 1;
      held -= bytes;
    },
  };
}
