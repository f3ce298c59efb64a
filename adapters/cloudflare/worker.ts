import { type QueueBatch, takeQueueBatch } from "./queue-batch.ts";
import { requestFault } from "./request-fault.ts";
import { createWorkerExchange, type WorkerContext } from "./worker-exchange.ts";
import { createWorkerInstance, type WorkerBindings, type WorkerInstance } from "./worker-instance.ts";

export { SpillwayState } from "./spillway-state.ts";
export { SpillwayUsage } from "./spillway-usage.ts";

/** The platform gives work after an answer 30 s. Milliseconds. */
const FLUSH_MS = 20_000;

/** One an isolate, made by its first event: bindings are not known before. */
let instance: WorkerInstance | null = null;

/** Composition root of the Cloudflare Worker: calls, batches of queues, and the clock. */
export default {
  async fetch(request: Request, bindings: WorkerBindings, context: WorkerContext): Promise<Response> {
    instance ??= createWorkerInstance(bindings);
    const { broker, admin, manifests, placeOf } = instance;
    const fault = requestFault(request);
    if (fault !== null) return fault;
    if (!broker.ready()) await manifests.prepare();
    else if (manifests.due()) context.waitUntil(manifests.look());
    const tell = tellOf(instance);
    const place = placeOf(request);
    if (/^\w+:\/\/[^/]*\/-\//.test(request.url)) {
      const platform = { principal: null, place, remainingMs: null, waitUntil: (work: Promise<unknown>) => context.waitUntil(work) };
      const answer = await admin(request, platform);
      context.waitUntil(tell());
      return answer;
    }
    return new Promise((resolve) => {
      const exchange = createWorkerExchange(request, context, place, resolve);
      // The call outlives the head of its answer. One that ends without an answer has no caller left; the platform wants one all the same.
      const handled = broker.handle(exchange).then(() => resolve(new Response(null, { status: 499 })));
      context.waitUntil(handled.then(tell));
    });
  },

  /** A consumer of Cloudflare Queues: each message is a CloudEvent. */
  async queue(batch: QueueBatch, bindings: WorkerBindings, context: WorkerContext): Promise<void> {
    instance ??= createWorkerInstance(bindings);
    const { broker, manifests, placeOf, complain } = instance;
    if (!broker.ready() || manifests.due()) await manifests.prepare();
    // Never null: the instance takes events.
    if (broker.events === null) throw new Error("events are not taken here");
    const platform = { place: placeOf(null), remainingMs: null, waitUntil: (work: Promise<unknown>) => context.waitUntil(work) };
    await takeQueueBatch(batch, broker.events, platform, (message, { kind, detail }) =>
      complain(`a message was left to ${batch.queue}: ${message}: ${kind}: ${detail}`),
    );
    await tellOf(instance)();
  },

  /** A cron trigger: a bundle in KV that cannot be used is told of within the trigger's period, calls or not. */
  async scheduled(_controller: unknown, bindings: WorkerBindings, _context: WorkerContext): Promise<void> {
    instance ??= createWorkerInstance(bindings);
    await instance.manifests.prepare();
    await tellOf(instance)();
  },
};

/** Sends what has happened, behind the answer: of usage and denials nothing stays in an isolate that may be gone. */
function tellOf({ flush }: WorkerInstance): () => Promise<void> {
  return () => flush(AbortSignal.timeout(FLUSH_MS));
}
