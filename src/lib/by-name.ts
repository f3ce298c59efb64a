/** Names longer than this are not kept: a caller chooses them, and memory is not its to fill. */
const MAX_LENGTH = 64;
const MAX_NAMES = 512;

/**
 * Makes `judge`, a pure function of a header's name as it is written, remember what it said. The same few dozen names come with every
 * call, and one look-up is cheaper than a lower-case copy and what follows it. When 512 names are known all are forgotten.
 */
export function byName<Value>(judge: (name: string) => Value): (name: string) => Value {
  const known = new Map<string, Value>();
  return (name) => {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const value = judge(name);
    if (name.length > MAX_LENGTH) return value;
    if (known.size >= MAX_NAMES) known.clear();
    known.set(name, value);
    return value;
  };
}
