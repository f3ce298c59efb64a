/** A whole number with one of the binary suffixes of Kubernetes quantities. */
export const BYTE_SIZE = /^[1-9][0-9]{0,14}(Ki|Mi|Gi)?$/;

const FACTORS: Readonly<Record<string, number>> = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

/** Bytes of a number, or of a text that has passed `BYTE_SIZE`. */
export function byteSize(authored: number | string): number {
  if (typeof authored === "number") return authored;
  const factor = FACTORS[authored.slice(-2)];
  return factor === undefined ? Number(authored) : Number(authored.slice(0, -2)) * factor;
}
