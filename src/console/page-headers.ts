/** Nothing from elsewhere, nothing inline, and nobody may show the page inside theirs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/** On every answer of the page, data and files included. */
const GUARDS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  // Not `no-referrer`: with it a browser sends the sign-in form with `Origin: null`, and over plain HTTP nothing else says where a form came from.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** The headers of an answer that no cache may keep, with further ones. */
export function privateHeaders(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...GUARDS, "cache-control": "no-store", ...more };
}

/** The headers of a file, which a browser keeps and asks about each time: it is the same for everybody. */
export function fileHeaders(more: Readonly<Record<string, string>>): Record<string, string> {
  return { ...GUARDS, "cache-control": "no-cache", ...more };
}
