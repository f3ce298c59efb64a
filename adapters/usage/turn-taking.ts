/** Runs what needs the same key one after the other, in the order in which it came. */
export function createTurnTaking(): <Value>(keys: readonly string[], work: () => Promise<Value>) => Promise<Value> {
  const last = new Map<string, Promise<unknown>>();
  return async (keys, work) => {
    const before = keys.map((key) => last.get(key));
    const done = Promise.allSettled(before).then(work);
    for (const key of keys) last.set(key, done);
    try {
      return await done;
    } finally {
      for (const key of keys) if (last.get(key) === done) last.delete(key);
    }
  };
}
