import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openApiClient } from "../../adapters/kubernetes/api-client.ts";
import type { KubernetesApiError } from "../../adapters/kubernetes/api-error.ts";
import { type Reflector, type Selection, startReflector } from "../../adapters/kubernetes/reflector.ts";
import { LISTED_KINDS, SECRET_KIND } from "../../adapters/kubernetes/resource-kinds.ts";
import { type KubernetesApi, startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { createFastClock, eventually } from "../fakes/kubernetes-api-clock.ts";

let api: KubernetesApi;
let stop: AbortController;
let changes: (string | null)[];
let troubles: (string | null)[];
let lastError: KubernetesApiError | null;

beforeEach(async () => {
  api = await startKubernetesApi();
  stop = new AbortController();
  changes = [];
  troubles = [];
  lastError = null;
});

afterEach(async () => {
  stop.abort();
  await api.close();
});

const namespace = (name: string, labels = "{}") => `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: ${labels}}\n`;
const kindOf = (kind: string) => {
  const found = LISTED_KINDS.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
};

async function follow(selection: Selection): Promise<Reflector> {
  return startReflector({
    client: await openApiClient(api.environment),
    selection,
    clock: createFastClock(150),
    random: Math.random,
    onChange: (id) => changes.push(id),
    onTrouble: (message, error) => {
      troubles.push(message);
      lastError = error;
    },
    signal: stop.signal,
  });
}

const namespaces = () => follow({ kind: kindOf("Namespace"), only: null });

describe("a reflector", () => {
  it("lists in pages, and then follows additions, changes and deletions", async () => {
    for (let index = 0; index < 1_203; index += 1) api.apply(namespace(`n-${index}`));
    const reflector = await namespaces();
    await eventually(() => reflector.state() === "listed");
    expect(reflector.objects().size).toBe(1_203);
    expect(api.count("list", "namespaces")).toBe(3);
    await eventually(() => api.openWatches() === 1);
    api.apply(namespace("late"));
    api.apply(namespace("n-7", "{team: seven}"));
    api.remove("Namespace", "n-8");
    await eventually(() => reflector.objects().size === 1_203 && reflector.objects().has("late"));
    expect(reflector.objects().get("n-7")?.metadata.labels).toEqual({ team: "seven" });
    expect(reflector.objects().has("n-8")).toBe(false);
    expect(api.count("list", "namespaces")).toBe(3);
  });

  it("resumes after dropped connections from where it was, without a gap and without a list", async () => {
    api.apply(namespace("a"));
    const reflector = await namespaces();
    await eventually(() => api.openWatches() === 1);
    for (let round = 0; round < 5; round += 1) {
      api.drop();
      api.apply(namespace(`while-away-${round}`));
      await eventually(() => reflector.objects().has(`while-away-${round}`));
    }
    api.remove("Namespace", "a");
    await eventually(() => !reflector.objects().has("a"));
    expect(api.count("list", "namespaces")).toBe(1);
    expect(changes.filter((id) => id?.startsWith("while-away"))).toHaveLength(5);
  });

  it("lists anew when its version is compacted away (410), and finds what was deleted meanwhile", async () => {
    api.apply(`${namespace("a")}---\n${namespace("b")}`);
    const reflector = await namespaces();
    await eventually(() => api.openWatches() === 1);
    api.setAway(true);
    api.remove("Namespace", "a");
    api.apply(namespace("c"));
    api.store.compact();
    api.setAway(false);
    await eventually(() => reflector.objects().has("c"));
    expect([...reflector.objects().keys()].sort()).toEqual(["b", "c"]);
    expect(api.count("list", "namespaces")).toBe(2);
  });

  it("bookmarks carry a quiet watch past a compaction", async () => {
    api.apply(namespace("a"));
    const reflector = await namespaces();
    await eventually(() => api.openWatches() === 1);
    // Others' writes move the server on, and nothing of ours.
    for (let index = 0; index < 10; index += 1)
      api.store.write("leases", { apiVersion: "v1", kind: "Lease", metadata: { name: "other", namespace: "x" }, spec: { index } });
    api.bookmark();
    api.store.compact();
    // Turns of the loop that the bookmark comes by in: one long sleep would have none on a machine that stands still.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 2));
    api.drop();
    await eventually(() => api.count("watch", "namespaces") >= 2 && api.openWatches() === 1);
    api.apply(namespace("b"));
    await eventually(() => reflector.objects().has("b"));
    expect(api.count("list", "namespaces")).toBe(1);
    expect(api.requests.find((line) => line.verb === "watch")?.query.get("allowWatchBookmarks")).toBe("true");
  });

  it("keeps what it knew while the API is away", async () => {
    api.apply(namespace("a"));
    const reflector = await namespaces();
    await eventually(() => api.openWatches() === 1);
    api.setAway(true);
    await eventually(() => troubles.some((message) => message?.includes("gave no answer")));
    expect([...reflector.objects().keys()]).toEqual(["a"]);
    api.setAway(false);
    api.apply(namespace("b"));
    await eventually(() => reflector.objects().has("b"));
  });

  it("says once that a CRD is missing, and finds it when it comes", async () => {
    api.missing.add("xbackends");
    const reflector = await follow({ kind: kindOf("XBackend"), only: null });
    await eventually(() => reflector.state() === "absent");
    await eventually(() => api.count("list", "xbackends") >= 3);
    expect(troubles).toEqual([expect.stringContaining("no XBackend (gateway.networking.x-k8s.io)")]);
    api.apply("apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: b, namespace: team-a}\nspec: {}\n");
    api.missing.clear();
    await eventually(() => reflector.state() === "listed");
    expect([...reflector.objects().keys()]).toEqual(["team-a/b"]);
  });

  it("does not believe at once that a kind is gone, for a starting server says so of every CRD", async () => {
    api.apply("apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: b, namespace: team-a}\nspec: {}\n");
    const reflector = await follow({ kind: kindOf("XBackend"), only: null });
    await eventually(() => api.openWatches() === 1);
    api.missing.add("xbackends");
    api.drop();
    await eventually(() => api.count("list", "xbackends") >= 2);
    expect(reflector.objects().size).toBe(1);
    await eventually(() => reflector.state() === "absent");
    expect(reflector.objects().size).toBe(0);
    expect(api.count("list", "xbackends")).toBeGreaterThanOrEqual(4);
  });

  it("names the permission that is missing, and no text of the server", async () => {
    api.forbidden.add("list regionpolicies");
    const reflector = await follow({ kind: kindOf("RegionPolicy"), only: null });
    await eventually(() => reflector.state() === "denied");
    expect(lastError?.status).toBe(403);
    expect(troubles[0]).toContain("may not list regionpolicies.spillway.dev in the whole cluster");
    expect(troubles.join()).not.toContain("must not be quoted");
    api.forbidden.clear();
    await eventually(() => reflector.state() === "listed");
  });

  it("follows one object by its name alone", async () => {
    api.apply(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: team-a}\ndata: {value: YQ==}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: other, namespace: team-a}\n",
    );
    const reflector = await follow({ kind: SECRET_KIND, only: { namespace: "team-a", name: "key" } });
    await eventually(() => reflector.state() === "listed");
    expect([...reflector.objects().keys()]).toEqual(["team-a/key"]);
    for (const line of api.requests) expect([line.namespace, line.query.get("fieldSelector")]).toEqual(["team-a", "metadata.name=key"]);
  });
});
