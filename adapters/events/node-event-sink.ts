import type { DegradedPort, EventPublisher, Outlet } from "../../src/index.ts";
import type { FlushableSink } from "./batching-sink.ts";
import { createConsoleSink } from "./console-sink.ts";
import { nodeOutlets } from "./outlets.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How events leave a broker on Node. */
export interface NodeEvents {
  /** For what the broker tells of itself. */
  readonly sink: FlushableSink;
  /** For answers to calls that came as events; null: there is nowhere to send them. Has connections of its own, to be closed. */
  readonly answers: EventPublisher | null;
  /** Where these and telemetry go. */
  readonly outlets: readonly Outlet[];
}

/** Without any of them nothing of publishing is loaded. */
const SINKS = ["SPILLWAY_SINK", "K_SINK", "SPILLWAY_ANSWER_SINK"];

/**
 * What the environment asks for: `SPILLWAY_SINK`, else `K_SINK` with `K_CE_OVERRIDES` and `K_CA_CERTS`, which a SinkBinding sets; answers go to
 * `SPILLWAY_ANSWER_SINK`, else to the same. Without a sink events go to the log. Rejects at once when one of them cannot be meant.
 */
export async function createNodeEvents(environment: Environment, log: ((line: string) => void) | null, degraded: DegradedPort): Promise<NodeEvents> {
  const isAsked = SINKS.some((name) => (environment[name]?.trim() ?? "") !== "");
  const opened = isAsked ? (await import("./node-sinks.ts")).openNodeSinks(environment, eventSource(environment), degraded) : null;
  return {
    sink: opened?.sink ?? createConsoleSink(log ?? (() => undefined)),
    answers: opened?.answers ?? null,
    outlets: nodeOutlets(environment),
  };
}

/** CloudEvents `source`: the broker, by the name that the platform gave it. */
export function eventSource(environment: Environment): string {
  const name = environment["K_SERVICE"]?.trim() || environment["AWS_LAMBDA_FUNCTION_NAME"]?.trim() || "";
  return name === "" ? "/spillway" : `/spillway/${encodeURIComponent(name)}`;
}
