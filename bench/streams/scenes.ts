import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { residentKiB } from "../processes.ts";
import type { Rival } from "../rivals.ts";
import { inTurns, openPatiently, openStream, quantile, type RawStream, smallCall, type Target } from "./clients.ts";

/** A proxy under measure, and the destination that it hands calls to. */
export interface Stage {
  readonly rival: Rival;
  readonly target: Target;
  readonly upstreamPort: number;
}

/** What the destination knows. */
interface UpstreamState {
  readonly open: number;
  readonly sent: number;
  readonly closedAt: Readonly<Record<string, number>>;
}

async function control(stage: Stage, path: string): Promise<UpstreamState> {
  const answer = await fetch(`http://127.0.0.1:${stage.upstreamPort}/control/${path}`);
  return (await answer.json()) as UpstreamState; // our own upstream
}

const WARM_UP = 300;

async function warmUp(stage: Stage): Promise<number> {
  await inTurns(WARM_UP, 8, () => smallCall(stage.target));
  await sleep(500);
  return residentKiB(stage.rival.pid);
}

/** Highest resident memory in KiB while the work runs. */
async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = residentKiB(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentKiB(pid));
  }, 15);
  await work();
  clearInterval(timer);
  return Math.max(peak, residentKiB(pid));
}

export interface HeldFigures {
  readonly streams: number;
  /** Times that the proxy had no time for one more, while they were opened. */
  readonly refusals: number;
  readonly KiBaStream: number;
  readonly firstByteP50: number;
  readonly firstByteP99: number;
  readonly healthP50: number;
  readonly healthP99: number;
  /** Streams that ended with their own end after SIGTERM. */
  readonly whole: number;
  /** Milliseconds from the end of the last stream to the end of the process. */
  readonly drainMs: number;
  readonly exit: number | null;
}

/** Opens streams into the list, fifty at a time; gives how often one was refused. */
async function openAll(streams: RawStream[], target: Target, what: string, count: number, stopReading: boolean): Promise<number> {
  const opened = await inTurns(count, 50, (index) => openPatiently(target, what, `${what}-${count}-${index}`, { stopReading }));
  for (const { stream } of opened) if (stream !== null) streams.push(stream);
  return opened.reduce((sum, { refusals }) => sum + refusals, 0);
}

/** Streams that are open at once, small calls beside them, and then SIGTERM while all end within `endMs`. */
export async function holdStreams(stage: Stage, count: number, endMs: number): Promise<HeldFigures> {
  const { rival, target } = stage;
  const before = await warmUp(stage);
  const streams: RawStream[] = [];
  const refusals = await openAll(streams, target, "hold", count, false);
  await sleep(2_000);
  const memory = residentKiB(rival.pid);
  const calls: number[] = [];
  const health: number[] = [];
  for (let index = 0; index < 200; index += 1) {
    calls.push((await smallCall(target)).ms);
    health.push((await smallCall(target, "/-/healthz")).ms);
    await sleep(15);
  }
  process.kill(rival.pid, "SIGTERM");
  await sleep(200);
  await control(stage, `end?ms=${endMs}`);
  const whole = await Promise.all(streams.map((stream) => stream.whole));
  const last = performance.now();
  const exit = await rival.ended;
  const drainMs = performance.now() - last;
  for (const stream of streams) stream.socket.destroy();
  return {
    streams: streams.length,
    refusals,
    KiBaStream: (memory - before) / Math.max(1, streams.length),
    firstByteP50: quantile(calls, 0.5),
    firstByteP99: quantile(calls, 0.99),
    healthP50: quantile(health, 0.5),
    healthP99: quantile(health, 0.99),
    whole: whole.filter((one) => one).length,
    drainMs,
    exit,
  };
}

export interface StalledFigures {
  readonly readers: number;
  readonly refusals: number;
  readonly KiBaReader: number;
  /** MiB that the destination could send in the second after nothing moved any more. */
  readonly moreMiB: number;
  readonly healthP99: number;
  /** Streams of the destination that are open 3 s after all callers hung up; and 10 s after. */
  readonly left: number;
  readonly leftLater: number;
}

/** Callers that ask for a stream, take its first bytes and stop reading. */
export async function stallReaders(stage: Stage, count: number): Promise<StalledFigures> {
  const { rival, target } = stage;
  const before = await warmUp(stage);
  const streams: RawStream[] = [];
  let moreMiB = 0;
  let refusals = 0;
  const health: number[] = [];
  const peak = await peakDuring(rival.pid, async () => {
    refusals = await openAll(streams, target, "flood", count, true);
    let { sent } = await control(stage, "state");
    for (let quiet = 0, looks = 0; quiet < 4 && looks < 120; looks += 1) {
      await sleep(500);
      const now = (await control(stage, "state")).sent;
      quiet = now === sent ? quiet + 1 : 0;
      sent = now;
    }
    for (let index = 0; index < 50; index += 1) {
      health.push((await smallCall(target, "/-/healthz")).ms);
      await sleep(20);
    }
    moreMiB = ((await control(stage, "state")).sent - sent) / 1024 / 1024;
  });
  for (const stream of streams) stream.socket.destroy();
  await sleep(3_000);
  const { open } = await control(stage, "state");
  await sleep(7_000);
  const later = (await control(stage, "state")).open;
  return {
    readers: streams.length,
    refusals,
    KiBaReader: (peak - before) / Math.max(1, streams.length),
    moreMiB,
    healthP99: quantile(health, 0.99),
    left: open,
    leftLater: later,
  };
}

export interface CancelFigures {
  readonly calls: number;
  readonly closed: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Callers that hang up in the middle of a stream: milliseconds until the destination sees its connection closed. */
export async function cancelStreams(stage: Stage, count: number): Promise<CancelFigures> {
  await warmUp(stage);
  const hungUp = new Map<string, number>();
  await inTurns(count, 4, async (index) => {
    const id = `cancel-${stage.rival.pid}-${index}`;
    const stream = openStream(stage.target, "pace", id, { stopReading: false });
    await stream.begun;
    await sleep(100 + (index % 50));
    hungUp.set(id, Number(process.hrtime.bigint()) / 1e6);
    stream.socket.destroy();
    await sleep(50);
  });
  await sleep(3_000);
  const { closedAt } = await control(stage, "state");
  const took = [...hungUp].flatMap(([id, at]) => (closedAt[id] === undefined ? [] : [closedAt[id] - at]));
  return { calls: count, closed: took.length, p50: quantile(took, 0.5), p99: quantile(took, 0.99), max: Math.max(...took) };
}

export interface AmplificationFigures {
  /** MiB more for an answer of 0.25 MiB that is 256 MiB unpacked. */
  readonly bombMiB: number;
  /** MiB that the caller received of it. */
  readonly bombReceivedMiB: number;
  /** MiB more for eight requests of 50 MiB at once. */
  readonly uploadsMiB: number;
  /** Slowest small call beside them, in milliseconds. */
  readonly smallMs: number;
}

/** What a message can cost: an answer that unpacks to a thousand times its size, and eight large requests. */
export async function amplify(stage: Stage): Promise<AmplificationFigures> {
  const { rival, target } = stage;
  const before = await warmUp(stage);
  let received = 0;
  const bomb = await peakDuring(rival.pid, async () => {
    const socket = openStream(target, "bomb", "bomb", { stopReading: false }).socket;
    socket.on("data", (bytes: Buffer) => {
      received += bytes.length;
    });
    // What unpacks it goes on long after its own bytes have come.
    for (let last = -1, quiet = 0, waited = 0; quiet < 4 && waited < 60; waited += 1) {
      await sleep(500);
      quiet = received === last ? quiet + 1 : 0;
      last = received;
    }
    socket.destroy();
  });
  const middle = residentKiB(rival.pid);
  const small: number[] = [];
  const uploads = await peakDuring(rival.pid, async () => {
    let uploading = true;
    const beside = (async () => {
      while (uploading) {
        small.push((await smallCall(target).catch(() => ({ ms: Number.POSITIVE_INFINITY }))).ms);
        await sleep(20);
      }
    })();
    await Promise.all(Array.from({ length: 8 }, () => upload(target, 50 * 1024 * 1024)));
    uploading = false;
    await beside;
  });
  return {
    bombMiB: (bomb - before) / 1024,
    bombReceivedMiB: received / 1024 / 1024,
    uploadsMiB: (uploads - middle) / 1024,
    smallMs: Math.max(...small),
  };
}

/** Sends a body of so many bytes; settles once there is any answer, or the connection is closed. */
function upload({ port, token }: Target, bytes: number): Promise<void> {
  return new Promise((settle) => {
    const socket = connect({ host: "127.0.0.1", port });
    const part = Buffer.alloc(64 * 1024, "a");
    let left = bytes;
    const done = (): void => {
      socket.destroy();
      settle();
    };
    socket.on("error", done).once("data", done).once("close", done);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`,
    );
    const pump = (): void => {
      while (left > 0 && !socket.destroyed) {
        left -= part.length;
        if (!socket.write(part)) return void socket.once("drain", pump);
      }
    };
    pump();
  });
}
