/** 1 for the characters of a token, by code (RFC 9110 section 5.6.2). */
const TOKEN = Uint8Array.from({ length: 128 }, (_, code) => (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)) ? 1 : 0));

/** Whether the text is a token: a method, or the name of a header. */
export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  return text.length > 0;
}

/**
 * Whether the text holds only characters that may stand in a header's value (RFC 9110 section 5.5). Characters above U+00FF
 * may not: written as Latin-1, U+010A becomes a line feed.
 */
export function isFieldValue(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // A loop is cheaper than an expression: most values are short.
    if ((code < 0x20 && code !== 0x09) || (code > 0x7e && code < 0x80) || code > 0xff) return false;
  }
  return true;
}
