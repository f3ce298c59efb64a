import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PLATFORMS } from "../adapters/config/platforms.ts";
import { compile } from "../src/compiler.ts";
import { bundleWorker, startWorkerBroker, type WorkerBundle } from "../test/fakes/worker-broker.ts";
import type { ConformanceCase } from "./conformance-cases.ts";
import { type EchoedRequest, type EchoService, type EchoWorld, echo, reply } from "./conformance-echo.ts";
import { member, type RawManifest } from "./conformance-world.ts";

/** Below this name stands every Service of the suite, for a Worker reaches names outside only. */
const OUTSIDE = "conformance.example";

/** Where every connection of the Worker arrives: told apart by Host, each Service answers as its echo server would. */
export async function startOutside(services: readonly EchoService[]): Promise<EchoWorld & { readonly port: number }> {
  let received: EchoedRequest[] = [];
  const server = createServer((request, response) => {
    const [name, namespace] = (request.headers.host ?? "").split(".");
    const service = services.find((one) => one.name === name && one.namespace === namespace);
    request.resume();
    if (service === undefined) {
      response.writeHead(502).end();
      return;
    }
    const echoed = echo(service, request);
    received.push(echoed);
    void reply(echoed, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    addresses: new Map(),
    port: (server.address() as AddressInfo).port, // as: it listens on TCP
    received: () => received,
    forget: () => {
      received = [];
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The suite's manifests with an XBackend for every port of a Service, and every reference to a Service turned to one. */
export function withoutServices(manifests: readonly RawManifest[], services: readonly EchoService[]): readonly RawManifest[] {
  const backends = services.flatMap(({ name, namespace, ports }) =>
    ports.map(({ port }) => ({
      apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
      kind: "XBackend",
      metadata: { name: `${name}-${port}`, namespace },
      spec: {
        type: "ExternalHostname",
        externalHostname: { hostname: `${name}.${namespace}.${OUTSIDE}` },
        port: { port },
        protocol: "HTTP",
        tls: { mode: "None" },
      },
    })),
  );
  return [
    ...manifests.filter(({ kind }) => kind !== "Service").map((one) => (one["kind"] === "HTTPRoute" ? (translated(one) as RawManifest) : one)),
    ...backends,
  ]; // as: an object stays one
}

function translated(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(translated);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      if (key === "backendRefs" && Array.isArray(entry)) return [key, entry.map((ref) => translated(toXBackend(member(ref))))];
      return [key, key === "backendRef" ? toXBackend(member(entry)) : translated(entry)];
    }),
  );
}

function toXBackend({ port, ...ref }: RawManifest): RawManifest {
  if ((ref["kind"] ?? "Service") !== "Service" || (ref["group"] ?? "") !== "") return { ...ref, ...(port === undefined ? {} : { port }) };
  return { ...ref, group: "gateway.networking.x-k8s.io", kind: "XBackend", name: `${String(ref["name"])}-${String(port)}` };
}

/** Why a test cannot run on Workers; null: it can. */
export function whyNotOnWorkers(features: readonly string[]): string | null {
  const text = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: a}\nspec: {controllerName: spillway.dev/broker}\n";
  const able = compile([{ path: "class.yaml", text }], PLATFORMS.workers).conditions.find((one) => one.kind === "GatewayClass")?.supportedFeatures ?? [];
  const missing = features.filter((feature) => !able.includes(feature));
  return missing.length === 0 ? null : `Workers cannot do ${missing.join(", ")}`;
}

/** A name outside gets its own Host: what the suite says of the Host that a Service gets is not asked. */
export function withoutHost(one: ConformanceCase): ConformanceCase {
  return { ...one, ExpectedRequest: { ...one.ExpectedRequest, Request: { ...(one.ExpectedRequest?.Request ?? one.Request), Host: "" } } };
}

let bundle: Promise<WorkerBundle> | null = null;

/** Starts workerd with the Worker as it is deployed, and these manifests. */
export async function serveWorker(manifests: string, worldPort: number): Promise<{ readonly url: string; readonly report: string; stop(): Promise<void> }> {
  bundle ??= bundleWorker();
  const broker = await startWorkerBroker({ bundle: await bundle, manifests, secrets: {}, worldPort });
  return { url: broker.url, report: "", stop: broker.stop };
}

/** Removes what was built for `serveWorker`. */
export async function removeWorker(): Promise<void> {
  if (bundle !== null) await (await bundle).remove();
}
