import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { pluralOf } from "../../adapters/kubernetes/resource-kinds.ts";
import { createAuthority } from "./certificates.ts";
import { createObjectStore, idOf, type LogEntry, mergePatch, type ObjectStore, type StoredObject } from "./kubernetes-api-store.ts";

export interface ApiRequestLine {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch";
  readonly group: string;
  /** With `/status` where it is the subresource. */
  readonly resource: string;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly query: URLSearchParams;
}

/** A small Kubernetes API server: list, watch, get, create, replace, merge patch and status over HTTP, with resource versions that mean something. */
export interface KubernetesApi {
  readonly store: ObjectStore;
  /** Path of a kubeconfig for it. */
  readonly kubeconfig: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly requests: readonly ApiRequestLine[];
  count(verb: ApiRequestLine["verb"], resource: string): number;
  /** Creates or replaces every document of a YAML text, as kubectl apply does. */
  apply(yaml: string): void;
  remove(kind: string, id: string): void;
  find(kind: string, id: string): StoredObject | null;
  /** Ends every open connection, as a restart of the server or a load balancer does. */
  drop(): void;
  /** While true, no connection is taken and none stays. */
  setAway(away: boolean): void;
  /** Sends every watch a bookmark. */
  bookmark(): void;
  /** `list secrets`, `patch httproutes/status`: answered with 403 from now on. */
  readonly forbidden: Set<string>;
  /** Asked of every request where it is set; false is answered with 403. */
  authorize: ((line: ApiRequestLine) => boolean) | null;
  /** Plurals whose CRD is not installed. */
  readonly missing: Set<string>;
  /** Runs before each write is carried out; may change the object underneath it. */
  beforeWrite: ((line: ApiRequestLine) => void) | null;
  /** Takes out of a status what the definition of its kind does not know. */
  prune: ((resource: string, object: StoredObject) => StoredObject) | null;
  /** Gives the `status` of a TokenReview for its `spec`, or a promise of it; where it is not set, there is no such resource. */
  reviewToken: ((spec: TokenReviewSpec) => unknown) | null;
  openWatches(): number;
  /** Protocols that were spoken: `1.1`, `2.0`. */
  readonly protocols: ReadonlySet<string>;
  close(): Promise<void>;
}

export interface TokenReviewSpec {
  readonly token: string;
  readonly audiences: readonly string[];
}

interface OpenWatch {
  readonly line: ApiRequestLine;
  readonly send: (event: unknown) => void;
}

/** `tls`: as real ones are reached, by HTTPS with an authority of their own and HTTP/2 on offer. */
export async function startKubernetesApi({ tls = false }: { readonly tls?: boolean } = {}): Promise<KubernetesApi> {
  const store = createObjectStore();
  const sockets = new Set<Socket>();
  const watches = new Set<OpenWatch>();
  const requests: ApiRequestLine[] = [];
  const forbidden = new Set<string>();
  const missing = new Set<string>();
  let away = false;

  const protocols = new Set<string>();
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    protocols.add(request.httpVersion);
    handle(request, response).catch(() => response.destroy());
  };
  const authority = createAuthority();
  const { certPem, keyPem } = authority.issue({ ipAddresses: ["127.0.0.1"] });
  // as: the compatibility API of node:http2 has the same members
  const server = tls ? createSecureServer({ cert: certPem, key: keyPem, allowHTTP1: true }, serve as never) : createServer(serve);
  server.on("connection", (socket) => {
    if (away) socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  const kubeconfig = join(folder, "config");
  const url = `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(
    kubeconfig,
    `apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "${url}", ${tls ? `certificate-authority-data: ${btoa(authority.caPem)}` : "insecure-skip-tls-verify: true"}}}]
users: [{name: test, user: {token: test-token}}]
contexts: [{name: test, context: {cluster: test, user: test, namespace: egress-system}}]
`,
  );
  const unsubscribe = store.subscribe((entry) => {
    for (const watch of watches) if (matches(watch.line, entry.resource, entry.object)) watch.send({ type: entry.type, object: entry.object });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const line = readLine(request);
    if (line === null) return answer(response, 404, status(404, "NotFound"));
    if (request.headers.authorization !== "Bearer test-token") return answer(response, 401, status(401, "Unauthorized"));
    requests.push(line);
    const plural = line.resource.split("/")[0] ?? "";
    if (forbidden.has(`${line.verb} ${line.resource}`) || api.authorize?.(line) === false) return answer(response, 403, status(403, "Forbidden"));
    if (missing.has(plural)) return answer(response, 404, status(404, "NotFound"));
    if (line.verb === "list") return list(line, response);
    if (line.verb === "watch") return watch(line, response);
    if (plural === "tokenreviews" && line.verb === "create" && api.reviewToken !== null) {
      const sent = JSON.parse(body) as { readonly spec: TokenReviewSpec }; // of the broker under test, whose test looks at it
      return answer(response, 201, { ...sent, status: await api.reviewToken(sent.spec) });
    }
    return answer(response, ...one(line, body, plural));
  }

  function list(line: ApiRequestLine, response: ServerResponse): void {
    const all = store.list(line.resource).filter((object) => matches(line, line.resource, object));
    const start = Number(line.query.get("continue") ?? "0");
    const limit = Number(line.query.get("limit") ?? "0") || all.length;
    const more = start + limit < all.length ? { continue: String(start + limit) } : {};
    // Items of a list carry neither apiVersion nor kind.
    const items = all.slice(start, start + limit).map(({ apiVersion: _version, kind: _kind, ...rest }) => rest);
    answer(response, 200, { kind: "List", apiVersion: "v1", metadata: { resourceVersion: String(store.version()), ...more }, items });
  }

  function watch(line: ApiRequestLine, response: ServerResponse): void {
    const missed = store.since(Number(line.query.get("resourceVersion") ?? "0"));
    response.writeHead(200, { "content-type": "application/json" });
    const send = (event: unknown) => {
      const text = `${JSON.stringify(event)}\n`;
      // In two pieces, as networks do.
      const half = Math.floor(text.length / 2);
      response.write(text.slice(0, half));
      response.write(text.slice(half));
    };
    if (missed === null) {
      send({ type: "ERROR", object: status(410, "Expired") });
      response.end();
      return;
    }
    response.flushHeaders();
    for (const entry of missed as readonly LogEntry[]) if (matches(line, entry.resource, entry.object)) send({ type: entry.type, object: entry.object });
    const open = { line, send };
    watches.add(open);
    response.on("close", () => watches.delete(open));
  }

  function one(line: ApiRequestLine, body: string, plural: string): readonly [code: number, body: unknown] {
    const id = line.namespace === null ? (line.name ?? "") : `${line.namespace}/${line.name}`;
    if (line.verb !== "get") api.beforeWrite?.(line);
    const before = store.get(plural, id);
    if (line.verb === "create") {
      const sent = JSON.parse(body) as StoredObject;
      const named = { ...sent, metadata: { ...sent.metadata, namespace: line.namespace ?? sent.metadata.namespace } } as StoredObject;
      if (store.get(plural, idOf(named)) !== null) return [409, status(409, "AlreadyExists")];
      return [201, store.write(plural, named)];
    }
    if (before === null) return [404, status(404, "NotFound")];
    if (line.verb === "get") return [200, before];
    const sent = JSON.parse(body) as StoredObject;
    const claimed = sent.metadata?.resourceVersion;
    if (claimed !== undefined && claimed !== before.metadata.resourceVersion) return [409, status(409, "Conflict")];
    const next = (line.verb === "patch" ? mergePatch(before, sent) : sent) as StoredObject;
    return [200, line.resource.endsWith("/status") ? store.writeStatus(plural, api.prune?.(plural, next) ?? next) : store.write(plural, next)];
  }

  const api: KubernetesApi = {
    store,
    kubeconfig,
    environment: { KUBECONFIG: kubeconfig },
    requests,
    protocols,
    forbidden,
    missing,
    authorize: null,
    beforeWrite: null,
    prune: null,
    reviewToken: null,
    count: (verb, resource) => requests.filter((line) => line.verb === verb && line.resource === resource).length,
    apply(yaml) {
      for (const document of parseAllDocuments(yaml)) {
        const object = document.toJS() as StoredObject | null;
        if (object !== null) store.write(pluralOf(object.kind), object);
      }
    },
    remove: (kind, id) => store.remove(pluralOf(kind), id),
    find: (kind, id) => store.get(pluralOf(kind), id),
    drop() {
      for (const socket of sockets) socket.destroy();
    },
    setAway(next) {
      away = next;
      if (away) api.drop();
    },
    bookmark() {
      for (const { send } of watches)
        send({ type: "BOOKMARK", object: { kind: "x", apiVersion: "v1", metadata: { resourceVersion: String(store.version()) } } });
    },
    openWatches: () => watches.size,
    async close() {
      unsubscribe();
      api.drop();
      await new Promise((closed) => server.close(closed));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return api;
}

function matches(line: ApiRequestLine, resource: string, object: StoredObject): boolean {
  if (line.resource !== resource || (line.namespace !== null && object.metadata.namespace !== line.namespace)) return false;
  const selector = line.query.get("fieldSelector");
  return selector === null || selector === `metadata.name=${object.metadata.name}`;
}

const PATH = /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(\/status)?$/;

function readLine(request: IncomingMessage): ApiRequestLine | null {
  const url = new URL(request.url ?? "/", "http://api");
  const found = PATH.exec(url.pathname);
  if (found === null) return null;
  const [, group = "", namespace, plural = "", name, subresource = ""] = found;
  const verbs = {
    GET: name === undefined ? (url.searchParams.get("watch") === "true" ? "watch" : "list") : "get",
    POST: "create",
    PUT: "update",
    PATCH: "patch",
  } as const;
  const verb = verbs[request.method as keyof typeof verbs];
  return { verb, group, resource: `${plural}${subresource}`, namespace: namespace ?? null, name: name ?? null, query: url.searchParams };
}

function status(code: number, reason: string): Record<string, unknown> {
  return { kind: "Status", apiVersion: "v1", status: "Failure", message: "a text that must not be quoted", reason, code };
}

function answer(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
