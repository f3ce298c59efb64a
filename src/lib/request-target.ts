const HASH = 0x23;
const BACKSLASH = 0x5c;

/**
 * What keeps a request target from being read the same way by everyone; null: nothing. A target that two parsers could
 * read differently is refused rather than tidied up: `..` would let a caller leave the prefix that its route allows (T1).
 */
export function targetFault(target: string): string | null {
  if (!isOriginForm(target)) return "the request target is not a path of visible ASCII characters";
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  // Most paths have neither a dot after a slash nor an escape, and are done here.
  if (!path.includes("/.") && !path.includes("%")) return null;
  return hasDotSegment(path) ? "the path has a dot segment" : null;
}

/** A slash, then visible ASCII without `#` and `\`. */
function isOriginForm(target: string): boolean {
  if (!target.startsWith("/")) return false;
  for (let at = 1; at < target.length; at += 1) {
    const code = target.charCodeAt(at);
    if (code < 0x21 || code > 0x7e || code === HASH || code === BACKSLASH) return false;
  }
  return true;
}

/** True where a server that decodes once or more, or takes `\` for `/`, or drops `;parameters`, would see `.` or `..` as a segment. */
function hasDotSegment(path: string): boolean {
  const plain = path
    // `%252e` is `.` for a server that decodes twice.
    .replace(/%(?:25)+/g, "%")
    .replace(/%2e/gi, ".")
    .replace(/%(?:2f|5c)/gi, "/")
    .replace(/%3b/gi, ";");
  for (const segment of plain.split("/")) {
    const end = segment.indexOf(";");
    const name = end === -1 ? segment : segment.slice(0, end);
    if (name === "." || name === "..") return true;
  }
  return false;
}
