/** A bounded map whose entries end. */
export interface TtlCache<Value extends object> {
  /** Null: never there, ended, or pushed out. */
  get(key: string): Value | null;
  /** `ttlMs` of zero or less stores nothing. */
  set(key: string, value: Value, ttlMs: number): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

/**
 * Beyond `maxEntries` the entry that was written first goes: entries here live for seconds, so the order of
 * writing is as good as the order of use, and a look-up writes nothing. `monotonic` gives milliseconds.
 */
export function createTtlCache<Value extends object>(options: { readonly maxEntries: number; readonly monotonic: () => number }): TtlCache<Value> {
  const { maxEntries, monotonic } = options;
  const entries = new Map<string, { readonly value: Value; readonly ends: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      if (monotonic() < entry.ends) return entry.value;
      entries.delete(key);
      return null;
    },
    set(key, value, ttlMs) {
      entries.delete(key);
      if (!(ttlMs > 0)) return;
      entries.set(key, { value, ends: monotonic() + ttlMs });
      if (entries.size <= maxEntries) return;
      const first = entries.keys().next();
      if (!first.done) entries.delete(first.value);
    },
    delete(key) {
      entries.delete(key);
    },
    clear() {
      entries.clear();
    },
    get size() {
      return entries.size;
    },
  };
}
