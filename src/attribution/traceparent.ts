/** The span of the caller under which this call stands. */
export interface RemoteParent {
  readonly traceId: string;
  readonly spanId: string;
  /** 1: sampled, 0: not. Other flags have no meaning to us and are dropped. */
  readonly flags: number;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
// Longer than any version that could be meant; the expression never sees more.
const MAX_LENGTH = 256;

/**
 * Reads a W3C `traceparent` strictly (Trace Context level 1, section 3.2.2); null for anything else, which starts a new trace.
 * `tracestate` and `baggage` are never read: a caller may write into them what it likes.
 */
export function parseTraceparent(text: string | null): RemoteParent | null {
  if (text === null || text.length < 55 || text.length > MAX_LENGTH) return null;
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, version = "ff", traceId = NO_TRACE, spanId = NO_SPAN, flags = "00", rest] = match;
  // Version ff is forbidden; version 00 has exactly four fields; later versions may append more.
  if (version === "ff" || (version === "00" && rest !== undefined)) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & 1 };
}

/** Writes version 00 of the header. */
export function formatTraceparent(parent: RemoteParent): string {
  return `00-${parent.traceId}-${parent.spanId}-${(parent.flags & 1) === 1 ? "01" : "00"}`;
}
