/** Spaces may follow; behind a tab llhttp reads the body as one in no coding. */
const CHUNKED = /^chunked *$/i;

/**
 * RFC 9112 section 7.4: with no `TE` in the request there is no coding but `chunked`. llhttp and workerd hand the body of any other on as it came, until the
 * connection closes: coded bytes for an answer, and a cut that nobody sees.
 */
export function hasUnknownCoding(headers: readonly string[]): boolean {
  return headers.some((text, i) => i % 2 === 0 && text.length === 17 && text.toLowerCase() === "transfer-encoding" && !CHUNKED.test(headers[i + 1] ?? ""));
}
