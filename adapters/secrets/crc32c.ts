/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720 appendix B.4) as an unsigned number: Google's check of a secret's bytes. */
export function crc32c(bytes: Uint8Array): number {
  // Made when it is first needed: an isolate's start is counted in milliseconds.
  table ??= makeTable();
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

let table: Uint32Array | null = null;

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value >>> 0;
  });
}
