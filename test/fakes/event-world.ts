import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type BrokerProcess, startBroker } from "./broker-process.ts";
import type { EventObject } from "./event-queue.ts";
import { testManifests } from "./manifests.ts";
import { type Provider, type SeenRequest, startProvider } from "./provider.ts";

/** What the sink has of one request event. */
export interface Told {
  readonly ids: ReadonlySet<string>;
  readonly copies: number;
  readonly statuses: ReadonlySet<unknown>;
}

/** Everything around the brokers under test: a provider, a sink, and as many broker processes as are wanted. */
export interface EventWorld {
  readonly provider: Provider;
  /** What the provider does for the event instead of answering well; null: that. */
  provide: (requestId: string) => ((response: ServerResponse) => void) | null;
  /** What the sink does with an answer: a status, or nothing at all, and then it has taken it. */
  sink: (requestId: string) => number | "silent";
  /** Answers that the sink has, by the id of the request event. */
  told(requestId: string): Told;
  /** Calls that the provider got for this event. */
  calls(requestId: string): number;
  /** Starts one more broker. */
  start(): Promise<BrokerProcess>;
  /** SIGKILL. Resolves when the process is gone. */
  kill(broker: BrokerProcess): Promise<void>;
  /** Events of any other type that the sink has, by type. */
  readonly others: Map<string, number>;
  close(): Promise<void>;
}

interface Answer {
  readonly type: string;
  readonly id: string;
  readonly data: { readonly request?: { readonly id: string }; readonly status?: unknown };
}

export async function startEventWorld(environment: Readonly<Record<string, string>>, lease = 1): Promise<EventWorld> {
  const answers = new Map<string, Answer[]>();
  const others = new Map<string, number>();
  const calls = new Map<string, number>();
  const brokers = new Set<BrokerProcess>();
  const world: Pick<EventWorld, "sink" | "provide"> = { sink: () => 202, provide: () => null };
  const provider = await startProvider();
  const sink = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const event = JSON.parse(Buffer.concat(chunks).toString()) as Answer; // brokers send nothing but structured events here
    if (event.type !== "dev.spillway.egress.response.v1") {
      others.set(event.type, (others.get(event.type) ?? 0) + 1);
      return void response.writeHead(202).end();
    }
    const requestId = event.data.request?.id ?? "";
    const verdict = world.sink(requestId);
    // A sink that says no has not taken it; one that says nothing may have.
    if (verdict === "silent" || verdict < 300) answers.set(requestId, [...(answers.get(requestId) ?? []), event]);
    if (verdict !== "silent") response.writeHead(verdict).end();
  });
  await new Promise<void>((resolve) => sink.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo once it listens.
  const sinkUrl = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/answers`;
  const manifests = testManifests({
    backends: [{ name: "one", port: provider.port, key: "provider-key", api: "OpenAI" }],
    group: ["one"],
    // What fails on purpose here must not be put aside.
    groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1s, maxEvictFor: 1s}",
  });
  provider.behave((seen, response) => {
    const id = eventOf(seen);
    calls.set(id, (calls.get(id) ?? 0) + 1);
    (world.provide(id) ?? answerWell)(response);
  });

  return Object.assign(world, {
    provider,
    others,
    told: (requestId: string) => {
      const list = answers.get(requestId) ?? [];
      return { ids: new Set(list.map(({ id }) => id)), copies: list.length, statuses: new Set(list.map(({ data }) => data.status)) };
    },
    calls: (requestId: string) => calls.get(requestId) ?? 0,
    start: async () => {
      const env = { ...environment, SPILLWAY_SINK: sinkUrl, SPILLWAY_EVENT_LEASE: String(lease) };
      const broker = await startBroker({ manifests, env, args: ["--quiet"] });
      if (broker.stderr().includes("not ready")) throw new Error(broker.stderr());
      brokers.add(broker);
      return broker;
    },
    kill: async (broker: BrokerProcess) => {
      brokers.delete(broker);
      broker.child.kill("SIGKILL");
      await broker.stop();
    },
    close: async () => {
      await Promise.all(
        [...brokers].map((broker) => {
          broker.child.kill("SIGKILL");
          return broker.stop();
        }),
      );
      sink.close();
      sink.closeAllConnections();
      await provider.close();
    },
  });
}

/** A call as an event; the provider knows it again by its message. */
export function callEvent(id: string, data: object = {}, attributes: object = {}): EventObject {
  return {
    specversion: "1.0",
    id,
    source: "/team-a/jobs",
    type: "dev.spillway.egress.request.v1",
    data: {
      url: "http://egress.example/v1/chat/completions",
      body: { json: { model: "gpt-test", messages: [{ role: "user", content: id }] } },
      ...data,
    },
    ...attributes,
  };
}

/** The event whose call this is. */
function eventOf(seen: SeenRequest): string {
  const body = JSON.parse(seen.body) as { messages: { content: string }[] }; // what `callEvent` asked for
  return body.messages[0]?.content ?? "";
}

/** What the provider says when all is well. */
export const ANSWER = JSON.stringify({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "gpt-test",
  choices: [{ index: 0, message: { role: "assistant", content: "well" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
});

function answerWell(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": String(ANSWER.length) });
  response.end(ANSWER);
}

/** Bytes of the first part. */
export const PART = 40;

/** The head and the first part of an answer, of which more is promised. */
export function answerInPart(response: ServerResponse, then: () => void): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": String(ANSWER.length) });
  response.write(ANSWER.slice(0, PART), () => then());
}
