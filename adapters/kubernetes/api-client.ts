import type { RequestContext } from "@kubernetes/client-node";
import { type Asked, describeAsked, errorOfAnswer, KubernetesApiError } from "./api-error.ts";
import { findCluster } from "./find-cluster.ts";
import { readLines } from "./read-lines.ts";

export interface ApiRequest {
  readonly asked: Asked;
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** One cluster's API, as one account. Every method rejects with `KubernetesApiError`, or with the signal's reason. */
export interface ApiClient {
  /** Where it is, for messages. */
  readonly server: string;
  /** The namespace of the account or of the kubeconfig's context; null: none is named. */
  readonly namespace: string | null;
  /** Sends one request and gives the JSON of its answer; 30 s at most. */
  send(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
  /** Opens a stream of JSON lines and hands over each, until the server ends it; at most `maxMs` milliseconds. */
  stream(request: ApiRequest, onLine: (line: unknown) => void, maxMs: number, signal: AbortSignal): Promise<void>;
}

const REQUEST_MS = 30_000;
/** The library makes connections anew for each request; one pool serves until its certificates may have been rotated. */
const POOL_MS = 60_000;

/** Loads the Kubernetes client and finds the cluster. Rejects when there is none. */
export async function openApiClient(environment: Readonly<Record<string, string | undefined>>): Promise<ApiClient> {
  // By file: the package as a whole brings attach, exec, port forwarding and a class for every kind that there is.
  const [configuration, library] = await Promise.all([
    import("@kubernetes/client-node/dist/config.js"),
    import("@kubernetes/client-node/dist/gen/http/http.js"),
  ]);
  const config = await findCluster(configuration, environment);
  const http = new library.IsomorphicFetchHttpLibrary();
  const cluster = config.getCurrentCluster();
  const server = cluster?.server ?? "";
  let pool: { readonly dispatcher: ReturnType<RequestContext["getDispatcher"]>; readonly until: number } | null = null;

  async function prepare(request: ApiRequest, signal: AbortSignal): Promise<RequestContext> {
    const context = new library.RequestContext(server + request.path, library.HttpMethod[request.method]);
    for (const [name, value] of Object.entries(request.query ?? {})) context.setQueryParam(name, value);
    context.setHeaderParam("Accept", "application/json");
    context.setHeaderParam("User-Agent", "spillway");
    if (request.body !== undefined) {
      context.setHeaderParam("Content-Type", request.method === "PATCH" ? "application/merge-patch+json" : "application/json");
      context.setBody(JSON.stringify(request.body));
    }
    await config.applySecurityAuthentication(context).catch((error: unknown) => {
      throw new KubernetesApiError("the credential for the Kubernetes API cannot be made ready", 0, { cause: error });
    });
    const fresh = context.getDispatcher();
    if (fresh !== undefined) {
      if (pool === null || Date.now() >= pool.until) pool = { dispatcher: fresh, until: Date.now() + POOL_MS };
      if (pool.dispatcher !== undefined) context.setDispatcher(pool.dispatcher);
    }
    context.setSignal(signal);
    return context;
  }

  async function open(request: ApiRequest, limit: AbortSignal, signal: AbortSignal) {
    const context = await prepare(request, limit);
    const response = await http
      .send(context)
      .toPromise()
      .catch((error: unknown) => {
        throw unreachable(error, request.asked, server, signal);
      });
    if (response.httpStatusCode >= 200 && response.httpStatusCode < 300) return response;
    const text = await response.body.text().catch(() => "");
    throw errorOfAnswer(response.httpStatusCode, text, request.asked, response.headers["retry-after"]);
  }

  return {
    server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? null,
    async send(request, signal) {
      const response = await open(request, AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]), signal);
      try {
        return JSON.parse(await response.body.text());
      } catch (error) {
        throw unreachable(error, request.asked, server, signal);
      }
    },
    async stream(request, onLine, maxMs, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(maxMs)]);
      const response = await open(request, limit, signal);
      // as: the library types its body for browsers; on Node it is undici's ReadableStream
      const body = (response.body as unknown as { stream(): ReadableStream<Uint8Array> }).stream();
      try {
        await readLines(body, onLine);
      } catch (error) {
        throw unreachable(error, request.asked, server, signal);
      }
    },
  };
}

function unreachable(error: unknown, asked: Asked, server: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof KubernetesApiError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return new KubernetesApiError(`the Kubernetes API at ${server} gave no answer${code} when asked to ${describeAsked(asked)}`, 0, { cause: error });
}
