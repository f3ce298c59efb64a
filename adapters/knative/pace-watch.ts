/** How long a caller may send nothing of a body that is being read. With the second between two looks and the two in which what still comes is dropped: 30. */
const SILENCE_MS = 27_000;
/** After as long, the average that a body must have kept to: a drip of a byte a second is an attack, a slow line is not. */
const LEAST_BYTES_PER_SECOND = 1_024;
const CHECK_MS = 1_000;

/** Watches a body while it is read; calls `onSlow` once when the caller is too slow. */
export interface PaceWatch {
  heard(bytes: number): void;
  /** Time in which we do not want to read does not count. */
  wanting(wanted: boolean): void;
  stop(): void;
}

export function watchPace(onSlow: () => void): PaceWatch {
  let received = 0;
  let wantedMs = 0;
  let wantedSince: number | null = performance.now();
  let heardAt = performance.now();
  const timer = setInterval(() => {
    if (wantedSince === null) return;
    const now = performance.now();
    const wanted = wantedMs + now - wantedSince;
    const silent = now - Math.max(heardAt, wantedSince) >= SILENCE_MS;
    if (!silent && (wanted < SILENCE_MS || received * 1_000 >= wanted * LEAST_BYTES_PER_SECOND)) return;
    clearInterval(timer);
    onSlow();
  }, CHECK_MS);
  return {
    heard: (bytes) => {
      received += bytes;
      heardAt = performance.now();
    },
    wanting: (wanted) => {
      const now = performance.now();
      if (wanted) wantedSince ??= now;
      else if (wantedSince !== null) {
        wantedMs += now - wantedSince;
        wantedSince = null;
      }
    },
    stop: () => clearInterval(timer),
  };
}
