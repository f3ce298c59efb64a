import { connect, type Socket } from "node:net";

/** What came of calls. Times in milliseconds. */
export interface Pressed {
  /** Calls that were due. */
  due: number;
  /** 200, whole, within the callers' patience of when they were due. */
  good: number;
  refused: number;
  /** Later than that, or broken off, or never answered: the caller has left. */
  late: number;
  /** Other statuses. */
  other: number;
  /** Of the good ones, from when they were due. */
  readonly times: number[];
  /** Of the refused ones. */
  readonly refusals: number[];
}

export interface PressOptions {
  readonly port: number;
  /** Whole requests, taken in turn. */
  readonly requests: readonly Buffer[];
  /** Calls a second, whoever is answered. */
  readonly rate: number;
  readonly seconds: number;
  /** A caller that has waited for so long has given up: an answer after that is none. */
  readonly patienceMs: number;
}

interface Call {
  readonly due: number;
  socket: Socket | null;
}

/** More callers at once than this are not believed: descriptors have a limit. */
const MOST_SOCKETS = 6_000;

/** Calls that come at a rate of their own (an open loop), over raw sockets that are used again, each for one call at a time. */
export async function press({ port, requests, rate, seconds, patienceMs }: PressOptions): Promise<Pressed> {
  const pressed: Pressed = { due: 0, good: 0, refused: 0, late: 0, other: 0, times: [], refusals: [] };
  const idle: Line[] = [];
  const lines = new Set<Line>();
  const waiting: Call[] = [];
  const started = performance.now();

  function send(due: number): void {
    const call: Call = { due, socket: null };
    waiting.push(call);
    let line = idle.pop();
    while (line?.socket.destroyed === true) line = idle.pop();
    if (line === undefined) {
      if (lines.size >= MOST_SOCKETS) return;
      line = openLine();
    }
    line.call = call;
    call.socket = line.socket;
    line.socket.write(requests[pressed.due % requests.length] ?? "");
  }

  function openLine(): Line {
    const line: Line = { socket: connect({ port, host: "127.0.0.1", noDelay: true }), call: null, text: "" };
    lines.add(line);
    line.socket.on("data", (bytes) => {
      line.text += bytes.toString("latin1");
      if (line.call === null || !isWhole(line.text)) return;
      const status = line.text.slice(9, 12);
      const closes = /\r\nconnection: close/i.test(line.text.slice(0, 1_000));
      line.text = "";
      settle(line.call, status);
      line.call = null;
      if (closes) line.socket.destroy();
      else idle.push(line);
    });
    line.socket.on("error", () => {});
    line.socket.on("close", () => lines.delete(line));
    return line;
  }

  function settle(call: Call, status: string): void {
    call.socket = null;
    const took = performance.now() - call.due;
    if (status === "503") {
      pressed.refused += 1;
      pressed.refusals.push(took);
    } else if (status !== "200") pressed.other += 1;
    else if (took <= patienceMs) {
      pressed.good += 1;
      pressed.times.push(took);
    } else pressed.late += 1;
  }

  /** Those whose callers have given up hang up. */
  function sweep(now: number): void {
    for (let first = waiting[0]; first !== undefined && first.due < now - patienceMs; first = waiting[0]) {
      waiting.shift();
      first.socket?.destroy();
    }
  }

  for (let now = started; now - started < seconds * 1_000; now = performance.now()) {
    const until = Math.floor(((now - started) / 1_000) * rate);
    for (; pressed.due < until; pressed.due += 1) send(started + (pressed.due / rate) * 1_000);
    sweep(now);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, patienceMs));
  for (const { socket } of lines) socket.destroy();
  pressed.late = pressed.due - pressed.good - pressed.refused - pressed.other;
  return pressed;
}

interface Line {
  readonly socket: Socket;
  call: Call | null;
  text: string;
}

/** Only the answers of this bench: a length, or chunks whose end nothing else in them looks like. */
function isWhole(text: string): boolean {
  const body = text.indexOf("\r\n\r\n") + 4;
  if (body === 3) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, body))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= body + Number(length);
}

/** Streams that are open all the while: what becomes of them. */
export interface LongStreams {
  /** How many have had a byte within the last `ms`. */
  alive(ms: number): number;
  /** How many have come to their whole end. */
  whole(): number;
  close(): void;
}

export async function openLong(port: number, request: Buffer, count: number): Promise<LongStreams> {
  const streams = Array.from({ length: count }, () => ({ socket: connect(port, "127.0.0.1"), last: 0, tail: "" }));
  for (const stream of streams) {
    stream.socket.on("error", () => {});
    stream.socket.on("data", (bytes) => {
      stream.last = performance.now();
      stream.tail = (stream.tail + bytes.toString("latin1")).slice(-40);
    });
    stream.socket.write(request);
  }
  while (streams.some(({ last }) => last === 0)) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    alive: (ms) => streams.filter(({ last }) => performance.now() - last < ms).length,
    whole: () => streams.filter(({ tail }) => tail.endsWith("\r\n0\r\n\r\n")).length,
    close: () => {
      for (const { socket } of streams) socket.destroy();
    },
  };
}

/** Asks a page again and again, each time on a new connection: times of the answers, and whether each had this status. */
export function probe(port: number, path: string, status: string, everyMs: number): { stop(): { readonly times: readonly number[]; readonly wrong: number } } {
  const times: number[] = [];
  let wrong = 0;
  const timer = setInterval(() => {
    const asked = performance.now();
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.on("close", () => {
      times.push(performance.now() - asked);
      if (text.slice(9, 12) !== status) wrong += 1;
    });
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  }, everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return { times, wrong };
    },
  };
}
