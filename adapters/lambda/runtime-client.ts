/** The stream that the runtime client gives a streaming handler: the body of a request to the Runtime API. */
export interface ResponseStream {
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  write(chunk: Uint8Array | string): boolean;
  end(): void;
  destroy(error?: Error): void;
  on(event: "drain" | "close", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
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
