import { hash } from "node:crypto";
import { type Broker, type BrokerPlace, type Clock, createAdminApp, createBroker, createCallAbort, type Responder } from "../../src/index.ts";
import { formatFaults, formatRefused } from "../config/report.ts";
import { createNodeEvents } from "../events/node-event-sink.ts";
import { createNodeSecretStores } from "../secrets/node-stores.ts";
import { startTelemetry } from "../telemetry/node-telemetry.ts";
import { createDocumentFetcher } from "../transport/json-document-fetcher.ts";
import { createUndiciTransport } from "../transport/undici-transport.ts";
import { afterAnswer } from "./after-answer.ts";
import { answerAdmin } from "./answer-admin.ts";
import { type BufferedAnswer, BufferedResponder } from "./buffered-responder.ts";
import { type EventFault, type HttpEvent, readHttpEvent } from "./http-event.ts";
import { createLambdaExchange } from "./lambda-exchange.ts";
import { loadConfiguration } from "./load-configuration.ts";
import { refuseEvent } from "./refuse-event.ts";
import { allowAnswersAtOnce, awsLambda, guardEnvironment, type InvocationContext, type StreamingHandler } from "./runtime-client.ts";
import { StreamedResponder } from "./streamed-responder.ts";

const environment = process.env;
/** Calls that the environment takes at the same time: more than one with Managed Instances only. */
const concurrency = Number(environment["AWS_LAMBDA_MAX_CONCURRENCY"] ?? 1) || 1;
const place: BrokerPlace = { region: environment["AWS_REGION"]?.trim() || environment["SPILLWAY_REGION"]?.trim() || null, country: null };

const lambdaClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

guardEnvironment();
const telemetry = await startTelemetry(environment);
const { sink } = createNodeEvents(environment, telemetry.log);
/** One an environment, whatever number of calls it takes at once. */
const broker: Broker = createBroker({
  clock: lambdaClock,
  random: Math.random,
  transport: createUndiciTransport(),
  secretStores: createNodeSecretStores({ environment }),
  documents: createDocumentFetcher(),
  sink,
  log: telemetry.log,
  schedule: (work) => setImmediate(work),
  tracer: telemetry.tracer,
  digest: (text) => hash("sha256", text, "hex"),
});
telemetry.observe(broker.attribution.metrics);
broker.attribution.metrics.watchDrops(() => ({ events: sink.dropped() }));
// No metrics page: each environment would tell of its own calls only.
const admin = createAdminApp({ ready: broker.ready, status: broker.status, metrics: () => null, authorize: broker.authorize, takeEvents: null });

const compiled = await loadConfiguration(environment);
broker.load(compiled);
// A refused manifest is seen in the log; its traffic gets the refusal.
for (const text of [formatFaults(compiled.faults, { color: false }), formatRefused(compiled.conditions, { color: false })]) {
  if (text !== "") console.error(text);
}

/** Takes one call; resolves when its answer was given to the responder. */
async function take(event: HttpEvent | EventFault, context: InvocationContext, responder: Responder, abort: ReturnType<typeof createCallAbort>, waits: Waits) {
  if ("fault" in event) refuseEvent(event, responder);
  else if (event.target.startsWith("/-/")) await answerAdmin(event, admin, responder);
  else await broker.handle(createLambdaExchange(event, context, place, abort.signal, responder, waits));
}

type Waits = Set<Promise<unknown>>;

/** What must be told before the environment is frozen. */
async function flush(signal: AbortSignal): Promise<void> {
  broker.attribution.drain();
  await Promise.all([telemetry.flush(), sink.flush(signal)]);
}

const streaming: StreamingHandler = async (event, stream, context) => {
  const request = readHttpEvent(event);
  if (request === null) throw new Error("this is no HTTP request: events of queues and buses go to the function's other handler, index.events");
  if (concurrency > 1) allowAnswersAtOnce(stream, concurrency);
  const abort = createCallAbort();
  const waits: Waits = new Set();
  const responder = new StreamedResponder(stream, "method" in request ? request.method : "", () => abort.abort());
  await take(request, context, responder, abort, waits);
  responder.finish();
  await afterAnswer(context.getRemainingTimeInMillis(), waits, flush);
  if (responder.broken !== null) throw responder.broken;
};

/** HTTP of a function URL or an API of API Gateway, streamed. */
export const handler: StreamingHandler =
  awsLambda()?.streamifyResponse(streaming) ??
  (async () => {
    throw new Error("this handler streams, and there is no runtime client of Lambda that could");
  });

/** HTTP in one piece: load balancers, and APIs that do not stream. */
export async function events(event: unknown, context: InvocationContext): Promise<BufferedAnswer> {
  const request = readHttpEvent(event);
  if (request === null) throw new Error("this event is of no kind that the broker knows");
  const waits: Waits = new Set();
  const responder = new BufferedResponder(request.door, "method" in request ? request.method : "");
  await take(request, context, responder, createCallAbort(), waits);
  await afterAnswer(context.getRemainingTimeInMillis(), waits, flush);
  return responder.answer();
}
