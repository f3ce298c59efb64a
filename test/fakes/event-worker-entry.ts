import { workerClock } from "../../adapters/cloudflare/worker-clock.ts";
import { createWorkerEvents, type WorkerEvents } from "../../adapters/events/worker-event-sink.ts";
import { createDegradations } from "../../src/index.ts";

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

interface Batch {
  readonly messages: readonly { readonly body: unknown }[];
}

let events: WorkerEvents | null = null;
const received: unknown[] = [];
const lines: string[] = [];

/** `/emit/N/flushMs` tells of N things and ends with a flush; `/answer` publishes one event; `/told`, `/dropped`, `/received` tell what became of it. */
export default {
  async fetch(request: Request, bindings: Readonly<Record<string, unknown>>, context: Context): Promise<Response> {
    events ??= createWorkerEvents(
      bindings,
      (line) => lines.push(line),
      createDegradations(workerClock, (line) => lines.push(line)),
    );
    const { sink, answers } = events;
    const [, what, count = "1", flushMs = "5000"] = new URL(request.url).pathname.split("/");
    if (what === "received") return Response.json(received.splice(0));
    if (what === "dropped") return new Response(`${sink.dropped()}`);
    if (what === "told") return Response.json(lines);
    if (what === "answer") {
      await answers?.publish([event("answer")], request.signal);
      return new Response("published");
    }
    for (let index = 0; index < Number(count); index += 1) {
      sink.emit({ type: "egress.completed", time: Date.now(), subject: `${count}/${index}`, data: { text: "日本" } });
    }
    const flushed = sink.flush(AbortSignal.timeout(Number(flushMs)));
    context.waitUntil(flushed);
    return new Response("emitted");
  },
  async queue(batch: Batch): Promise<void> {
    received.push(...batch.messages.map(({ body }) => body));
  },
};

function event(id: string) {
  return {
    id,
    source: "/worker",
    type: "dev.spillway.egress.response.v1",
    subject: null,
    time: null,
    dataContentType: null,
    dataSchema: null,
    extensions: {},
    data: { kind: "none" },
  } as const;
}
