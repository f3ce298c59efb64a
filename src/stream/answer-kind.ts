import type { HeaderList } from "../model/http.ts";

/** What kind of body an answer has, from its headers. */
export interface AnswerKind {
  /** `text/event-stream`. */
  readonly eventStream: boolean;
  /** Lower-case; null when absent or `identity`. Several fields or codings stay one string: anything but null means "not readable". */
  readonly contentEncoding: string | null;
}

/** One walk over the flat list; the first content-type counts. */
export function answerKind(headers: HeaderList): AnswerKind {
  let type: string | null = null;
  let contentEncoding: string | null = null;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length !== 12 && name.length !== 16) continue;
    const lower = name.toLowerCase();
    const value = headers[index + 1] ?? "";
    if (lower === "content-type") type ??= essence(value);
    else if (lower === "content-encoding") {
      const coding = value.trim().toLowerCase();
      if (coding !== "" && coding !== "identity") contentEncoding = contentEncoding === null ? coding : `${contentEncoding}, ${coding}`;
    }
  }
  return {
    eventStream: type === "text/event-stream",
    contentEncoding,
  };
}

function essence(value: string): string {
  const semicolon = value.indexOf(";");
  return (semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase();
}
