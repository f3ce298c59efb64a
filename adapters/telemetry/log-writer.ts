import { openStandardOutput, type Write } from "./standard-output.ts";

export interface LogWriter {
  /** Takes one line without its line end. Never waits, never throws. */
  readonly log: (line: string) => void;
  /** Lines that were dropped because the reader of the log did not keep up, or is gone. */
  dropped(): number;
  /** Resolves when everything taken so far is written, or cannot be. */
  flush(): Promise<void>;
}

export interface LogWriterOptions {
  /** Left out: standard output. */
  readonly write?: Write;
  /** Characters that may wait. */
  readonly maxCharacters?: number;
  /** Told false whenever lines were dropped, and true when all that waited is written. */
  readonly onTaken?: (isTaken: boolean) => void;
}

const DEFAULT_MAX_CHARACTERS = 1024 * 1024;
/** One write takes no more than this, so that a slow reader is noticed early. */
const MAX_WRITE_CHARACTERS = 64 * 1024;
const RETRY_MS = 10;

/** Lines to standard output through a bounded buffer, one write at a time: a reader that does not keep up loses lines and slows nobody. */
export function createLogWriter(options: LogWriterOptions = {}): LogWriter {
  const write = options.write ?? openStandardOutput();
  const { onTaken } = options;
  const maxCharacters = options.maxCharacters ?? DEFAULT_MAX_CHARACTERS;
  let waiting: string[] = [];
  let characters = 0;
  let dropped = 0;
  let isTaken = true;
  let busy = false;
  let broken = false;
  let idle: (() => void)[] = [];

  function drop(lines: number): void {
    dropped += lines;
    isTaken = false;
    onTaken?.(false);
  }

  function pump(): void {
    if (busy) return;
    if (waiting.length === 0) {
      if (isTaken) onTaken?.(true);
      for (const resolve of idle) resolve();
      idle = [];
      return;
    }
    const { text, lines } = takeSome();
    busy = true;
    send(Buffer.from(text), lines);
  }

  function takeSome(): { text: string; lines: number } {
    let count = 0;
    let length = 0;
    while (count < waiting.length && (count === 0 || length + (waiting[count]?.length ?? 0) <= MAX_WRITE_CHARACTERS)) {
      length += waiting[count]?.length ?? 0;
      count += 1;
    }
    const text = waiting.slice(0, count).join("");
    waiting = waiting.slice(count);
    characters -= length;
    return { text, lines: count };
  }

  function send(bytes: Uint8Array, lines: number): void {
    write(bytes, (error, written) => {
      if (error === null && written >= bytes.byteLength) {
        isTaken = true;
        return done();
      }
      if (error === null) return send(bytes.subarray(written), lines);
      // The pipe is full.
      if (error.code === "EAGAIN") return void setTimeout(() => send(bytes, lines), RETRY_MS).unref();
      // The reader is gone (EPIPE) or the disk is full: the calls go on without a log.
      drop(lines);
      broken = error.code === "EPIPE" || error.code === "EBADF";
      done();
    });
  }

  function done(): void {
    busy = false;
    if (broken) {
      if (waiting.length > 0) drop(waiting.length);
      waiting = [];
      characters = 0;
    }
    pump();
  }

  return {
    log(line) {
      if (broken || characters + line.length + 1 > maxCharacters) {
        drop(1);
        return;
      }
      waiting.push(`${line}\n`);
      characters += line.length + 1;
      // Lines of one turn of the event loop leave in one write.
      if (waiting.length === 1) setImmediate(pump);
    },
    dropped: () => dropped,
    flush: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        pump();
      }),
  };
}
