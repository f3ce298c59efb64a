/**
 * A header block as a flat list, `[name, value, name, value, …]`, as it stood on the wire. Names are compared
 * without case; the order and the case that arrived are kept. A flat list is what Node gives and takes, and is
 * an order of magnitude cheaper than `Headers` (see docs/design.md, "The hot path").
 */
export type HeaderList = readonly string[];

/** Where a connection goes: built from a compiled manifest, never from anything that a caller sent. */
export interface Origin {
  readonly scheme: "http" | "https";
  /** Lower-case DNS name without trailing dot. */
  readonly hostname: string;
  readonly port: number;
}

/** A request body as the stages see it. `stream` is for what is too large, or of no interest, to hold whole. */
export type RequestBody = { readonly kind: "none" } | { readonly kind: "bytes"; readonly bytes: Uint8Array } | StreamBody;

export interface StreamBody {
  readonly kind: "stream";
  /** `content-length` where the caller declared one, in bytes. */
  readonly length: number | null;
  /** True while every byte that has arrived is still held, so that `open()` can begin anew for another attempt. */
  replayable(): boolean;
  /** True once the caller has sent more than the Gateway accepts: the stream breaks off there. */
  overflowed(): boolean;
  /** The body from its first byte. Throws when it can no longer be replayed. */
  open(): AsyncIterable<Uint8Array>;
}

/** The most that the head of a request may have, on every platform: fields, and bytes of all of them. */
export const HEAD_BOUNDS = { fields: 100, bytes: 16_384 } as const;

/** The methods that RFC 9110 section 9.2.2 calls idempotent. */
export const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
