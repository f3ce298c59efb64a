import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openApiClient } from "../../adapters/kubernetes/api-client.ts";
import { createEventRecorder, type EventRecorder } from "../../adapters/kubernetes/event-recorder.ts";
import { kubeEventOf } from "../../adapters/kubernetes/kube-event.ts";
import type { EgressEvent } from "../../src/index.ts";
import { createFakeClock, type FakeClock } from "../fakes/clock.ts";
import { type KubernetesApi, startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { eventually } from "../fakes/kubernetes-api-clock.ts";
import type { StoredObject } from "../fakes/kubernetes-api-store.ts";

const denial = (route: string | null, code = "region_locked", namespace: string | null = "team-a"): EgressEvent => ({
  type: "egress.denied",
  time: 0,
  subject: route ?? "x",
  data: { route, gateway: "egress-system/egress", namespace, serviceAccount: "assistant", code, detail: "what a caller wrote", status: 403 },
});

describe("which events the cluster is told of", () => {
  it("denials, by the route or the Gateway, without a caller's words", () => {
    expect(kubeEventOf(denial("team-a/llm"))).toEqual({
      kind: "HTTPRoute",
      namespace: "team-a",
      name: "llm",
      type: "Warning",
      reason: "EgressDenied",
      action: "RegionDenied",
      note: "RegionDenied: calls of team-a/assistant are refused (region_locked)",
    });
    expect(kubeEventOf(denial(null, "identity_missing", null))).toMatchObject({
      kind: "Gateway",
      namespace: "egress-system",
      name: "egress",
      action: "AccessDenied",
    });
    expect(kubeEventOf(denial("team-a/llm", "translation_unsupported"))).toMatchObject({ reason: "TransformFailed" });
    expect(kubeEventOf(denial("team-a/llm", "egress_loop"))).toMatchObject({ action: "LoopDetected" });
    expect(kubeEventOf(denial("team-a/llm", "route_rejected"))).toMatchObject({ reason: "EgressDenied", action: "RouteRejected" });
  });

  it.each([
    [
      "egress.failover",
      "x",
      { from: "XBackend/team-a/a", to: "XBackend/team-a/b", reason: "overloaded" },
      { kind: "XBackend", name: "a", reason: "BackendFailedOver" },
    ],
    ["backend.degraded", "Service/team-a/vllm:8000", {}, { kind: "Service", name: "vllm", reason: "BackendDegraded", type: "Warning" }],
    ["backend.recovered", "XBackend/team-a/a", {}, { reason: "BackendRecovered", type: "Normal" }],
    ["backend.untrusted", "XBackend/team-a/a", {}, { reason: "BackendUntrusted", type: "Warning" }],
    [
      "credential.unavailable",
      "SecretSource/egress-system/key",
      {},
      { kind: "SecretSource", namespace: "egress-system", name: "key", reason: "CredentialUnavailable" },
    ],
    [
      "config.rejected",
      "team-a/llm/0",
      { reason: "RegionDenied", message: "no backend is inside" },
      { kind: "HTTPRoute", name: "llm", action: "RegionDenied" },
    ],
    [
      "config.rejected",
      "XBackend/team-a/a",
      { reason: "DomainNotAllowed", message: "a.example is not among the allowedDomains" },
      { kind: "XBackend", namespace: "team-a", name: "a", reason: "EgressDenied", action: "DomainNotAllowed" },
    ],
    [
      "config.rejected",
      "Service/team-a/vllm",
      { reason: "CredentialUnavailable", message: "lost" },
      { kind: "Service", name: "vllm", reason: "CredentialUnavailable", action: "ResolveSecret" },
    ],
  ] as const)("%s", (type, subject, data, expected) => {
    expect(kubeEventOf({ type, subject, time: 0, data })).toMatchObject(expected);
  });

  it.each(["egress.completed", "config.loaded", "credential.rotated"] as const)("not %s", (type) => {
    expect(kubeEventOf({ type, subject: "team-a/llm/0", time: 0, data: {} })).toBeNull();
  });
});

describe("Events in the cluster", () => {
  let api: KubernetesApi;
  let clock: FakeClock;
  let stop: AbortController;
  let troubles: string[];
  let recorder: EventRecorder;

  beforeEach(async () => {
    api = await startKubernetesApi();
    clock = createFakeClock();
    stop = new AbortController();
    troubles = [];
    api.apply("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: llm, namespace: team-a}\nspec: {}\n");
    recorder = createEventRecorder({
      client: await openApiClient(api.environment),
      clock,
      identity: "pod-1_abc",
      find: (kind, id) => api.find(kind, id),
      onTrouble: (message) => troubles.push(message),
      signal: stop.signal,
    });
  });

  afterEach(async () => {
    stop.abort();
    await api.close();
  });

  const events = () =>
    api.store.list("events") as readonly (StoredObject & {
      readonly series?: { readonly count: number };
      readonly regarding: unknown;
      readonly note: string;
    })[];

  it("one for the first denial, and a count for the rest", async () => {
    recorder.emit(denial("team-a/llm"));
    await eventually(() => events().length === 1);
    expect(events()[0]).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      metadata: { namespace: "team-a" },
      reportingController: "spillway.dev/broker",
      reportingInstance: "pod-1_abc",
      regarding: { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", namespace: "team-a", name: "llm", uid: "uid-1" },
      reason: "EgressDenied",
      type: "Warning",
      eventTime: expect.stringMatching(/^\d{4}-.*\.\d{6}Z$/),
    });
    expect(JSON.stringify(events())).not.toContain("what a caller wrote");
    for (let index = 0; index < 999; index += 1) recorder.emit(denial("team-a/llm"));
    expect(api.count("patch", "events")).toBe(0);
    await clock.advance(30_000);
    await eventually(() => events()[0]?.series?.count === 1_000);
    expect(events()).toHaveLength(1);
    expect(api.count("patch", "events")).toBe(1);
  });

  it("a new one after it has been quiet, and when the cluster has forgotten the old one", async () => {
    recorder.emit(denial("team-a/llm"));
    await eventually(() => events().length === 1);
    await clock.advance(400_000);
    recorder.emit(denial("team-a/llm"));
    await eventually(() => events().length === 2);
    for (const event of events()) api.store.remove("events", `team-a/${event.metadata.name}`);
    recorder.emit(denial("team-a/llm"));
    await clock.advance(30_000);
    await eventually(() => events().length === 1);
    expect(events()[0]?.series?.count).toBe(2);
  });

  it("a flood of different ones is held to a burst and then a few a minute, within bounds", async () => {
    for (let index = 0; index < 5_000; index += 1) recorder.emit(denial(`team-a/route-${index}`));
    await eventually(() => events().length >= 25);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events()).toHaveLength(25);
    expect(recorder.dropped()).toBeGreaterThan(4_000);
    await clock.advance(5_000);
    await eventually(() => events().length === 26);
    await clock.advance(5_000);
    await eventually(() => events().length === 27);
  });

  it("says once what it may not do, and never throws", async () => {
    api.forbidden.add("create events");
    recorder.emit(denial("team-a/llm"));
    await eventually(() => troubles.length === 1);
    recorder.emit(denial("team-a/other"));
    await eventually(() => api.count("create", "events") === 2);
    expect(troubles).toEqual([expect.stringContaining("may not create events.events.k8s.io in namespace team-a")]);
  });
});
