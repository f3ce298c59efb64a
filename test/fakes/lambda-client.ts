import { execFile } from "node:child_process";
import { mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

const VERSION = "4.0.2";
const INTEGRITY = "sha512-FE5Vskx7mYNnqAnWWJXUOsLp2VGgdsJsCoRLFTa8L4Yk0QVtArqR8q58yPA++QC1a73ZWJXBQ2AH31nIAv7NOQ==";
const FOLDER = resolve(import.meta.dirname, "../../.cache/lambda-client");
const ENTRY = join(FOLDER, "node_modules/aws-lambda-ric/index.mjs");
const SHIM = join(FOLDER, "native-client.cjs");
const LOCK = join(FOLDER, "lock");
/** A lock that is older was left by a process that died. */
const STALE_LOCK_MS = 120_000;

/**
 * The native half of AWS's client is libcurl in C++, built for a minute and a half when it is installed. It does three requests, which
 * this does with node:http: all else is AWS's own code.
 */
const NATIVE_CLIENT = `
const Module = require("node:module");
const http = require("node:http");
const [hostname, port] = (process.env.AWS_LAMBDA_RUNTIME_API ?? "").split(":");
const agent = new http.Agent({ keepAlive: true });
function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, agent, method, path: "/2018-06-01/runtime/invocation/" + path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => { text += part; }).on("end", () => resolve({ bodyJson: text, headers: response.headers })).on("error", reject);
    });
    request.on("error", reject).end(body);
  });
}
const json = { "content-type": "application/json" };
const ignore = () => {};
const client = {
  initializeClient() {},
  next: () => call("GET", "next"),
  done: (id, body) => void call("POST", id + "/response", body, json).catch(ignore),
  error: (id, body, cause) => void call("POST", id + "/error", body, { ...json, "lambda-runtime-function-error-type": JSON.parse(body).errorType ?? "Error", "lambda-runtime-function-xray-error-cause": encodeURIComponent(cause).slice(0, 1000) }).catch(ignore),
};
const load = Module._load;
Module._load = function (request, ...rest) {
  return request.endsWith("rapid-client.node") ? client : load.call(this, request, ...rest);
};
`;

/** AWS's own runtime client for Node, and what stands in for its native half. */
export interface LambdaClient {
  /** To be run by Node. */
  readonly entry: string;
  /** To be loaded before it (`node -r`). */
  readonly shim: string;
}

let installed: Promise<LambdaClient> | null = null;

/** Installs the runtime client once a checkout, outside of the dependencies: it is for tests only. Rejects with advice where there is no network. */
export function lambdaClient(): Promise<LambdaClient> {
  installed ??= install();
  return installed;
}

async function install(): Promise<LambdaClient> {
  await mkdir(FOLDER, { recursive: true });
  await holdLock(async () => {
    if (!(await isThere())) await fetchClient();
    if ((await readFile(SHIM, "utf8").catch(() => "")) !== NATIVE_CLIENT) await writeFile(SHIM, NATIVE_CLIENT);
  });
  return { entry: ENTRY, shim: SHIM };
}

async function isThere(): Promise<boolean> {
  const [lock, entry] = await Promise.all([
    readFile(join(FOLDER, "node_modules/.package-lock.json"), "utf8").catch(() => ""),
    stat(ENTRY).then(
      (found) => found.isFile(),
      () => false,
    ),
  ]);
  return entry && lock.includes(INTEGRITY);
}

async function fetchClient(): Promise<void> {
  const options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefix", FOLDER];
  try {
    await promisify(execFile)("npm", ["install", ...options, `aws-lambda-ric@${VERSION}`], { timeout: 110_000, env: cleanEnvironment() });
  } catch (error) {
    const reason = error instanceof Error && "stderr" in error ? String(error.stderr).slice(0, 500) : String(error);
    throw new Error(`tests of the Lambda adapter need aws-lambda-ric@${VERSION} from the npm registry once, and it could not be fetched:\n${reason}`);
  }
  if (await isThere()) return;
  await rm(join(FOLDER, "node_modules"), { recursive: true, force: true });
  throw new Error(`aws-lambda-ric@${VERSION} came with another integrity than the pinned one: it was thrown away`);
}

/** Settings of the npm that runs the tests are not meant for this install. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?:lifecycle|package|command)/i.test(name)));
}

/** One process at a time: test files run side by side. */
async function holdLock(work: () => Promise<void>): Promise<void> {
  for (;;) {
    const held = await open(LOCK, "wx").catch(() => null);
    if (held !== null) {
      try {
        await work();
      } finally {
        await held.close();
        await rm(LOCK, { force: true });
      }
      return;
    }
    const age = await stat(LOCK).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > STALE_LOCK_MS) await rm(LOCK, { force: true });
    await wait(50);
  }
}
