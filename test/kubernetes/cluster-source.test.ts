import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileManifests } from "../../adapters/config/compile-manifests.ts";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { type ClusterSource, startClusterSource } from "../../adapters/kubernetes/cluster-source.ts";
import type { Compiled } from "../../src/index.ts";
import { type KubernetesApi, startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { createFastClock, eventually } from "../fakes/kubernetes-api-clock.ts";
import { CLUSTER, route } from "../fakes/kubernetes-api-manifests.ts";

let api: KubernetesApi;
let running: ClusterSource[];
let compiled: Compiled[];
let troubles: string[];
let isBroken: boolean;

beforeEach(async () => {
  api = await startKubernetesApi();
  running = [];
  compiled = [];
  troubles = [];
  isBroken = false;
});

afterEach(async () => {
  await Promise.all(running.map((source) => source.stop()));
  await api.close();
});

/** `speed`: where instances compete for the Lease a loaded machine must not look like a dead one. */
async function start(environment: Record<string, string> = {}, speed = 60): Promise<ClusterSource> {
  const source = await startClusterSource({
    environment: { ...api.environment, ...environment },
    clock: createFastClock(speed),
    random: Math.random,
    compile: (sources) => {
      if (isBroken) throw new Error("a fault of the compiler");
      return compileManifests(sources, PLATFORMS.knative);
    },
    onCompiled: (one) => compiled.push(one),
    onTrouble: (message) => troubles.push(message),
  });
  running.push(source);
  return source;
}

const last = () => compiled.at(-1);
const rules = () => last()?.snapshot?.gateways[0]?.listeners[0]?.routes.rules.map((rule) => rule.id) ?? [];
const ruleOf = (id: string) => last()?.snapshot?.gateways[0]?.listeners[0]?.routes.rules.find((rule) => rule.id === id);

interface Entry {
  readonly parentRef?: unknown;
  readonly ancestorRef?: unknown;
  readonly controllerName: string;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly observedGeneration: number;
    readonly lastTransitionTime: string;
    readonly message: string;
  }[];
}
const statusOf = (kind: string, id: string) =>
  (api.find(kind, id)?.status ?? {}) as {
    parents?: Entry[];
    ancestors?: Entry[];
    conditions?: Entry["conditions"];
    listeners?: unknown[];
    addresses?: unknown[];
    supportedFeatures?: { readonly name: string }[];
  };
const accepted = (entry: Entry | undefined) => entry?.conditions.find((one) => one.type === "Accepted");
const patches = () => api.requests.filter((line) => line.verb === "patch" && line.resource.endsWith("/status")).length;

/** Until nothing has been written for a while. */
async function quiet(): Promise<void> {
  for (let before = -1; before !== patches(); ) {
    before = patches();
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
}

describe("the configuration from a cluster", () => {
  it("is compiled once when everything is listed, and follows changes and deletions", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    expect(last()?.faults).toEqual([]);
    expect(rules()).toEqual(["team-a/llm/all"]);
    expect([...(last()?.snapshot?.backends.keys() ?? [])]).toEqual(["XBackend/team-a/provider"]);
    api.apply(route("second", "two.egress.local"));
    await eventually(() => rules().length === 2);
    api.remove("HTTPRoute", "team-a/llm");
    await eventually(() => rules().join() === "team-a/second/0");
  });

  it("gives the same as the same manifests from files, but for its times and generations", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    const fromFiles = compileManifests([{ path: "all.yaml", text: CLUSTER }], PLATFORMS.knative);
    const told = (one: Compiled | undefined) =>
      one?.conditions
        .map(({ kind, namespace, name, parent, conditions }) => ({ kind, namespace, name, parent, conditions }))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    expect(told(last())).toEqual(told(fromFiles));
  });

  it("takes a burst of changes in few compiles", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    for (let index = 0; index < 200; index += 1) api.apply(route(`r-${index}`, `h-${index}.egress.local`));
    await eventually(() => rules().length === 201);
    expect(compiled.length).toBeLessThan(8);
  });

  it("reads of Secrets only those that are named, and takes a new value at once", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    expect(api.requests.filter((line) => line.resource === "secrets").map((line) => line.query.get("fieldSelector"))).toEqual(
      expect.arrayContaining(["metadata.name=provider-key"]),
    );
    expect(api.requests.some((line) => line.resource === "secrets" && line.query.get("fieldSelector") !== "metadata.name=provider-key")).toBe(false);
    const value = () => {
      const credential = last()?.snapshot?.backends.get("XBackend/team-a/provider")?.credential;
      const location = credential?.type === "bearer" ? credential.secret.location : null;
      return location?.provider === "kubernetesSecret" ? (location.inline?.reveal() ?? "mounted") : null;
    };
    expect(value()).toBe("secret-one");
    api.apply(`apiVersion: v1\nkind: Secret\nmetadata: {name: provider-key, namespace: egress-system}\ndata: {token: ${btoa("secret-two")}}\n`);
    await eventually(() => value() === "secret-two");
  });

  it("looks for a Secret that it may not read in the mounted folder, and says so", async () => {
    api.apply(CLUSTER);
    api.forbidden.add("list secrets");
    await start();
    await eventually(() => compiled.length === 1);
    const credential = last()?.snapshot?.backends.get("XBackend/team-a/provider")?.credential;
    expect(credential?.type === "bearer" ? credential.secret.location : null).toMatchObject({
      provider: "kubernetesSecret",
      name: "provider-key",
      inline: null,
    });
    expect(troubles.join()).toMatch(/Secret egress-system\/provider-key: forbidden: .*may not list secrets in namespace egress-system.*mounted folder/);
  });

  it("compiles nothing while one kind may not be listed, for a lock may be among them", async () => {
    api.apply(CLUSTER);
    api.forbidden.add("list regionpolicies");
    await start();
    await eventually(() => troubles.some((one) => one.includes("may not list regionpolicies.spillway.dev")));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(compiled).toEqual([]);
    api.forbidden.clear();
    await eventually(() => compiled.length === 1);
  });

  it("does without a kind whose CRD is not installed", async () => {
    api.apply(CLUSTER);
    api.missing.add("aibackendpolicies");
    await start();
    await eventually(() => compiled.length === 1);
    expect(last()?.ok).toBe(true);
    expect(troubles).toEqual([expect.stringContaining("no AIBackendPolicy (spillway.dev)")]);
  });

  it("a grant that is revoked counts at once", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    expect(last()?.snapshot?.backends.has("XBackend/team-a/provider")).toBe(true);
    api.remove("ReferenceGrant", "egress-system/key");
    await eventually(() => last()?.snapshot?.backends.has("XBackend/team-a/provider") === false);
    await eventually(() =>
      statusOf("XBackend", "team-a/provider").parents?.[0]?.conditions.some((one) => one.type === "ResolvedRefs" && one.status === "False"),
    );
  });

  it("survives a compiler that throws", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    isBroken = true;
    api.apply(route("second", "two.egress.local"));
    await eventually(() => troubles.some((one) => one.includes("a fault of the compiler")));
    isBroken = false;
    api.apply(route("third", "three.egress.local"));
    await eventually(() => rules().length === 3);
  });

  it("another controller's objects do not concern it, whatever they hold", async () => {
    api.apply(CLUSTER);
    api.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: other}
spec: {controllerName: other.example/gateway, unheardOf: true}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: theirs, namespace: egress-system}
spec: {gatewayClassName: other, listeners: [{name: x, port: 1, protocol: TLS, unheardOf: true}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: team-a}
spec: {ports: [{port: 80}], unheardOf: true}
`);
    api.apply(route("theirs", "x.example", "unheardOf: true", "theirs"));
    // Attached to both: only our side is told of.
    api.apply(
      route("llm", "llm.egress.local")
        .replace("parentRefs: [", "parentRefs: [{name: theirs, namespace: egress-system}, ")
        .replace("rules: [{", "rules: [{name: all, "),
    );
    await start();
    await eventually(() => compiled.length === 1);
    expect(last()?.faults).toEqual([]);
    expect(rules()).toEqual(["team-a/llm/all"]);
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents);
    await quiet();
    expect(api.find("HTTPRoute", "team-a/theirs")?.status).toBeUndefined();
    expect(api.find("Gateway", "egress-system/theirs")?.status).toBeUndefined();
    expect(api.find("GatewayClass", "other")?.status).toBeUndefined();
    expect(statusOf("HTTPRoute", "team-a/llm").parents?.map(({ parentRef }) => parentRef)).toEqual([{ name: "egress", namespace: "egress-system" }]);
    expect(
      last()?.conditions.flatMap(({ conditions }) =>
        conditions.filter(({ status, type }) => status === "False" && type !== "Degraded" && type !== "Conflicted"),
      ),
    ).toEqual([]);
  });
});

describe("faults of single objects in a cluster", () => {
  it("a route that cannot be read is refused in its place, and everything else is taken over", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    api.apply(route("llm", "llm.egress.local", "unheardOf: true"));
    api.apply(route("second", "two.egress.local"));
    await eventually(() => ruleOf("team-a/second/0") !== undefined);
    const refused = ruleOf("team-a/llm/0");
    expect(refused?.action.kind).toBe("rejected");
    expect(refused?.hostnames).toEqual(["llm.egress.local"]);
    expect(last()?.faults).toMatchObject([{ severity: "error", file: "kubernetes:HTTPRoute/team-a/llm", pointer: "/spec/rules/0/unheardOf" }]);
    await eventually(() => accepted(statusOf("HTTPRoute", "team-a/llm").parents?.[0])?.status === "False");
    expect(accepted(statusOf("HTTPRoute", "team-a/llm").parents?.[0])).toMatchObject({
      reason: "UnsupportedValue",
      observedGeneration: 2,
      message: expect.stringContaining("/spec/rules/0/unheardOf"),
    });
  });

  it("a backend goes with a policy of its that cannot be read: no call without the credential that was meant", async () => {
    api.apply(CLUSTER);
    api.apply(`
apiVersion: spillway.dev/v1alpha1
kind: BackendCredentialPolicy
metadata: {name: provider, namespace: team-a}
spec: {targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: provider}], type: Bearer, unheardOf: 1}
`);
    await start();
    await eventually(() => last()?.snapshot);
    expect(last()?.snapshot?.backends.size).toBe(0);
    const action = ruleOf("team-a/llm/all")?.action;
    expect(action?.kind === "forward" ? action.targets[0]?.target.kind : action?.kind).toBe("invalid");
    await eventually(() => accepted(statusOf("BackendCredentialPolicy", "team-a/provider").ancestors?.[0])?.reason === "Invalid");
  });

  it("what a limit that cannot be read was meant for is refused: a route in its place, and never a whole Gateway", async () => {
    api.apply(CLUSTER);
    const limit = (name: string, namespace: string, group: string, kind: string, target: string) => `
apiVersion: spillway.dev/v1alpha1
kind: UsageLimitPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  targetRefs: [{group: ${group}, kind: ${kind}, name: ${target}}]
  limits: [{name: weighted, unit: Tokens, limit: 100, window: {duration: 1m}, tokenExpression: "input + outptu"}]
`;
    api.apply(limit("spend", "team-a", "gateway.networking.k8s.io", "HTTPRoute", "llm"));
    api.apply(route("second", "two.egress.local"));
    await start();
    await eventually(() => ruleOf("team-a/second/0") !== undefined);
    const refused = ruleOf("team-a/llm/0");
    expect(refused?.action.kind).toBe("rejected");
    expect(refused?.hostnames).toEqual(["llm.egress.local"]);
    await eventually(() => accepted(statusOf("UsageLimitPolicy", "team-a/spend").ancestors?.[0])?.reason === "Invalid");
    expect(accepted(statusOf("UsageLimitPolicy", "team-a/spend").ancestors?.[0])?.message).toContain("did you mean output?");

    const before = compiled.length;
    api.apply(limit("elsewhere", "team-a", "gateway.networking.k8s.io", "Gateway", "nowhere"));
    await eventually(() => compiled.length > before);
    expect(last()?.ok).toBe(true);
    const again = compiled.length;
    api.apply(limit("all", "egress-system", "gateway.networking.k8s.io", "Gateway", "egress"));
    await eventually(() => compiled.length > again);
    expect(last()).toMatchObject({ ok: false, snapshot: null });
  });

  it("a lock that cannot be read stops the whole change, and the last good state stands", async () => {
    api.apply(CLUSTER);
    await start();
    await eventually(() => compiled.length === 1);
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents);
    api.apply(`
apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu, namespace: team-a}
spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: llm}], allow: {regionz: [eu-central-1]}}
`);
    await eventually(() => compiled.length === 2);
    expect(last()).toMatchObject({ ok: false, snapshot: null });
    await eventually(() => accepted(statusOf("RegionPolicy", "team-a/eu").ancestors?.[0])?.status === "False");
    expect(statusOf("HTTPRoute", "team-a/llm").parents).toHaveLength(1);
  });
});

describe("status", () => {
  it("is written for every object, once, and says what the compiler says", async () => {
    api.apply(CLUSTER);
    await start({ SPILLWAY_ADDRESS: "egress.example" });
    await eventually(() => statusOf("BackendCredentialPolicy", "team-a/provider").ancestors);
    await quiet();
    const good = expect.arrayContaining([
      expect.objectContaining({
        type: "Accepted",
        status: "True",
        reason: "Accepted",
        observedGeneration: 1,
        lastTransitionTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
      }),
    ]);
    expect(statusOf("GatewayClass", "spillway").conditions).toEqual(good);
    const features = (statusOf("GatewayClass", "spillway").supportedFeatures ?? []).map(({ name }) => name);
    expect(features).toEqual(expect.arrayContaining(["Gateway", "HTTPRoute", "ReferenceGrant"]));
    expect(features).toEqual([...features].sort());
    expect(statusOf("Gateway", "egress-system/egress")).toMatchObject({
      conditions: good,
      addresses: [{ type: "Hostname", value: "egress.example" }],
      listeners: [{ name: "http", attachedRoutes: 1, supportedKinds: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute" }], conditions: good }],
    });
    expect(statusOf("HTTPRoute", "team-a/llm").parents).toEqual([
      { parentRef: { name: "egress", namespace: "egress-system" }, controllerName: "spillway.dev/broker", conditions: good },
    ]);
    const gateway = { group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "egress-system", name: "egress" };
    expect(statusOf("XBackend", "team-a/provider").parents).toEqual([{ parentRef: gateway, controllerName: "spillway.dev/broker", conditions: good }]);
    expect(statusOf("BackendCredentialPolicy", "team-a/provider").ancestors).toEqual([
      {
        ancestorRef: { group: "gateway.networking.x-k8s.io", kind: "XBackend", namespace: "team-a", name: "provider" },
        controllerName: "spillway.dev/broker",
        conditions: good,
      },
    ]);
    for (const [kind, id] of [
      ["BrokerConfig", "egress-system/default"],
      ["SecretSource", "egress-system/key"],
    ] as const)
      expect(statusOf(kind, id).conditions).toEqual(good);
    // GatewayClass, BrokerConfig, Gateway, XBackend, SecretSource, BackendCredentialPolicy, HTTPRoute.
    expect(patches()).toBe(7);
    expect(compiled).toHaveLength(1);
  });

  it("leaves other controllers' entries alone, keeps a time while the status stays, and takes its own entry back", async () => {
    api.apply(CLUSTER);
    const theirs = { parentRef: { name: "theirs" }, controllerName: "other.example/gateway", conditions: [] };
    const write = (status: unknown) => {
      const object = api.find("HTTPRoute", "team-a/llm");
      if (object === null) throw new Error("no route");
      api.store.writeStatus("httproutes", { ...object, status });
    };
    const since = "2026-01-01T00:00:00Z";
    const mine = {
      parentRef: { namespace: "egress-system", name: "egress" },
      controllerName: "spillway.dev/broker",
      conditions: [{ type: "Accepted", status: "True", reason: "Accepted", message: "", observedGeneration: 1, lastTransitionTime: since }],
    };
    write({ parents: [theirs, mine] });
    await start();
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents?.[1]?.conditions.length === 3);
    expect(statusOf("HTTPRoute", "team-a/llm").parents?.[0]).toEqual(theirs);
    expect(accepted(statusOf("HTTPRoute", "team-a/llm").parents?.[1])?.lastTransitionTime).toBe(since);
    // Somebody's hand.
    write({ parents: [theirs] });
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents?.length === 2);
    // It goes elsewhere.
    api.apply(route("llm", "llm.egress.local", undefined, "theirs"));
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents?.length === 1);
    expect(statusOf("HTTPRoute", "team-a/llm").parents).toEqual([theirs]);
  });

  it("follows a new generation, and is written on the fresh object after a conflict (409)", async () => {
    api.apply(CLUSTER);
    let meddled = 0;
    api.beforeWrite = (line) => {
      if (line.resource !== "httproutes/status" || meddled >= 2) return;
      meddled += 1;
      const object = api.find("HTTPRoute", "team-a/llm");
      const theirs = { parentRef: { name: `theirs-${meddled}` }, controllerName: "other.example/gateway", conditions: [] };
      if (object !== null) api.store.writeStatus("httproutes", { ...object, status: { parents: [theirs] } });
    };
    await start();
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents?.length === 2);
    expect(meddled).toBe(2);
    expect(statusOf("HTTPRoute", "team-a/llm").parents?.map((entry) => entry.controllerName)).toEqual(["other.example/gateway", "spillway.dev/broker"]);
    api.apply(route("llm", "new.egress.local"));
    await eventually(() => accepted(statusOf("HTTPRoute", "team-a/llm").parents?.[1])?.observedGeneration === 2);
    expect(troubles).toEqual([]);
  });

  it("is not written again and again to a server whose definitions know less", async () => {
    api.apply(CLUSTER);
    api.prune = (resource, object) => {
      const { supportedFeatures: _pruned, ...status } = object.status as Record<string, unknown>;
      return resource === "gatewayclasses" ? { ...object, status } : object;
    };
    await start();
    await eventually(() => statusOf("BackendCredentialPolicy", "team-a/provider").ancestors);
    await quiet();
    const patched = (): number => api.requests.filter((line) => line.verb === "patch" && line.resource === "gatewayclasses/status").length;
    const before = patched();
    expect(before).toBeGreaterThan(0);
    for (let round = 0; round < 3; round += 1) {
      const object = api.find("HTTPRoute", "team-a/llm");
      if (object !== null) api.store.writeStatus("httproutes", { ...object, status: { parents: [] } });
      await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents?.length === 1);
    }
    expect(patched()).toBe(before);
  });

  it("names the permission that is missing, and serves all the same", async () => {
    api.apply(CLUSTER);
    api.forbidden.add("patch gateways.gateway.networking.k8s.io/status").add("patch gateways/status");
    await start();
    await eventually(() => troubles.some((one) => one.includes("may not patch gateways.gateway.networking.k8s.io/status in namespace egress-system")));
    expect(last()?.ok).toBe(true);
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents);
    api.forbidden.clear();
    await eventually(() => statusOf("Gateway", "egress-system/egress").conditions);
  });

  it("comes from one instance only; another takes over when that stops", async () => {
    api.apply(CLUSTER);
    const first = await start({}, 10);
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents);
    const holder = () => (api.find("Lease", "egress-system/spillway")?.spec as { holderIdentity?: string } | undefined)?.holderIdentity;
    const before = holder();
    await start({}, 10);
    await eventually(() => compiled.length >= 2);
    await quiet();
    expect(patches()).toBe(7);
    expect(holder()).toBe(before);
    await first.stop();
    await eventually(() => holder() !== before && holder() !== "" && holder());
    api.apply(route("second", "two.egress.local"));
    await eventually(() => statusOf("HTTPRoute", "team-a/second").parents);
  });

  it("a holder that has died loses the Lease after its time", async () => {
    api.apply(CLUSTER);
    api.apply(
      `apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: spillway, namespace: egress-system}\nspec: {holderIdentity: dead, leaseDurationSeconds: 15, renewTime: "2035-01-01T00:00:00.000000Z", leaseTransitions: 3}\n`,
    );
    await start();
    await eventually(() => compiled.length === 1);
    expect(patches()).toBe(0);
    await eventually(() => statusOf("HTTPRoute", "team-a/llm").parents);
    expect(api.find("Lease", "egress-system/spillway")?.spec).toMatchObject({ leaseTransitions: 4, leaseDurationSeconds: 15 });
  });
});
