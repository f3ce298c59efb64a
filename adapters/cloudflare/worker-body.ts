import type { BodyFailure, IncomingBody, StreamBody } from "../../src/index.ts";
import { bodyReader } from "../transport/body-reader.ts";

/** How long a caller may send nothing of a body that is being read, as on Node. */
const SILENCE_MS = 27_000;

type Read = Uint8Array | "end" | "too_slow" | "aborted";

/** The body of a Worker's request. Nothing of it is read before `collect` or `stream` is called. */
export function createWorkerBody(request: Request): IncomingBody {
  const written = request.headers.get("content-length");
  const declaredLength = written !== null && /^\d{1,15}$/.test(written) ? Number(written) : null;
  const present = request.body !== null && declaredLength !== 0;
  return {
    declaredLength,
    present,
    collect: async (maxBytes) => {
      if (!present) return new Uint8Array(0);
      return collect(createSource(request), maxBytes);
    },
    stream: (maxBytes, replayBytes) => replayable(createSource(request), declaredLength, maxBytes, replayBytes),
  };
}

interface Source {
  next(): Promise<Read>;
  cancel(): void;
}

function createSource(request: Request): Source {
  const reader = request.body === null ? null : bodyReader(request.body);
  const cancel = (): void => reader?.cancel();
  return {
    cancel,
    next: () =>
      new Promise((resolve) => {
        if (reader === null) {
          resolve("end");
          return;
        }
        const timer = setTimeout(() => {
          resolve("too_slow");
          cancel();
        }, SILENCE_MS);
        reader.read().then(
          (bytes) => {
            clearTimeout(timer);
            resolve(bytes ?? "end");
          },
          () => {
            clearTimeout(timer);
            resolve("aborted");
          },
        );
      }),
  };
}

async function collect(source: Source, maxBytes: number): Promise<Uint8Array | BodyFailure> {
  let whole = new Uint8Array(0);
  let length = 0;
  for (;;) {
    const read = await source.next();
    if (read === "end") return whole.subarray(0, length);
    if (typeof read === "string") return read;
    const needed = length + read.length;
    if (needed > maxBytes) {
      source.cancel();
      return "too_large";
    }
    if (needed > whole.length) {
      // One growing buffer: a million chunks of one byte must not become a million objects.
      const grown = new Uint8Array(Math.max(needed, Math.min(whole.length * 2, maxBytes)));
      grown.set(whole.subarray(0, length));
      whole = grown;
    }
    whole.set(read, length);
    length = needed;
  }
}

/** A body that can begin anew while all that has come fits `replayBytes`. One reader at a time: opening again ends the one before. */
function replayable(source: Source, length: number | null, maxBytes: number, replayBytes: number): StreamBody {
  const kept: Uint8Array[] = [];
  /** Chunks that are gone from the front of `kept`. */
  let dropped = 0;
  let total = 0;
  let state: "open" | "ended" | "broken" = "open";
  let reading: Promise<void> | null = null;
  let generation = 0;

  async function more(): Promise<void> {
    const read = await source.next();
    reading = null;
    if (read === "end") state = "ended";
    else if (typeof read === "string") state = "broken";
    else {
      total += read.length;
      kept.push(read);
      if (total > maxBytes) {
        state = "broken";
        source.cancel();
      }
    }
  }

  async function* read(own: number): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (;;) {
      if (own !== generation) throw new Error("the body was opened again");
      if (total > maxBytes) throw new Error("the request body is too large");
      const chunk = kept[at - dropped];
      if (chunk !== undefined) {
        at += 1;
        if (total > replayBytes) {
          kept.splice(0, at - dropped);
          dropped = at;
        }
        yield chunk;
        continue;
      }
      if (state === "ended") return;
      if (state === "broken") throw new Error("the request body broke off");
      reading ??= more();
      await reading;
    }
  }

  return {
    kind: "stream",
    length,
    overflowed: () => total > maxBytes,
    replayable: () => total <= replayBytes && state !== "broken",
    open: () => {
      if (total > replayBytes) throw new Error("the body can no longer be sent from its start");
      generation += 1;
      return read(generation);
    },
  };
}
