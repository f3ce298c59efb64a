import { hash } from "node:crypto";
import { type Broker, type BrokerPlace, createAdminPages, createBroker, createCallAbort, type Responder } from "../../src/index.ts";
import { nodePageFiles } from "../console/node-page-files.ts";
import { createNodeEvents, eventSource } from "../events/node-event-sink.ts";
import { readEventLease } from "../events/read-event-lease.ts";
import { createNodeSecretStores } from "../secrets/node-stores.ts";
import { createNodeState } from "../state/node-state.ts";
import { createNodeAudit } from "../telemetry/node-audit.ts";
import { startTelemetry } from "../telemetry/node-telemetry.ts";
import { createDocumentFetcher } from "../transport/json-document-fetcher.ts";
import { loneLimits } from "../usage/lone-limits.ts";
import { createNodeUsage, isSharedOnNode } from "../usage/node-usage.ts";
import { nodeUsageOutlet } from "../usage/usage-outlet.ts";
import { afterAnswer } from "./after-answer.ts";
import { answerAdmin } from "./answer-admin.ts";
import { type BackgroundWork, createBackgroundWork } from "./background-work.ts";
import { type BufferedAnswer, BufferedResponder } from "./buffered-responder.ts";
import { createConfiguration, READ_MS } from "./configuration.ts";
import { type EventFault, type HttpEvent, readHttpEvent } from "./http-event.ts";
import { lambdaClock } from "./lambda-clock.ts";
import { attested, createLambdaExchange } from "./lambda-exchange.ts";
import { createLambdaTransport } from "./lambda-transport.ts";
import type { BatchAnswer } from "./queue-messages.ts";
import { refuseEvent } from "./refuse-event.ts";
import { allowAnswersAtOnce, awsLambda, guardEnvironment, type InvocationContext, type StreamingHandler } from "./runtime-client.ts";
import { StreamedResponder } from "./streamed-responder.ts";
import { takeEvent } from "./take-event.ts";
import { tellFaults } from "./tell-faults.ts";

const environment = process.env;
/** Calls that the environment takes at the same time: more than one with Managed Instances only. */
const concurrency = Number(environment["AWS_LAMBDA_MAX_CONCURRENCY"] ?? 1) || 1;
const place: BrokerPlace = { region: environment["AWS_REGION"]?.trim() || environment["SPILLWAY_REGION"]?.trim() || null, country: null };

guardEnvironment();
const telemetry = await startTelemetry(environment, { clock: lambdaClock });
const configuration = createConfiguration(environment, telemetry.degradations);
const { sink, answers, outlets } = await createNodeEvents(environment, telemetry.log, telemetry.degradations);
const audit = createNodeAudit(environment, telemetry.log, telemetry.degradations);
const transport = createLambdaTransport((event) => sink.emit(event), telemetry.degradations);
/** One an environment, whatever number of calls it takes at once. */
const broker: Broker = createBroker({
  clock: lambdaClock,
  random: Math.random,
  transport,
  secretStores: createNodeSecretStores({ environment }),
  documents: createDocumentFetcher({ degraded: telemetry.degradations, now: lambdaClock.now }),
  sink,
  log: telemetry.log,
  schedule: (work) => setImmediate(work),
  tracer: telemetry.tracer,
  conventions: telemetry.conventions,
  digest: (text) => hash("sha256", text, "hex"),
  outlets,
  degradations: telemetry.degradations,
  ...(audit === null ? {} : { audit: audit.ports }),
  usage: { open: createNodeUsage(environment), outlet: nodeUsageOutlet(environment), timers: false },
  prices: async () => (await import("../prices/genai-prices.ts")).genaiPrices,
  events: {
    state: await createNodeState(environment),
    answers,
    reload: () => load(AbortSignal.timeout(READ_MS)),
    source: eventSource(environment),
    leaseMs: readEventLease(environment),
  },
});
telemetry.observe(broker.attribution.metrics);
broker.attribution.metrics.watchDrops(() => ({ events: sink.dropped(), audit_lines: audit?.dropped() ?? 0 }));
// No metrics: each environment would tell of its own calls only.
const admin = createAdminPages(broker, { metrics: () => null, now: lambdaClock.now, files: nodePageFiles });
await load(AbortSignal.timeout(READ_MS));

async function load(signal: AbortSignal): Promise<void> {
  const compiled = await configuration.read(signal);
  if (compiled === null) return;
  broker.load(compiled);
  tellFaults(compiled, broker.notices(), compiled.snapshot === null ? [] : loneLimits(compiled.snapshot, isSharedOnNode(environment)));
}

function warn(msg: string, facts: Readonly<Record<string, unknown>>): void {
  telemetry.log(JSON.stringify({ time: new Date().toISOString(), level: "warn", msg, ...facts }));
}

/** Takes one call; resolves when its answer was given to the responder. */
async function take(
  event: HttpEvent | EventFault,
  context: InvocationContext,
  responder: Responder,
  onGone: ReturnType<typeof createCallAbort>,
  work: BackgroundWork,
) {
  if ("fault" in event) refuseEvent(event, responder);
  else if (event.target.startsWith("/-/")) await answerAdmin(event, admin, attested(event, context, place, work), responder);
  else await broker.handle(createLambdaExchange(event, context, place, onGone.signal, responder, work));
}

/** What must be done before the environment is frozen. */
async function flush(signal: AbortSignal): Promise<void> {
  broker.attribution.drain();
  const refreshed = configuration.due(Date.now()) ? load(signal).catch(() => warn("the configuration could not be read again", {})) : null;
  await Promise.all([broker.flushUsage(signal), telemetry.flush(), sink.flush(signal), audit?.flush(), refreshed]);
}

/** Runs what an invocation asks for; resolves when the environment may be frozen. */
async function during<T>(context: InvocationContext, run: (work: BackgroundWork) => Promise<T>): Promise<T> {
  const work = createBackgroundWork();
  await transport.begin();
  try {
    return await run(work);
  } finally {
    await afterAnswer(context.getRemainingTimeInMillis(), work.open, flush);
    transport.end();
  }
}

const streaming: StreamingHandler = async (event, stream, context) => {
  const request = readHttpEvent(event);
  if (request === null) throw new Error("this is no HTTP request: events of queues and buses go to the function's other handler, index.events");
  if (concurrency > 1) allowAnswersAtOnce(stream, concurrency);
  const abort = createCallAbort();
  const responder = new StreamedResponder(stream, "method" in request ? request.method : "", () => abort.abort());
  await during(context, async (work) => {
    await take(request, context, responder, abort, work);
    responder.finish();
  });
  if (responder.broken !== null) throw responder.broken;
};

/** HTTP of a function URL or a REST API that streams. */
export const handler: StreamingHandler =
  awsLambda()?.streamifyResponse(streaming) ??
  (async () => {
    throw new Error("this handler streams, and there is no runtime client of Lambda that could");
  });

/** Messages of SQS, events of EventBridge, and HTTP in one piece: load balancers, and APIs that do not stream. */
export function events(event: unknown, context: InvocationContext): Promise<BufferedAnswer | BatchAnswer | null> {
  return during(context, (work) => dispatch(event, context, work));
}

async function dispatch(event: unknown, context: InvocationContext, work: BackgroundWork): Promise<BufferedAnswer | BatchAnswer | null> {
  const request = readHttpEvent(event);
  if (request !== null) {
    const responder = new BufferedResponder(request.door, "method" in request ? request.method : "");
    await take(request, context, responder, createCallAbort(), work);
    return responder.answer();
  }
  return takeEvent(event, broker.events, attested({ principal: null }, context, place, work), warn);
}
