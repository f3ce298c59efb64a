import { type CloudEvent, type EventAnswer, type EventPlatform, PublishError, UNKNOWN_PLACE } from "../../src/index.ts";
import { CALLER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { createFakeState, type FakeState } from "../fakes/state-store.ts";
import { type Installation, type InstallationOptions, install } from "./installation.ts";

/** An installation that takes events, with a sink for their answers. */
export interface EventInstallation extends Installation {
  readonly state: FakeState;
  /** What reached the sink, in order. */
  readonly published: CloudEvent[];
  /** What the sink does next: takes it (nothing given), or fails in this way. */
  readonly sink: { fails: "retryable" | "never" | null };
  readonly reloads: { count: number };
  /** Bodies of messages that were read. */
  readonly reads: { readonly count: number };
  /** POST /-/events in structured mode. */
  post(event: object | readonly object[], options?: PostOptions): Promise<EventAnswer>;
}

export interface PostOptions {
  /** Null: none. Default: the token of team-a. */
  readonly token?: string | null;
  /** Default true: the answer comes back. */
  readonly reply?: boolean;
  readonly platform?: Partial<EventPlatform>;
  readonly headers?: readonly string[];
}

export function installEvents(
  manifests: TestManifests | string | null,
  options: InstallationOptions & {
    readonly state?: FakeState;
    readonly published?: CloudEvent[];
    readonly withoutSink?: boolean;
    readonly kill?: (step: string) => Promise<void>;
  } = {},
): EventInstallation {
  const published = options.published ?? [];
  const sink: EventInstallation["sink"] = { fails: null };
  const reloads = { count: 0 };
  const reads = { count: 0 };
  const kill = options.kill ?? (async () => {});
  let state = options.state ?? null;
  const installation = install(manifests, {
    ...options,
    take: (clock) => {
      state ??= createFakeState(clock);
      return {
        state: state.client(options.kill === undefined ? undefined : (operation, key) => kill(`${operation} ${key.split("/")[0]}`)),
        answers:
          options.withoutSink === true
            ? null
            : {
                maxBatch: 1,
                publish: async (events) => {
                  await kill("publish");
                  if (sink.fails !== null) throw new PublishError("the sink says no", sink.fails === "retryable");
                  published.push(...events);
                  await kill("published");
                },
                close: async () => {},
              },
        reload: async () => {
          reloads.count += 1;
        },
        source: "/spillway/test",
      };
    },
  });
  if (state === null) throw new Error("no state was made");
  return {
    ...installation,
    state,
    published,
    sink,
    reloads,
    reads,
    post(event, post = {}) {
      const { token = CALLER_TOKEN, reply = true } = post;
      const type = Array.isArray(event) ? "application/cloudevents-batch+json" : "application/cloudevents+json";
      const headers = [
        "content-type",
        type,
        ...(token === null ? [] : ["authorization", `Bearer ${token}`]),
        ...(reply ? ["prefer", "reply"] : []),
        ...(post.headers ?? []),
      ];
      const { events } = installation.broker;
      if (events === null) throw new Error("events are not taken");
      return events.takeMessage({
        headers,
        authority: "egress.example",
        body: async () => {
          reads.count += 1;
          return new TextEncoder().encode(JSON.stringify(event));
        },
        platform: { principal: null, place: UNKNOWN_PLACE, remainingMs: null, waitUntil: () => {}, ...post.platform },
      });
    },
  };
}

let count = 0;

/** A request event for the chat API; `data` changes what it asks for. */
export function requestEvent(data: object = {}, attributes: object = {}): Readonly<Record<string, unknown>> {
  count += 1;
  return {
    specversion: "1.0",
    id: `event-${count}`,
    source: "/team-a/jobs",
    type: "dev.spillway.egress.request.v1",
    data: { url: "http://egress.example/v1/chat/completions", body: { json: { model: "gpt-test", messages: [] } }, ...data },
    ...attributes,
  };
}
