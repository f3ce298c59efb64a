import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { lambdaClient } from "./lambda-client.ts";
import { answerOfFunction, type Door, eventOf } from "./lambda-front-door.ts";

const PACKAGE = resolve(import.meta.dirname, "../../dist/lambda");
const PREFIX = "/2018-06-01/runtime/";
/** How long an answer may be on its way after the client has asked for the next invocation. */
const ANSWER_MS = 1_000;
const BUFFERED_BYTES = 6 * 1024 * 1024;

/** The built function in AWS's own runtime client, behind a small Runtime API and a front door on loopback. */
export interface LambdaProcess {
  /** The front door: to it SDKs and curl talk. */
  readonly url: string;
  /** Folder of the manifests. */
  readonly folder: string;
  /** Of the environment that runs now; 0 while none does. */
  pid(): number;
  /** Environments started so far: more than one means that one ended. */
  environments(): number;
  /** Access-log lines so far, parsed. */
  calls(): readonly Record<string, unknown>[];
  /** Waits for an access-log line that satisfies the test; rejects after 20 s. */
  call(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  stdout(): string;
  stderr(): string;
  /** Invokes the function with any event, as a queue or bus does. */
  invoke(event: unknown): Promise<Invoked>;
  /** Ends the environment without a warning, and waits until it has ended; the next invocation gets a new one. */
  kill(): Promise<void>;
  /** Ends everything; gives the exit code of the environment. */
  stop(): Promise<number | null>;
}

/** What an invocation gave: the bytes as they came, or the type of the function's error. */
export interface Invoked {
  readonly errorType: string | null;
  readonly body: Buffer;
}

export interface LambdaOptions {
  readonly manifests: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The export of `index.mjs` that is invoked. Default `handler`, which streams. */
  readonly handler?: "handler" | "events";
  /** Default `url`, a function URL. */
  readonly door?: Door;
  /** Calls at once in one environment, as Managed Instances have it; default: one after the other. */
  readonly concurrency?: number;
  /** The function's timeout. Default 30,000. */
  readonly timeoutMs?: number;
  /** ARN of whoever IAM authenticated; default: nobody. */
  readonly principal?: string;
  /** True: the connection to the function breaks when the caller leaves. Lambda does not do that: the function goes on. */
  readonly cutWhenCallerLeaves?: boolean;
}

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  /** The function answers: its request to the Runtime API, which streams or not. */
  readonly onAnswer: (request: IncomingMessage, streamed: boolean) => void;
  readonly onError: (errorType: string) => void;
  answered: boolean;
  /** The client asked for the next one. */
  finished: boolean;
  timer: NodeJS.Timeout | null;
}

/** Starts `dist/lambda/index.mjs` with the manifests in a temporary folder. Rejects when its initialisation fails. */
export async function startLambda(options: LambdaOptions): Promise<LambdaProcess> {
  const { door = "url", concurrency = null, timeoutMs = 30_000, handler = "handler" } = options;
  const client = await lambdaClient();
  const folder = await mkdtemp(join(tmpdir(), "spillway-lambda-"));
  await writeFile(join(folder, "manifests.yaml"), options.manifests);
  const waiting: Invocation[] = [];
  const running = new Map<string, Invocation>();
  const pulls: ServerResponse[] = [];
  const listeners = new Set<() => void>();
  let child: ChildProcess | null = null;
  let environments = 0;
  let initError: string | null = null;
  let initialised = false;
  let stopping = false;
  let stdout = "";
  let stderr = "";
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  // -- the Runtime API

  const api = createServer((request, response) => {
    const path = (request.url ?? "").slice(PREFIX.length);
    if (request.method === "GET" && path === "invocation/next") {
      initialised = true;
      changed();
      // One that asks for more has done with what it had.
      if (concurrency === null) for (const invocation of running.values()) finished(invocation);
      pulls.push(response);
      hand();
      return;
    }
    const [, id = "", what = ""] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const invocation = running.get(id);
    if (path === "init/error") {
      initError = String(request.headers["lambda-runtime-function-error-type"]);
      request.resume().on("end", () => accept(response));
      changed();
    } else if (invocation === undefined || invocation.answered) {
      request.resume().on("end", () => response.writeHead(400, { "content-type": "application/json" }).end('{"errorType":"InvalidRequestID"}'));
    } else if (what === "error") {
      invocation.answered = true;
      request.resume().on("end", () => {
        accept(response);
        invocation.onError(String(request.headers["lambda-runtime-function-error-type"] ?? "Error"));
        if (concurrency !== null || invocation.finished) release(invocation);
      });
    } else {
      invocation.answered = true;
      request.on("end", () => {
        accept(response);
        if (concurrency !== null || invocation.finished) release(invocation);
      });
      invocation.onAnswer(request, request.headers["lambda-runtime-function-response-mode"] === "streaming");
    }
  });
  api.requestTimeout = 0;
  api.headersTimeout = 0;
  api.keepAliveTimeout = 0;

  function accept(response: ServerResponse): void {
    response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
  }

  /** Gives what waits to whoever asks. */
  function hand(): void {
    if (waiting.length > 0 && child === null && !stopping) startEnvironment();
    while (waiting.length > 0 && running.size < (concurrency ?? 1)) {
      const pull = pulls.shift();
      if (pull === undefined) return;
      if (pull.destroyed) continue;
      const invocation = waiting.shift();
      if (invocation === undefined) return;
      running.set(invocation.id, invocation);
      // The environment of a function that is late is ended, whatever else it is doing.
      invocation.timer = setTimeout(() => child?.kill("SIGKILL"), timeoutMs);
      pull
        .writeHead(200, {
          "content-type": "application/json",
          "lambda-runtime-aws-request-id": invocation.id,
          "lambda-runtime-deadline-ms": `${Date.now() + timeoutMs}`,
          "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:123456789012:function:spillway",
          "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000",
        })
        .end(JSON.stringify(invocation.event));
    }
  }

  function release(invocation: Invocation): void {
    if (invocation.timer !== null) clearTimeout(invocation.timer);
    running.delete(invocation.id);
    hand();
  }

  /** The client has done with it. Its answer may still be on its way: that has a connection of its own. */
  function finished(invocation: Invocation): void {
    if (invocation.answered) {
      release(invocation);
      return;
    }
    invocation.finished = true;
    if (invocation.timer !== null) clearTimeout(invocation.timer);
    invocation.timer = setTimeout(() => done(invocation, "Runtime.NoAnswer"), ANSWER_MS);
  }

  function done(invocation: Invocation, otherwise: string): void {
    if (!invocation.answered) invocation.onError(otherwise);
    release(invocation);
  }

  function submit(event: unknown, onAnswer: Invocation["onAnswer"], onError: Invocation["onError"]): void {
    waiting.push({ id: crypto.randomUUID(), event, onAnswer, onError, answered: false, finished: false, timer: null });
    hand();
  }

  // -- the environment

  function startEnvironment(): void {
    environments += 1;
    const started = spawn(process.execPath, ["-r", client.shim, client.entry], {
      env: {
        PATH: process.env["PATH"] ?? "",
        METADATA_SERVER_DETECTION: "none",
        AWS_EC2_METADATA_DISABLED: "true",
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`, // listening on TCP
        _HANDLER: `index.${handler}`,
        LAMBDA_TASK_ROOT: PACKAGE,
        AWS_LAMBDA_FUNCTION_NAME: "spillway",
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
        AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/spillway",
        AWS_LAMBDA_LOG_STREAM_NAME: "stream",
        AWS_REGION: "eu-central-1",
        AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
        AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
        ...(concurrency === null ? {} : { AWS_LAMBDA_MAX_CONCURRENCY: `${concurrency}`, AWS_LAMBDA_NODEJS_WORKER_COUNT: "1" }),
        SPILLWAY_MANIFESTS: folder,
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    started.stdout.on("data", (bytes: Buffer) => {
      stdout += bytes.toString();
      changed();
    });
    started.stderr.on("data", (bytes: Buffer) => {
      stderr += bytes.toString();
      changed();
    });
    started.once("exit", () => {
      if (child === started) child = null;
      pulls.length = 0;
      for (const invocation of running.values()) done(invocation, "Runtime.ExitError");
      changed();
      hand();
    });
  }

  function until<T>(look: () => T | undefined, what: string, ms: number): Promise<T> {
    return new Promise((settle, reject) => {
      const check = (): void => {
        const found = look();
        if (found !== undefined) finish(() => settle(found));
      };
      const timer = setTimeout(() => finish(() => reject(new Error(`no ${what} within ${ms} ms\n${stderr}\n${stdout}`))), ms);
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        listeners.delete(check);
        act();
      };
      listeners.add(check);
      check();
    });
  }

  // -- the front door

  const front = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (bytes: Buffer) => parts.push(bytes));
    request.on("end", () => {
      const event = eventOf(door, request, Buffer.concat(parts), options.principal ?? null);
      submit(
        event,
        (answer, streamed) => {
          if (options.cutWhenCallerLeaves === true) response.once("close", () => !response.writableFinished && answer.destroy());
          answerOfFunction(door, answer, streamed, response, BUFFERED_BYTES);
        },
        () => {
          if (response.headersSent) response.destroy();
          else response.writeHead(502, { "content-type": "application/json" }).end('{"Message":"Internal Server Error"}');
        },
      );
    });
  });
  front.requestTimeout = 0;

  const calls = (): Record<string, unknown>[] =>
    stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>) // the test looks at single members
      .filter((line) => line["msg"] === "egress");

  async function stop(): Promise<number | null> {
    stopping = true;
    const last = child;
    const exited = last === null || last.exitCode !== null ? null : new Promise<number | null>((settle) => last.once("exit", settle));
    last?.kill("SIGTERM");
    const code = (await exited) ?? last?.exitCode ?? null;
    for (const server of [front, api]) {
      server.closeAllConnections();
      await new Promise<void>((settle) => server.close(() => settle()));
    }
    await rm(folder, { recursive: true, force: true });
    return code;
  }

  for (const server of [api, front]) await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  startEnvironment();
  await until(() => initialised || initError !== null || child === null || undefined, "initialisation", 45_000);
  if (!initialised) {
    await stop();
    throw new Error(`the function failed to initialise (${initError}):\n${stdout}\n${stderr}`);
  }

  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, // listening on TCP
    folder,
    pid: () => child?.pid ?? 0,
    environments: () => environments,
    calls,
    call: (matches) => until(() => calls().find(matches), "matching access-log line", 20_000),
    stdout: () => stdout,
    stderr: () => stderr,
    invoke: (event) =>
      new Promise((settle) =>
        submit(
          event,
          (answer) => {
            const parts: Buffer[] = [];
            answer.on("data", (bytes: Buffer) => parts.push(bytes));
            answer.on("close", () => {
              const trailer = answer.trailers["lambda-runtime-function-error-type"];
              settle({ errorType: trailer ?? (answer.complete ? null : "Runtime.ExitError"), body: Buffer.concat(parts) });
            });
          },
          (errorType) => settle({ errorType, body: Buffer.alloc(0) }),
        ),
      ),
    kill: async () => {
      const last = child;
      if (last === null) return;
      const exited = new Promise((settle) => last.once("exit", settle));
      last.kill("SIGKILL");
      await exited;
    },
    stop,
  };
}
