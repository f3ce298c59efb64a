import { hash } from "node:crypto";
import { parseArgs } from "node:util";
import { PLATFORMS } from "../adapters/config/platforms.ts";
import { createNodeSecretStores } from "../adapters/secrets/node-stores.ts";
import { createDocumentFetcher } from "../adapters/transport/json-document-fetcher.ts";
import { NODE_TRANSPORT_FEATURES } from "../adapters/transport/undici-transport.ts";
import { compile } from "../src/compiler.ts";
import {
  type AnswerBody,
  type BodyConsumer,
  type CallAbort,
  createBroker,
  createCallAbort,
  type Delivery,
  type DeliveryEnd,
  type Exchange,
  NOTHING_ATTESTED,
  type Outcome,
} from "../src/index.ts";
import { CALLER_TOKEN, testManifests } from "../test/fakes/manifests.ts";

/**
 * What the core alone costs: calls from memory, answers from memory, no socket. Everything else is as served: identity, route,
 * credential, model, usage, metrics. Prints microseconds of CPU a call, the exchange made for each call (about 2) included.
 */

interface CoreScene {
  readonly name: string;
  readonly method: string;
  readonly target: string;
  readonly request: Buffer | null;
  readonly type: string;
  readonly answer: readonly Buffer[];
}

const { values } = parseArgs({
  options: { scene: { type: "string" }, rounds: { type: "string", default: "15" }, "warm-up": { type: "string", default: "30000" } },
});
const rounds = Number(values.rounds);
const warmUp = Number(values["warm-up"]);
const CALLS = 4_000;

const messages = [{ role: "user", content: "hello ".repeat(160) }];
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const event = (value: unknown): Buffer => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
const chunkOf = (choices: unknown, more: object): object => ({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices, ...more });

const SCENES: readonly CoreScene[] = [
  {
    name: "chat",
    method: "POST",
    target: "/v1/chat/completions",
    request: json({ model: "gpt-test", messages }),
    type: "application/json",
    answer: [
      json({
        id: "x",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{ index: 0, message: { role: "assistant", content: "hi ".repeat(250) }, finish_reason: "stop" }],
        usage,
      }),
    ],
  },
  {
    name: "stream",
    method: "POST",
    target: "/v1/chat/completions",
    request: json({ model: "gpt-test", stream: true, messages }),
    type: "text/event-stream",
    answer: [
      ...Array.from({ length: 98 }, (_, at) => event(chunkOf([{ index: 0, delta: { content: `word ${at}` }, finish_reason: null }], {}))),
      event(chunkOf([], { usage })),
      Buffer.from("data: [DONE]\n\n"),
    ],
  },
  { name: "get", method: "GET", target: "/files/1?part=2", request: null, type: "application/octet-stream", answer: [Buffer.alloc(1_000, 97)] },
];

function memoryBody(pieces: readonly Buffer[]): AnswerBody {
  const [first = Buffer.alloc(0)] = pieces;
  const deliver = (consumer: BodyConsumer): void => {
    for (const piece of pieces) consumer.chunk(piece);
    consumer.end(null);
  };
  return { peek: () => ({ bytes: first, ended: false, failure: null }), consume: deliver, pause: nothing, resume: nothing, cancel: nothing };
}

function deliver({ body, codec, onFirstByte }: Delivery): Promise<DeliveryEnd> {
  let bytes = 0;
  const hand = (out: Uint8Array | null): void => {
    if (out === null) return;
    if (bytes === 0) onFirstByte();
    bytes += out.length;
  };
  return new Promise((resolve) => {
    body.consume({
      chunk: (piece) => hand(codec === null ? piece : codec.chunk(piece)),
      end: () => {
        hand(codec?.end().bytes ?? null);
        resolve({ kind: "complete", bytes, failure: null });
      },
      failed: (failure) => resolve({ kind: "upstream_failed", bytes, failure }),
    });
  });
}

function nothing(): void {}

/** One call as the Node server would hand it over. */
function exchangeOf(scene: CoreScene, headers: readonly string[]): Exchange {
  let abort: CallAbort | null = null;
  const { request } = scene;
  return {
    method: scene.method,
    target: scene.target,
    scheme: "http",
    authority: "127.0.0.1:8787",
    headers,
    port: 8787,
    remoteAddress: "127.0.0.1",
    protocol: "1.1",
    ...NOTHING_ATTESTED,
    get signal() {
      abort ??= createCallAbort();
      return abort.signal;
    },
    body: {
      declaredLength: request?.length ?? null,
      present: request !== null,
      collect: () => Promise.resolve(request ?? Buffer.alloc(0)),
      stream: () => {
        throw new Error("every body of this bench is small");
      },
    },
    responder: {
      started: false,
      reply: (status) => {
        throw new Error(`the broker answered ${status} itself`);
      },
      deliver,
    },
    waitUntil: nothing,
  };
}

async function measure(scene: CoreScene): Promise<void> {
  const answered = ["content-type", scene.type, "date", "Sun, 22 Nov 2026 12:00:00 GMT", "x-request-id", "req_1"];
  const outcome = (): Outcome => ({
    kind: "answer",
    status: 200,
    headers: answered,
    body: memoryBody(scene.answer),
    sender: null,
    peer: { address: "127.0.0.1", protocol: "http/1.1" },
  });
  const broker = createBroker({
    outlets: [],
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    },
    random: Math.random,
    transport: {
      features: NODE_TRANSPORT_FEATURES,
      // As a transport does: it listens while the call is under way.
      dispatch: (_request, signal) => {
        signal.addEventListener("abort", nothing);
        signal.removeEventListener("abort", nothing);
        return Promise.resolve(outcome());
      },
      close: async () => {},
    },
    secretStores: createNodeSecretStores({ environment: {} }),
    documents: createDocumentFetcher(),
    sink: { emit: nothing },
    log: null,
    schedule: (work) => setImmediate(work),
    tracer: null,
    digest: (text) => hash("sha256", text, "hex"),
  });
  const compiled = compile([{ path: "core", text: testManifests({ backends: [{ name: "one", port: 1, key: "k", api: "OpenAI" }] }) }], PLATFORMS.knative);
  broker.load(compiled);
  const { snapshot, faults } = compiled;
  if (snapshot === null) throw new Error(JSON.stringify(faults));
  const headers = ["Host", "127.0.0.1:8787", "Accept", "application/json", "Content-Type", "application/json", "User-Agent", "OpenAI/JS 7.57"];
  headers.push("X-Stainless-Lang", "js", "X-Stainless-OS", "Linux", "authorization", `Bearer ${CALLER_TOKEN}`);
  headers.push("Accept-Encoding", "gzip, br", "Connection", "keep-alive");
  if (scene.request !== null) headers.push("content-length", String(scene.request.length));
  const run = async (calls: number): Promise<void> => {
    for (let call = 0; call < calls; call += 1) await broker.handle(exchangeOf(scene, headers));
  };
  await run(warmUp);
  const costs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    await run(CALLS);
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / CALLS);
  }
  costs.sort((one, other) => one - other);
  const median = costs[Math.floor(costs.length / 2)] ?? 0;
  console.log(`${scene.name.padEnd(8)} ${median.toFixed(1)} us/call (best ${costs[0]?.toFixed(1)}, worst ${costs.at(-1)?.toFixed(1)})`);
  await broker.close();
}

for (const scene of SCENES) {
  if (values.scene === undefined || values.scene === scene.name) await measure(scene);
}
