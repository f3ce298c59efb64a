import { createNodeServer } from "../adapters/knative/node-server.ts";
import { createUndiciTransport } from "../adapters/transport/undici-transport.ts";
import { type Exchange, type OutboundRequest, PLAIN_DNS, UNKNOWN_PLACE } from "../src/index.ts";

// The broker's own server, exchange and transport with nothing between: what is dearer than `bare.ts` here is dear in them.
// node bench/parts.ts UPSTREAM_PORT LISTEN_PORT

const [upstreamPort = 0, listenPort = 0] = process.argv.slice(2).map(Number);
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding"]);
const REQUEST_ONLY = new Set([...HOP_BY_HOP, "host", "content-length"]);
const MAX_BODY_BYTES = 10_000_000;

const transport = createUndiciTransport();
const to: Omit<OutboundRequest, "method" | "path" | "headers" | "body"> = {
  origin: { scheme: "http", hostname: "127.0.0.1", port: upstreamPort },
  upgrade: null,
  protocol: "http1",
  tls: null,
  clientCertificate: null,
  revocationLists: [],
  dns: { ...PLAIN_DNS, addresses: ["127.0.0.1"] },
  timeouts: { connectMs: 3_000, firstByteMs: 30_000, streamIdleMs: 30_000 },
  poolKey: "bench",
};

async function handle(exchange: Exchange): Promise<void> {
  const { body, headers, method, responder, signal, target } = exchange;
  const bytes = body.present ? await body.collect(MAX_BODY_BYTES) : null;
  if (typeof bytes === "string") return responder.reply(400, [], null);
  const outcome = await transport.dispatch(
    {
      ...to,
      method,
      path: target,
      headers: ["host", `127.0.0.1:${upstreamPort}`, ...without(REQUEST_ONLY, headers)],
      body: bytes === null ? { kind: "none" } : { kind: "bytes", bytes },
    },
    signal,
  );
  if (outcome.kind !== "answer") return responder.reply(502, [], null);
  await outcome.body.peek(0);
  await responder.deliver({
    status: outcome.status,
    headers: without(HOP_BY_HOP, outcome.headers),
    body: outcome.body,
    codec: null,
    trailers: null,
    onFirstByte: () => {},
  });
}

function without(dropped: ReadonlySet<string>, list: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index] ?? "";
    if (!dropped.has(name.toLowerCase())) kept.push(name, list[index + 1] ?? "");
  }
  return kept;
}

const server = createNodeServer({
  place: UNKNOWN_PLACE,
  certificates: null,
  onExchange: (exchange) => void handle(exchange),
  onFault: () => {},
  onAdmin: (_request, response) => void response.end(),
});
await server.listen(listenPort, "127.0.0.1");
