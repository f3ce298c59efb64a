import type { Socket } from "node:net";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { type TestBackend, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { type Answer, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { answerChat } from "./upstream-scripts.ts";

/** The built broker in a process of its own, between a hostile client and two destinations of which the first does as it is told. */
export interface HostileWorld {
  readonly broker: BrokerProcess;
  readonly port: number;
  readonly first: Upstream;
  /** Answers well, with the word `second`. */
  readonly second: Upstream;
  /** What the first one answers from now on. */
  firstDoes(script: Answer): void;
  /** What the first one does with connections from now on, before it reads. */
  firstGreets(greet: (socket: Socket) => void): void;
  /** Puts everything back for the next case. */
  reset(): void;
  close(): Promise<void>;
}

/** So that what one case taught of the first destination does not decide the next. */
const FORGETFUL = "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}";

export interface HostileWorldOptions {
  /** Whether the second is there to be switched to. */
  readonly failover?: boolean;
  /** More members of the first backend. */
  readonly firstBackend?: Partial<TestBackend>;
  readonly manifests?: Partial<TestManifests>;
  readonly env?: Readonly<Record<string, string>>;
  /** More words of the command line. */
  readonly args?: readonly string[];
}

/** Starts everything on free ports; the keys of the destinations are `first-canary-key` and `second-canary-key`. */
export async function startHostileWorld(options: HostileWorldOptions = {}): Promise<HostileWorld> {
  let script: Answer = answerChat();
  let greet: (socket: Socket) => void = () => {};
  const first = await startUpstream(
    (socket, request) => script(socket, request),
    null,
    (socket) => greet(socket),
  );
  const second = await startUpstream(answerChat("second"));
  const broker = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "first", port: first.port, key: "first-canary-key", api: "OpenAI", ...options.firstBackend },
        { name: "second", port: second.port, key: "second-canary-key", api: "OpenAI" },
      ],
      group: options.failover === true ? ["first", "second"] : ["first"],
      groupSpec: FORGETFUL,
      ...options.manifests,
    }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.args === undefined ? {} : { args: options.args }),
  });
  return {
    broker,
    port: Number(new URL(broker.url).port),
    first,
    second,
    firstDoes: (next) => {
      script = next;
    },
    firstGreets: (next) => {
      greet = next;
    },
    reset: () => {
      script = answerChat();
      greet = () => {};
      first.seen.length = 0;
      second.seen.length = 0;
    },
    close: async () => {
      await broker.stop();
      await Promise.all([first.close(), second.close()]);
    },
  };
}
