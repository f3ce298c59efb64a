import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

/** What a thread of its own is given: so that what the test itself does at the same time is not measured. */
export interface SmallCalls {
  readonly port: number;
  readonly token: string;
  readonly body: string;
}

/** What it gives when it is told to stop. */
export interface SmallCallsResult {
  /** Of single calls, in milliseconds. */
  readonly slowest: number;
  readonly calls: number;
  /** Calls that were not answered with 200. */
  readonly failed: number;
}

const { port, token, body } = workerData as SmallCalls; // given by the test
const agent = new Agent({ keepAlive: true });
let isOver = false;
parentPort?.once("message", () => {
  isOver = true;
});

/** Milliseconds until the whole answer is there; null: it was no 200. */
function call(): Promise<number | null> {
  const started = performance.now();
  return new Promise((resolve) => {
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        agent,
        method: "POST",
        path: "/v1/chat/completions",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode === 200 ? performance.now() - started : null));
        answer.on("error", () => resolve(null));
      },
    );
    sent.on("error", () => resolve(null));
    sent.end(body);
  });
}

let slowest = 0;
let calls = 0;
let failed = 0;
do {
  const ms = await call();
  calls += 1;
  if (ms === null) failed += 1;
  else slowest = Math.max(slowest, ms);
  await new Promise((resolve) => setTimeout(resolve, 10));
} while (!isOver);
agent.destroy();
parentPort?.postMessage({ slowest, calls, failed } satisfies SmallCallsResult);
