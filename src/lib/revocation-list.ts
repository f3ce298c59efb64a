/** What the broker reads of a certificate revocation list (RFC 5280 section 5.1) itself. Its signature and its entries are for whoever makes the handshake. */
export interface RevocationList {
  /** The list alone, in PEM. */
  readonly pem: string;
  /** Milliseconds since the Unix epoch. */
  readonly thisUpdate: number;
  /** After this moment the list says nothing any more. */
  readonly nextUpdate: number;
}

const BLOCK = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g;
const TAG = { integer: 0x02, sequence: 0x30, utcTime: 0x17, generalizedTime: 0x18 } as const;

/** All lists in a PEM text, in order; null: there is none, or one of them cannot be read, or does not say until when it is good. */
export function readRevocationLists(text: string): readonly RevocationList[] | null {
  const lists: RevocationList[] = [];
  for (const [pem, base64 = ""] of text.matchAll(BLOCK)) {
    const bytes = fromBase64(base64.replaceAll(/\s/g, ""));
    const times = bytes === null ? null : readTimes(bytes);
    if (times === null) return null;
    lists.push({ pem, ...times });
  }
  // A block that the pattern passed over would be a list that nobody looks into.
  return lists.length > 0 && lists.length === text.split("-----BEGIN").length - 1 ? lists : null;
}

/** CertificateList ::= SEQUENCE { tbsCertList SEQUENCE { version?, signature, issuer, thisUpdate, nextUpdate?, … }, … } */
function readTimes(bytes: Uint8Array): Pick<RevocationList, "thisUpdate" | "nextUpdate"> | null {
  const outer = element(bytes, 0);
  if (outer?.tag !== TAG.sequence || outer.end !== bytes.length) return null;
  const signed = element(bytes, outer.start);
  if (signed?.tag !== TAG.sequence) return null;
  let at = signed.start;
  const next = (): Element | null => {
    const found = at < signed.end ? element(bytes, at) : null;
    at = found?.end ?? signed.end;
    return found;
  };
  const first = next();
  const algorithm = first?.tag === TAG.integer ? next() : first;
  const issuer = next();
  if (algorithm?.tag !== TAG.sequence || issuer?.tag !== TAG.sequence) return null;
  const thisUpdate = readTime(bytes, next());
  // RFC 5280 section 5.1.2.5 asks for nextUpdate; a list that never ends could be kept from us for ever.
  const nextUpdate = readTime(bytes, next());
  return thisUpdate === null || nextUpdate === null ? null : { thisUpdate, nextUpdate };
}

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** The DER element at an offset; null: it does not end inside the bytes. */
function element(bytes: Uint8Array, at: number): Element | null {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return null;
  const extra = first < 0x80 ? 0 : first & 0x7f;
  // 0x80 alone is BER's unknown length; more than four bytes is more than a list can have.
  if (first === 0x80 || extra > 4) return null;
  let length = extra === 0 ? first : 0;
  for (let i = 0; i < extra; i += 1) length = length * 256 + (bytes[at + 2 + i] ?? 0);
  const start = at + 2 + extra;
  return start + length <= bytes.length ? { tag, start, end: start + length } : null;
}

function readTime(bytes: Uint8Array, found: Element | null): number | null {
  if (found === null || (found.tag !== TAG.utcTime && found.tag !== TAG.generalizedTime)) return null;
  const text = String.fromCharCode(...bytes.subarray(found.start, Math.min(found.end, found.start + 20)));
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null || (match[1]?.length === 2) !== (found.tag === TAG.utcTime)) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  // RFC 5280 section 4.1.2.5.1: two digits below 50 are of this century.
  const full = found.tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  return Date.UTC(full, month - 1, day, hour, minute, second);
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
