/**
 * The hostnames under which a route is reached through a listener: the narrower of each pair that overlaps. Empty means every host of the
 * listener; null means that nothing overlaps. `*.x` covers any number of labels in front of `x`, never `x` itself.
 */
export function intersectHostnames(listener: string | null, route: readonly string[]): readonly string[] | null {
  const own = listener === null ? null : listener.toLowerCase();
  if (route.length === 0) return own === null ? [] : [own];
  const found = new Set<string>();
  for (const authored of route) {
    const hostname = authored.toLowerCase();
    if (own === null || covers(own, hostname)) found.add(hostname);
    else if (covers(hostname, own)) found.add(own);
  }
  return found.size === 0 ? null : [...found];
}

function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (!wide.startsWith("*.")) return false;
  const suffix = wide.slice(1);
  return narrow.length > suffix.length && narrow.endsWith(suffix);
}
