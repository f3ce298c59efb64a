import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Tracer } from "@opentelemetry/api";
import { compile } from "../../src/compiler.ts";
import {
  type AuditPorts,
  type Broker,
  type Compiled,
  createBroker,
  type EgressEvent,
  type EventPorts,
  type Outlet,
  type Pressure,
  type PriceBook,
  Secret,
  type SecretLocation,
  SecretStoreError,
  type UsageStore,
} from "../../src/index.ts";
import type { LimitDesk } from "../../src/policy/limits/limit-desk.ts";
import { createFakeClock, type FakeClock } from "../fakes/clock.ts";
import { createFakeExchange, type ExchangeOptions, type FakeExchange } from "../fakes/exchange.ts";
import { CALLER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { createScriptedTransport, type ScriptedTransport } from "../fakes/scripted-transport.ts";

/** What the scripted store says for a file instead of reading it. */
type Said = string | SecretStoreError["reason"] | "hang";
const REASONS: ReadonlySet<string> = new Set(["denied", "missing", "malformed", "unavailable"]);

/** A broker in memory: nothing of it touches the network, and time moves by `clock` alone. */
export interface Installation {
  readonly broker: Broker;
  readonly transport: ScriptedTransport;
  readonly clock: FakeClock;
  /** Finished access-log lines, parsed. */
  readonly log: Record<string, unknown>[];
  readonly events: EgressEvent[];
  /** Names of the secret files that were asked for, in order. */
  readonly asked: string[];
  /** What the store gives for this file (`first.key`) from now on. */
  secret(file: string, said: Said): void;
  /** A text is taken as it is. */
  load(manifests: TestManifests | string): Compiled;
  /** A call of `team-a/assistant` under way; time may have to move for it to end. */
  begin(options?: ExchangeOptions): { readonly fake: FakeExchange; readonly done: Promise<void> };
  /** A call that needs no time to end. */
  call(options?: ExchangeOptions): Promise<FakeExchange>;
  /** Everything that was ever logged or emitted, as text. */
  told(): string;
}

export interface InstallationOptions {
  readonly tracer?: Tracer;
  readonly random?: () => number;
  readonly outlets?: readonly Outlet[];
  /** Scope of an audit log, whose records are among the events. */
  readonly audit?: AuditPorts["scope"];
  /** Instances that share a clock and destinations are given the first one's. */
  readonly clock?: FakeClock;
  readonly transport?: ScriptedTransport;
  /** Counts limits in the place of the broker. */
  readonly limits?: LimitDesk;
  /** Where the broker counts limits and usage; left out: nowhere. */
  readonly store?: UsageStore;
  /** Where that store is; left out: in the broker's own memory. */
  readonly usageOutlet?: Outlet;
  readonly pressure?: Pressure;
  readonly prices?: () => Promise<PriceBook>;
  /** Left out: events are not taken. */
  readonly take?: (clock: FakeClock) => EventPorts;
}

export function install(manifests: TestManifests | string | null, options: InstallationOptions = {}): Installation {
  const clock = options.clock ?? createFakeClock();
  const transport = options.transport ?? createScriptedTransport(clock);
  const { store } = options;
  const log: Record<string, unknown>[] = [];
  const events: EgressEvent[] = [];
  const asked: string[] = [];
  const said = new Map<string, Said>();
  const lines: string[] = [];
  const broker = createBroker({
    outlets: options.outlets ?? [],
    clock,
    random: options.random ?? (() => 0),
    transport,
    secretStores: [
      {
        providers: new Set(["file"] as const),
        fetch: async (location, signal) => {
          const file = basename(pathOf(location));
          asked.push(file);
          const answer = said.get(file);
          if (answer === "hang") return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          // The set holds nothing but reasons.
          if (answer !== undefined && REASONS.has(answer)) throw new SecretStoreError(answer as SecretStoreError["reason"], "the store says so");
          return new Secret(answer ?? readFileSync(pathOf(location), "utf8"), null);
        },
      },
    ],
    documents: { fetchJson: () => Promise.reject(new Error("no documents here")) },
    sink: { emit: (event) => void events.push(event) },
    log: (line) => {
      lines.push(line);
      // Our own line.
      log.push(JSON.parse(line) as Record<string, unknown>);
    },
    schedule: (work) => queueMicrotask(work),
    tracer: options.tracer ?? null,
    digest: (text) => createHash("sha256").update(text).digest("hex"),
    ...(options.audit === undefined ? {} : { audit: { scope: options.audit, instance: "test", version: "0", previous: null, write: null } }),
    ...(store === undefined ? {} : { usage: { open: async () => store, outlet: () => options.usageOutlet ?? null, timers: true } }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.pressure === undefined ? {} : { pressure: options.pressure }),
    ...(options.prices === undefined ? {} : { prices: options.prices }),
    ...(options.take === undefined ? {} : { events: options.take(clock) }),
  });
  const load = (next: TestManifests | string): Compiled => {
    const text = typeof next === "string" ? next : testManifests(next);
    const compiled = compile([{ path: "test.yaml", text }], { name: "knative", features: transport.features });
    broker.load(compiled);
    return compiled;
  };
  const begin = (call: ExchangeOptions = {}) => {
    const fake = createFakeExchange({ ...call, headers: call.headers ?? ["authorization", `Bearer ${CALLER_TOKEN}`] });
    return { fake, done: broker.handle(fake.exchange) };
  };
  if (manifests !== null) {
    const compiled = load(manifests);
    if (!compiled.ok) throw new Error(compiled.faults.map((fault) => JSON.stringify(fault)).join("\n"));
  }
  return {
    broker,
    transport,
    clock,
    log,
    events,
    asked,
    secret: (file, value) => void said.set(file, value),
    load,
    begin,
    call: async (call) => {
      const { fake, done } = begin(call);
      await done;
      broker.attribution.drain();
      return fake;
    },
    told: () => `${lines.join("\n")}\n${JSON.stringify(events)}`,
  };
}

function pathOf(location: SecretLocation): string {
  return location.provider === "file" ? location.path : location.provider;
}

/** A chat call as SDKs send it. */
export function chat(body: object = {}, headers: readonly string[] = []): ExchangeOptions {
  return {
    target: "/v1/chat/completions",
    headers: ["Authorization", `Bearer ${CALLER_TOKEN}`, "Content-Type", "application/json", ...headers],
    body: JSON.stringify({ model: "gpt-test", messages: [], ...body }),
  };
}

export const JSON_HEADERS = ["content-type", "application/json"] as const;
export const STREAM_HEADERS = ["content-type", "text/event-stream"] as const;

/** A good stream of chat chunks. */
export const GOOD_STREAM = [
  'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n',
  'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
  "data: [DONE]\n\n",
];

/** A group of `first` and `second`, each with a key of its own; health is so generous that tests do not evict by accident. */
export const TWO: TestManifests = {
  backends: [
    { name: "first", port: 8001, key: "first-key-value", api: "OpenAI", timeouts: "{firstByte: 2s}" },
    { name: "second", port: 8002, key: "second-key-value", api: "OpenAI", timeouts: "{firstByte: 2s}" },
  ],
  group: ["first", "second"],
  groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1s, maxEvictFor: 1s}",
};

/** One backend with a key. */
export const ONE: TestManifests = { backends: [{ name: "only", port: 8001, key: "only-key-value", api: "OpenAI", timeouts: "{firstByte: 2s}" }] };
