import { createHash } from "node:crypto";
import { type LambdaProcess, startLambda } from "../fakes/lambda-runtime.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Answer, type SeenRequest, startUpstream } from "../fakes/upstream.ts";
import { bundleWorker, startWorkerBroker } from "../fakes/worker-broker.ts";
import { answerChat } from "./upstream-scripts.ts";

/** The broker on a platform that is not Node's server, between a hostile client and two destinations of which the first does as it is told. */
export interface PlatformWorld {
  /** Of the front that callers speak HTTP/1.1 to. */
  readonly port: number;
  /** Requests that left for a host: `first`, `second`, or `other` for every host that no manifest names. */
  seen(host: "first" | "second" | "other"): readonly SeenRequest[];
  firstDoes(script: Answer): void;
  reset(): void;
  /** All that the platform wrote of it. */
  logs(): string;
  close(): Promise<void>;
}

/** Keys that are to be found nowhere but at their destination. */
export const CANARIES = ["first-canary-key", "second-canary-key"];
const FORGETFUL = "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}";
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** In workerd. Whatever leaves arrives at one port of the test's, whatever its host. */
export async function startWorkerWorld(): Promise<PlatformWorld> {
  let script: Answer = answerChat();
  const hostOf = ({ headers }: SeenRequest): string => headers.find(([name]) => name === "host")?.[1] ?? "";
  const nameOf = (request: SeenRequest): "first" | "second" | "other" => {
    const host = hostOf(request);
    return host === "first.provider.example" ? "first" : host === "second.provider.example" ? "second" : "other";
  };
  const world = await startUpstream((socket, request) => (nameOf(request) === "first" ? script : answerChat("second"))(socket, request));
  const bundle = await bundleWorker();
  const callers = { keys: [{ sha256: digest(CALLER_TOKEN), namespace: "team-a", serviceAccount: "assistant" }] };
  const manifests = testManifests({
    backends: [
      { name: "first", port: 443, api: "OpenAI", timeouts: "{firstByte: 1500ms, streamIdle: 1500ms}" },
      { name: "second", port: 443, api: "OpenAI" },
    ],
    group: ["first", "second"],
    groupSpec: FORGETFUL,
    more: ["first", "second"].map(workerCredential).join("\n---\n"),
  })
    .replace(/spec: \{file: \{path: .*callers\.json\}\}/, "spec: {binding: {name: CALLERS}}")
    // The platform resolves names itself, and is the only one that could check who answers.
    .replaceAll("  dns: {addresses: [127.0.0.1]}\n", "")
    .replaceAll(
      /externalHostname: \{hostname: (.*)\}((?:\n.*){2})\n {2}tls: \{mode: None\}/g,
      (_all, host: string, between: string) =>
        `externalHostname: {hostname: ${host}}${between}\n  tls: {mode: ServerOnly, validation: {hostname: ${host}, wellKnownCACertificates: System}}`,
    )
    .replace(/---\napiVersion: spillway.dev\/v1alpha1\nkind: BackendConnectionPolicy\nmetadata: \{name: second,(?:.*\n)*?(?=---)/, "");
  const broker = await startWorkerBroker({
    bundle,
    manifests,
    secrets: { CALLERS: JSON.stringify(callers), KEY_OF_FIRST: "first-canary-key", KEY_OF_SECOND: "second-canary-key" },
    worldPort: world.port,
  });
  return {
    port: Number(new URL(broker.url).port),
    seen: (host) => world.seen.filter((request) => nameOf(request) === host),
    firstDoes: (next) => {
      script = next;
    },
    reset: () => {
      script = answerChat();
      world.seen.length = 0;
    },
    logs: () => `${broker.stdout()}${broker.stderr()}`,
    close: async () => {
      await broker.stop();
      await world.close();
      await bundle.remove();
    },
  };
}

function workerCredential(name: string): string {
  return [
    `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}-key, namespace: team-a}\nspec: {binding: {name: KEY_OF_${name.toUpperCase()}}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n  type: Bearer\n  bearer: {secretRef: {group: spillway.dev, kind: SecretSource, name: ${name}-key}}`,
  ].join("\n---\n");
}

/** In AWS's own runtime client, behind a function URL; `lambda` takes events by hand. */
export async function startLambdaWorld(): Promise<PlatformWorld & { readonly lambda: LambdaProcess }> {
  let script: Answer = answerChat();
  const first = await startUpstream((socket, request) => script(socket, request));
  const second = await startUpstream(answerChat("second"));
  const manifests = testManifests({
    backends: [
      { name: "first", port: first.port, key: "first-canary-key", api: "OpenAI", timeouts: "{firstByte: 1500ms, streamIdle: 1500ms}" },
      { name: "second", port: second.port, key: "second-canary-key", api: "OpenAI" },
    ],
    group: ["first", "second"],
    groupSpec: FORGETFUL,
  });
  const lambda = await startLambda({ manifests });
  return {
    lambda,
    port: Number(new URL(lambda.url).port),
    seen: (host) => (host === "first" ? first.seen : host === "second" ? second.seen : []),
    firstDoes: (next) => {
      script = next;
    },
    reset: () => {
      script = answerChat();
      first.seen.length = 0;
      second.seen.length = 0;
    },
    logs: () => `${lambda.stdout()}${lambda.stderr()}`,
    close: async () => {
      await lambda.stop();
      await Promise.all([first.close(), second.close()]);
    },
  };
}
