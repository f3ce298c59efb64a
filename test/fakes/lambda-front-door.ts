import type { IncomingMessage, ServerResponse } from "node:http";

/** What stands in front of a function: a function URL, an HTTP API or a REST API of API Gateway, a load balancer without and with multi-value headers. */
export type Door = "url" | "apigw-v2" | "apigw-v1" | "alb" | "alb-multi";

const TEXT = /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:json|xml|javascript)\b|application\/x-www-form-urlencoded\b)/;

/** The event that the front door makes of a request. */
export function eventOf(door: Door, request: IncomingMessage, body: Buffer, principal: string | null): unknown {
  const port = `${request.socket.localPort}`;
  const sourceIp = request.socket.remoteAddress ?? "";
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) pairs.push([(request.rawHeaders[i] ?? "").toLowerCase(), request.rawHeaders[i + 1] ?? ""]);
  const added: [string, string][] = [
    ["x-forwarded-for", sourceIp],
    ["x-forwarded-port", port],
    ["x-forwarded-proto", "http"],
    ["x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"],
  ];
  const all = [...pairs.filter(([name]) => !added.some(([own]) => own === name) && name !== "connection"), ...added];
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? "" : url.slice(mark + 1);
  const isText = request.headers["content-encoding"] === undefined && TEXT.test(request.headers["content-type"] ?? "");
  const content = body.length === 0 ? {} : { body: isText ? body.toString() : body.toString("base64") };
  const isBase64Encoded = body.length > 0 && !isText;
  const common = { ...content, isBase64Encoded };
  if (door === "url" || door === "apigw-v2") {
    const cookies = all.filter(([name]) => name === "cookie").flatMap(([, value]) => value.split("; "));
    const domainName = door === "url" ? "abcdefghij.lambda-url.eu-central-1.on.aws" : "abcdefghij.execute-api.eu-central-1.amazonaws.com";
    const rawPath = door === "url" ? path : (decode(path).split("?")[0] ?? "");
    return {
      version: "2.0",
      routeKey: "$default",
      rawPath,
      rawQueryString: query,
      ...(cookies.length > 0 ? { cookies } : {}),
      headers: joinedHeaders(all.filter(([name]) => name !== "cookie")),
      requestContext: {
        accountId: principal === null ? "anonymous" : "123456789012",
        apiId: "abcdefghij",
        ...(principal === null ? {} : { authorizer: { iam: { accessKey: "AKIDEXAMPLE", accountId: "123456789012", userArn: principal, userId: "AIDA" } } }),
        domainName,
        domainPrefix: "abcdefghij",
        http: { method: request.method, path: rawPath, protocol: "HTTP/1.1", sourceIp, userAgent: request.headers["user-agent"] ?? "" },
        requestId: crypto.randomUUID(),
        routeKey: "$default",
        stage: "$default",
        time: "23/Nov/2026:00:00:00 +0000",
        timeEpoch: Date.now(),
      },
      ...common,
    };
  }
  const parameters =
    query === "" ? [] : query.split("&").map((part): [string, string] => [part.split("=")[0] ?? "", part.slice((part.split("=")[0] ?? "").length + 1)]);
  const shown = door === "apigw-v1" ? parameters.map(([name, value]): [string, string] => [decode(name), decode(value)]) : parameters;
  const single = { headers: Object.fromEntries(all), queryStringParameters: Object.fromEntries(shown) };
  const multi = { multiValueHeaders: listed(all), multiValueQueryStringParameters: listed(shown) };
  if (door === "apigw-v1") {
    const identity = { sourceIp, userAgent: request.headers["user-agent"] ?? null, userArn: principal };
    const requestContext = {
      domainName: "abcdefghij.execute-api.eu-central-1.amazonaws.com",
      stage: "prod",
      path: `/prod${path}`,
      httpMethod: request.method,
      identity,
    };
    return { resource: "/{proxy+}", path, httpMethod: request.method, ...single, ...multi, requestContext, ...common, body: content.body ?? null };
  }
  const requestContext = { elb: { targetGroupArn: "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/spillway/0123456789abcdef" } };
  return { requestContext, httpMethod: request.method, path, ...(door === "alb" ? single : multi), ...common, body: content.body ?? "" };
}

/** Hands on what the function answers, as it comes where it is streamed. */
export function answerOfFunction(door: Door, answer: IncomingMessage, streamed: boolean, response: ServerResponse, limit: number): void {
  if (streamed) {
    streamAnswer(answer, response);
    return;
  }
  const parts: Buffer[] = [];
  answer.on("data", (bytes: Buffer) => parts.push(bytes));
  answer.on("end", () => {
    const body = Buffer.concat(parts);
    if (body.length > (door.startsWith("alb") ? 1024 * 1024 : limit)) {
      response.writeHead(502, { "content-type": "application/json" }).end('{"Message":"Internal Server Error"}');
      return;
    }
    sendBuffered(JSON.parse(body.toString()) as Buffered, response); // the shape that AWS documents
  });
}

interface Buffered {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

function sendBuffered(answer: Buffered, response: ServerResponse): void {
  const list = headList(answer);
  const body = Buffer.from(answer.body ?? "", answer.isBase64Encoded === true ? "base64" : "utf8");
  response.writeHead(answer.statusCode, [...list, "content-length", `${body.length}`]).end(body);
}

function headList(head: Buffered): string[] {
  const list = Object.entries(head.headers ?? {}).flat();
  for (const [name, values] of Object.entries(head.multiValueHeaders ?? {})) for (const value of values) list.push(name, value);
  for (const cookie of head.cookies ?? []) list.push("set-cookie", cookie);
  return list;
}

/** The protocol of streamed answers: a prelude in JSON, eight zero bytes, the body; an error in the trailers cuts the answer. */
function streamAnswer(answer: IncomingMessage, response: ServerResponse): void {
  let head: Buffer | null = Buffer.alloc(0);
  answer.on("data", (bytes: Buffer) => {
    let body = bytes;
    if (head !== null) {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf(Buffer.alloc(8));
      if (end === -1) return;
      const prelude = JSON.parse(head.subarray(0, end).toString()) as Buffered; // the shape that AWS documents
      body = head.subarray(end + 8);
      head = null;
      response.writeHead(prelude.statusCode, headList(prelude));
      response.flushHeaders();
    }
    if (body.length === 0 || response.destroyed) return;
    if (response.write(body)) return;
    answer.pause();
    const go = (): void => {
      response.off("drain", go).off("close", go);
      answer.resume();
    };
    response.on("drain", go).on("close", go);
  });
  answer.on("close", () => {
    const failed = answer.trailers["lambda-runtime-function-error-type"] !== undefined || !answer.complete;
    if (head !== null && !response.headersSent) response.writeHead(502, { "content-type": "application/json" }).end('{"Message":"Internal Server Error"}');
    else if (failed) response.destroy();
    else response.end();
  });
}

function joinedHeaders(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  return headers;
}

function listed(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
  const lists: Record<string, string[]> = {};
  for (const [name, value] of pairs) {
    lists[name] ??= [];
    lists[name].push(value);
  }
  return lists;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
