/** One of so many places for a key, by FNV-1a over its UTF-16 units: even enough, and the same in every isolate for ever. */
export function evenPlace(key: string, places: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % places;
}
