/** Whether a text is what a pattern means: the pattern itself, or with one `*` at its beginning or end any text that ends or begins so. */
export function matchesStar(pattern: string, text: string): boolean {
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  if (pattern.endsWith("*")) return text.startsWith(pattern.slice(0, -1));
  return text === pattern;
}
