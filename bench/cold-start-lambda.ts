import { type ChildProcess, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { lambdaClient } from "../test/fakes/lambda-client.ts";
import { type ColdGroup, type ColdRival, type FirstCall, sample, startQuietly, stopNow } from "./cold-start-sample.ts";
import type { ColdWorld } from "./cold-start-world.ts";

const PREFIX = "/2018-06-01/runtime/invocation/";
const PATIENCE_MS = 20_000;

/** The built function in AWS's own runtime client, beside a function that says hello in the same. */
export async function lambdaGroup(dist: string, folder: string, world: ColdWorld): Promise<ColdGroup> {
  const hello = join(folder, "hello-function");
  await mkdir(hello);
  await writeFile(join(hello, "index.mjs"), `export const handler = async () => ({ statusCode: 200, body: "hello" });\n`);
  const yaml = join(folder, "lambda.yaml");
  const bundle = join(folder, "lambda.bundle");
  await writeFile(yaml, world.manifests(true));
  const compiled = spawnSync(process.execPath, [join(dist, "spillway.js"), "compile", "--platform", "lambda", "--manifests", yaml, "-o", bundle], {
    encoding: "utf8",
  });
  if (compiled.status !== 0) throw new Error(`the bundle cannot be made: ${compiled.stderr}`);
  const own = join(dist, "lambda");
  const otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${world.port}`, OTEL_SERVICE_NAME: "spillway-bench" };
  return {
    title: "Lambda: from the start of AWS's runtime client to the last byte of the first answer",
    rivals: [
      await functionRival("hello-world handler", hello, {}, { ...world.call, expected: "hello" }),
      await functionRival("bundle", own, { ...world.secrets, SPILLWAY_BUNDLE: bundle }, world.call),
      await functionRival("bundle, OTLP", own, { ...world.secrets, ...otlp, SPILLWAY_BUNDLE: bundle }, world.call),
      await functionRival("manifests", own, { ...world.secrets, SPILLWAY_MANIFESTS: yaml }, world.call),
    ],
    remove: async () => {},
  };
}

async function functionRival(name: string, folder: string, env: Readonly<Record<string, string>>, call: FirstCall): Promise<ColdRival> {
  const client = await lambdaClient();
  return {
    name,
    start: async () => {
      const api = await startRuntimeApi(call);
      const began = performance.now();
      const child = startQuietly(process.execPath, ["-r", client.shim, client.entry], {
        ...FUNCTION,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${api.port}`,
        LAMBDA_TASK_ROOT: folder,
        ...env,
      });
      try {
        return sample(child, began, await api.answer(child), call.expected);
      } finally {
        await stopNow(child);
        api.stop();
      }
    },
  };
}

const FUNCTION = {
  METADATA_SERVER_DETECTION: "none",
  AWS_EC2_METADATA_DISABLED: "true",
  _HANDLER: "index.handler",
  AWS_LAMBDA_FUNCTION_NAME: "spillway",
  AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
  AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/spillway",
  AWS_LAMBDA_LOG_STREAM_NAME: "stream",
  AWS_REGION: "eu-central-1",
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
  AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
};

interface RuntimeApi {
  readonly port: number;
  /** Status and text of the function's answer, prelude and all. Rejects when the function ends or reports an error instead. */
  answer(child: ChildProcess): Promise<string>;
  stop(): void;
}

/** Gives one invocation, an HTTP request as a function URL makes it, and takes its answer. */
async function startRuntimeApi(call: FirstCall): Promise<RuntimeApi> {
  let resolve: (answer: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const answered = new Promise<string>((...settle) => {
    [resolve, reject] = settle;
  });
  let given = false;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    if (request.method === "GET") {
      // After the first there is nothing more: the request is left open.
      if (!given) response.writeHead(200, INVOCATION).end(JSON.stringify(eventOf(call)));
      given = true;
      return;
    }
    let text = "";
    request
      .setEncoding("utf8")
      .on("data", (part: string) => {
        text += part;
      })
      .on("end", () => {
        if (path.startsWith(PREFIX) && path.endsWith("/response")) resolve(text);
        else reject(new Error(`the function reports an error: ${text.slice(0, 500)}`));
        response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
      });
  });
  server.requestTimeout = 0;
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    answer: async (child) => {
      const timer = setTimeout(() => reject(new Error("the function gives no answer")), PATIENCE_MS);
      child.once("exit", (code) => reject(new Error(`the runtime client ended with ${code}`)));
      return answered.finally(() => clearTimeout(timer));
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const INVOCATION = {
  "content-type": "application/json",
  "lambda-runtime-aws-request-id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
  "lambda-runtime-deadline-ms": `${Date.now() + 3_600_000}`,
  "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:123456789012:function:spillway",
  "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000",
};

function eventOf({ path, headers, body }: FirstCall): unknown {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { ...headers, host: "abcdefghij.lambda-url.eu-central-1.on.aws" },
    requestContext: {
      accountId: "anonymous",
      apiId: "abcdefghij",
      domainName: "abcdefghij.lambda-url.eu-central-1.on.aws",
      domainPrefix: "abcdefghij",
      http: { method: "POST", path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "bench" },
      requestId: "1",
      routeKey: "$default",
      stage: "$default",
      time: "23/Nov/2026:00:00:00 +0000",
      timeEpoch: 0,
    },
    body,
    isBase64Encoded: false,
  };
}
