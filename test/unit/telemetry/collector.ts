import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

export interface Collector {
  readonly url: string;
  readonly received: Received[];
  /** Every span that has come, flattened. */
  spans(): Span[];
  metrics(): Metric[];
  close(): Promise<void>;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly isMonotonic: boolean; readonly aggregationTemporality: number; readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

export interface Point {
  readonly attributes: readonly KeyValue[];
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
  readonly bucketCounts?: readonly (number | string)[];
  readonly explicitBounds?: readonly number[];
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** An OTLP collector on loopback that reads OTLP/JSON. `hang` takes requests and never answers; `status` answers with it. */
export async function startCollector(behaviour: { readonly hang?: boolean; readonly status?: number } = {}): Promise<Collector> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ path: request.url ?? "", headers: request.headers, text: Buffer.concat(chunks).toString("utf8") });
      if (behaviour.hang !== true) response.writeHead(behaviour.status ?? 200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo.
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    received,
    spans: () => received.filter(({ path }) => path === "/v1/traces").flatMap(({ text }) => spansOf(text)),
    metrics: () => received.filter(({ path }) => path === "/v1/metrics").flatMap(({ text }) => metricsOf(text)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The attributes of OTLP/JSON as a plain object. */
export function attributesOf(list: readonly KeyValue[] | undefined): Record<string, unknown> {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
}

// The exporter under test is the only writer, and a wrong shape fails the assertions that follow.
type TracePayload = {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: (Omit<Span, "attributes"> & { attributes: KeyValue[] })[] }[] }[];
};
type MetricPayload = { resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }[] };

function spansOf(text: string): Span[] {
  const payload: TracePayload = JSON.parse(text);
  return payload.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({ ...span, attributes: attributesOf(span.attributes), resource: attributesOf(resource.attributes) })),
    ),
  );
}

function metricsOf(text: string): Metric[] {
  const payload: MetricPayload = JSON.parse(text);
  return payload.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
}
