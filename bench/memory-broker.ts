import { hash } from "node:crypto";
import { PLATFORMS } from "../adapters/config/platforms.ts";
import { createNodeSecretStores } from "../adapters/secrets/node-stores.ts";
import { createDocumentFetcher } from "../adapters/transport/json-document-fetcher.ts";
import { NODE_TRANSPORT_FEATURES } from "../adapters/transport/undici-transport.ts";
import { compile } from "../src/compiler.ts";
import {
  type AnswerBody,
  type ApiSchema,
  type BodyConsumer,
  type CallAbort,
  createBroker,
  createCallAbort,
  type Delivery,
  type DeliveryEnd,
  type Exchange,
  NOTHING_ATTESTED,
  type Outcome,
  type UsagePorts,
} from "../src/index.ts";
import { CALLER_TOKEN, testManifests } from "../test/fakes/manifests.ts";

/** One kind of call, from memory to memory: everything but sockets is as served. */
export interface CoreScene {
  readonly name: string;
  readonly method: string;
  readonly target: string;
  readonly request: Buffer | null;
  /** Content type of the answer. */
  readonly type: string;
  /** What the backend speaks. */
  readonly api: ApiSchema;
  readonly answer: readonly Uint8Array[];
}

export interface MemoryBrokerOptions {
  /** More manifests, as YAML. */
  readonly more?: string;
  readonly usage?: UsagePorts;
}

/** A broker with one destination, which answers the scene's answer to whatever it is sent. */
export interface MemoryBroker {
  /** That many calls, one after the other. */
  run(calls: number): Promise<void>;
  /** The same, with other work of the process between them: milliseconds of each call. What was used is told behind each where no timer does it. */
  runApart(calls: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

export function createMemoryBroker(scene: CoreScene, { more, usage }: MemoryBrokerOptions = {}): MemoryBroker {
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
    ...(usage === undefined ? {} : { usage }),
  });
  const manifests = testManifests({ backends: [{ name: "one", port: 1, key: "k", api: scene.api }], ...(more === undefined ? {} : { more }) });
  const compiled = compile([{ path: "core", text: manifests }], PLATFORMS.knative);
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
  const runApart = async (calls: number): Promise<readonly number[]> => {
    const times: number[] = [];
    const signal = new AbortController().signal;
    for (let call = 0; call < calls; call += 1) {
      const began = performance.now();
      await broker.handle(exchangeOf(scene, headers));
      times.push(performance.now() - began);
      if (usage?.timers === false) await broker.flushUsage(signal);
      await new Promise(setImmediate);
    }
    return times;
  };
  return {
    run,
    runApart,
    close: async () => {
      if (usage !== undefined) await broker.flushUsage(AbortSignal.timeout(2_000));
      await broker.close();
    },
  };
}

function memoryBody(pieces: readonly Uint8Array[]): AnswerBody {
  const [first = new Uint8Array(0)] = pieces;
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
