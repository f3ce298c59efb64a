/** A text that holds manifests: the content of one file, of standard input, or of a bundle entry. */
export interface ManifestSource {
  /** Shown in faults; `-` for standard input. */
  readonly path: string;
  readonly text: string;
}

/**
 * Something that is wrong with a manifest, with the place where it stands. An `error` keeps the whole set of manifests
 * from being used (the last good snapshot stays); a `warning` does not. Never carries the value of a field of a Secret.
 */
export interface Fault {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in UTF-16 units. */
  readonly column: number;
  /** JSON pointer (RFC 6901) inside the document; empty for the document itself. */
  readonly pointer: string;
  readonly kind: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly message: string;
  /** What to write instead, where that can be said. */
  readonly advice: string | null;
  /** The line of the source, for people; null where it might hold a secret. */
  readonly excerpt: string | null;
}
