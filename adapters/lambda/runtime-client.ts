/** The stream that the runtime client gives a streaming handler: the body of a request to the Runtime API. */
export interface ResponseStream {
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  write(chunk: Uint8Array | string): boolean;
  end(): void;
  destroy(error?: Error): void;
  on(event: "drain" | "close", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  once(event: symbol, listener: (this: unknown) => void): void;
  emit(event: symbol): boolean;
}

/** What goes before the body of a streamed answer. */
export interface Prelude {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
}

/** What the platform tells of an invocation. */
export interface InvocationContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export type StreamingHandler = (event: unknown, stream: ResponseStream, context: InvocationContext) => Promise<void>;

/** What the runtime client puts on `globalThis` before it loads the function. */
interface AwsLambda {
  streamifyResponse(handler: StreamingHandler): StreamingHandler;
  readonly HttpResponseStream: { from(stream: ResponseStream, prelude: Prelude): ResponseStream };
}

/** The runtime client's own members; null outside of Lambda. */
export function awsLambda(): AwsLambda | null {
  const found: unknown = Reflect.get(globalThis, "awslambda");
  if (typeof found !== "object" || found === null || !("streamifyResponse" in found) || !("HttpResponseStream" in found)) return null;
  return found as AwsLambda; // as AWS documents it
}

/** Errors of streams to the Runtime API: every one of them has been heard. */
const heard = new WeakSet<Error>();

/** Notes an error of a response stream as heard. */
export function streamFailed(error: Error): void {
  heard.add(error);
}

let guarding = false;

/**
 * The runtime client (4.0.2) makes a promise of each response stream that it never looks at: when the connection to the Runtime API breaks,
 * that rejection would end the environment, and with it every other call. These errors are passed over; any other rejection that nobody
 * handles ends the environment as it always does.
 */
export function guardEnvironment(): void {
  if (guarding) return;
  guarding = true;
  process.on("unhandledRejection", (reason) => {
    if (!(reason instanceof Error) || !heard.has(reason)) throw reason;
  });
}

const ASK = Symbol("who emits this");

/**
 * The runtime client (4.0.2) sends all answers of one worker through one connection. Where calls run at the same time (Managed Instances), a
 * long stream would hold up all others: the agent of the request behind the stream may then open as many as there are calls. A runtime
 * client that is made differently is left as it is.
 */
export function allowAnswersAtOnce(stream: ResponseStream, calls: number): void {
  // The stream that handlers see is a shell without the request's agent; events are emitted by the request itself.
  stream.once(ASK, function () {
    if (typeof this !== "object" || this === null || !("agent" in this)) return;
    const { agent } = this;
    if (typeof agent === "object" && agent !== null && "maxSockets" in agent && typeof agent.maxSockets === "number" && agent.maxSockets < calls)
      agent.maxSockets = calls;
  });
  stream.emit(ASK);
}
