import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startOn } from "./processes.ts";
import type { Scene } from "./scenes.ts";

/** What one run of the generator gave. */
export interface LoadResult {
  readonly requests: number;
  /** Answers that were not, byte for byte, what the upstream sent. */
  readonly wrong: number;
  /** Connections that broke or timed out. */
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly scene: Scene;
  readonly token: string;
  readonly connections: number;
  readonly seconds: number;
}

/** Compares every answer with the expected bytes, inside wrk. */
const SCRIPT = `
local function read(name) local file = assert(io.open(os.getenv(name), "rb")); local text = file:read("*a"); file:close(); return text end
local expected = read("BENCH_EXPECTED")
local threads = {}
wrong = 0
function setup(thread) table.insert(threads, thread) end
function init(args)
  wrk.method = "POST"
  wrk.body = read("BENCH_BODY")
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
  wrk.headers["X-Bench-Scene"] = os.getenv("BENCH_SCENE")
  prepared = wrk.format()
end
function request() return prepared end
function response(status, headers, body) if status ~= 200 or body ~= expected then wrong = wrong + 1 end end
function done(summary, latency, requests)
  local bad = 0
  for _, thread in ipairs(threads) do bad = bad + thread:get("wrong") end
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"wrong":%d,"errors":%d,"p50Us":%d,"p99Us":%d}\\n', summary.requests, bad,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** Drives load by wrk: not in JavaScript, so that the generator is not what is measured. */
export async function createLoad(wrk: string, folder: string): Promise<(options: LoadOptions) => Promise<LoadResult>> {
  const script = join(folder, "load.lua");
  await writeFile(script, SCRIPT);
  return async ({ url, scene, token, connections, seconds }) => {
    const expected = join(folder, `${scene.name}.expected`);
    const body = join(folder, `${scene.name}.request`);
    await Promise.all([writeFile(expected, scene.answerParts.join("")), writeFile(body, scene.requestBody)]);
    const args = ["-t", "1", "-c", String(connections), "-d", `${seconds}s`, "-s", script, `${url}/v1/chat/completions`];
    const env = { ...process.env, BENCH_EXPECTED: expected, BENCH_BODY: body, BENCH_TOKEN: token, BENCH_SCENE: scene.answer };
    const child = startOn(1, wrk, args, { stdio: ["ignore", "pipe", "inherit"], env });
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => resolve());
    });
    const result = /^RESULT (\{.*\})$/m.exec(output)?.[1];
    if (result === undefined) throw new Error(`wrk said nothing that can be read:\n${output}`);
    // Written by the script above.
    return JSON.parse(result) as LoadResult;
  };
}
