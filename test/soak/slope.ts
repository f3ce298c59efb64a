/** A line through samples: by how much they grow in an hour, and how far that may be off (one standard error). */
export interface Slope {
  readonly perHour: number;
  readonly error: number;
}

/** Least squares. Fewer than three samples say nothing: NaN. */
export function slopeOf(samples: readonly { readonly ms: number; readonly value: number }[]): Slope {
  const count = samples.length;
  if (count < 3) return { perHour: Number.NaN, error: Number.NaN };
  const meanTime = samples.reduce((sum, { ms }) => sum + ms, 0) / count;
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / count;
  const spread = samples.reduce((sum, { ms }) => sum + (ms - meanTime) ** 2, 0);
  const slope = samples.reduce((sum, { ms, value }) => sum + (ms - meanTime) * (value - mean), 0) / spread;
  const rest = samples.reduce((sum, { ms, value }) => sum + (value - mean - slope * (ms - meanTime)) ** 2, 0);
  const HOUR = 3_600_000;
  return { perHour: slope * HOUR, error: Math.sqrt(rest / (count - 2) / spread) * HOUR };
}
