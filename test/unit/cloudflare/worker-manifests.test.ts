import { beforeEach, describe, expect, it } from "vitest";
import { type BundleNamespace, bundleNamespace, createWorkerManifests } from "../../../adapters/cloudflare/worker-manifests.ts";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import type { Compiled } from "../../../src/index.ts";
import { bundleText } from "../../fakes/worker-broker.ts";

const manifest = (name: string) =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`;
const [one, two] = [bundleText(manifest("one")), bundleText(manifest("two"))];

describe("the manifests of a Worker", () => {
  let now = 0;
  let held: { value: string | null; metadata: unknown } | "down";
  let reads = 0;
  let read = 0;
  let loaded: Compiled[] = [];
  const complaints: string[] = [];
  const namespace: BundleNamespace = {
    getWithMetadata: async () => {
      reads += 1;
      if (held === "down") throw new Error("KV GET failed: 500");
      const { value, metadata } = held;
      const count = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          read += 1;
          controller.enqueue(chunk);
        },
      });
      return { value: value === null ? null : (new Response(value).body?.pipeThrough(count) ?? null), metadata };
    },
  };
  const create = (at: BundleNamespace | null = namespace) =>
    createWorkerManifests({
      broker: { load: (compiled) => void loaded.push(compiled), notices: () => [], ready: () => loaded.some(({ ok }) => ok) },
      platform: PLATFORMS.workers,
      builtIn: one,
      namespace: at,
      now: () => now,
      remarks: () => [],
      complain: (text) => complaints.push(text),
    });
  const served = () => loaded.filter(({ ok }) => ok).at(-1)?.snapshot?.id ?? null;
  const idOf = (text: string) => (JSON.parse(text) as { snapshot: string }).snapshot; // the head of a bundle

  beforeEach(() => {
    now = 1_000_000;
    held = { value: two, metadata: { revision: "2" } };
    reads = 0;
    read = 0;
    loaded = [];
    complaints.length = 0;
  });

  it("without a namespace are what was built in, read once", async () => {
    const manifests = create(null);
    await manifests.prepare();
    await manifests.prepare();
    await manifests.reload();
    expect([served(), loaded.length, manifests.due()]).toEqual([idOf(one), 1, false]);
  });

  it("are looked at every half minute, and read only when their revision is another", async () => {
    const manifests = create();
    await manifests.prepare();
    expect([served(), read]).toEqual([idOf(two), 1]);
    expect(manifests.due()).toBe(false);
    now += 29_999;
    expect(manifests.due()).toBe(false);
    now += 1;
    // Once: the calls that come together must not all look.
    expect([manifests.due(), manifests.due()]).toEqual([true, false]);
    await manifests.look();
    expect([reads, loaded.length]).toEqual([2, 1]);
    held = { value: one, metadata: { revision: 3 } };
    now += 30_000;
    expect(manifests.due()).toBe(true);
    await manifests.look();
    expect(served()).toBe(idOf(one));
  });

  it("without a revision are told apart by what they hold", async () => {
    held = { value: two, metadata: null };
    const manifests = create();
    for (let looks = 0; looks < 3; looks += 1) await manifests.look();
    expect(loaded).toHaveLength(1);
    held = { value: one, metadata: {} };
    await manifests.look();
    expect(served()).toBe(idOf(one));
  });

  it("of many first calls are loaded once", async () => {
    const manifests = create();
    await Promise.all(Array.from({ length: 10 }, () => manifests.prepare()));
    expect(loaded).toHaveLength(1);
  });

  it("that are bad change nothing, are told of once, and are mended by the next revision", async () => {
    const manifests = create();
    await manifests.prepare();
    for (const value of ["", "{}", two.slice(0, -20), two.replace('"workers"', '"knative"')]) {
      held = { value, metadata: { revision: value } };
      for (let looks = 0; looks < 3; looks += 1) await manifests.look();
      expect(served()).toBe(idOf(two));
    }
    expect(complaints.length).toBe(4);
    held = { value: one, metadata: { revision: "mended" } };
    await manifests.look();
    expect(served()).toBe(idOf(one));
  });

  it("that nobody can read leave a first call without any, and the namespace is asked again after a second", async () => {
    held = "down";
    const manifests = create();
    await manifests.prepare();
    await manifests.prepare();
    expect([served(), reads]).toEqual([null, 1]);
    now += 1_000;
    held = { value: two, metadata: null };
    await manifests.prepare();
    expect(served()).toBe(idOf(two));
    held = "down";
    await expect(manifests.reload()).rejects.toThrow("KV");
    expect(served()).toBe(idOf(two));
  });

  it("that were taken out of the namespace go on serving; where none ever was, what was built in serves", async () => {
    const manifests = create();
    await manifests.prepare();
    held = { value: null, metadata: null };
    await manifests.look();
    expect(served()).toBe(idOf(two));
    loaded = [];
    await create().prepare();
    expect(served()).toBe(idOf(one));
  });

  it("are looked at more often for a while after an event has told of newer ones", async () => {
    const manifests = create();
    await manifests.prepare();
    await manifests.reload();
    for (let looks = 0; looks < 24; looks += 1) {
      now += 5_000;
      expect(manifests.due()).toBe(looks < 23);
    }
    now += 25_000;
    expect(manifests.due()).toBe(true);
  });

  it("come from a KV binding, and nothing else that stands in its place is passed over", () => {
    expect(bundleNamespace(namespace)).toBe(namespace);
    expect(bundleNamespace(undefined)).toBeNull();
    for (const other of [null, "", "kind: Gateway", {}, { getWithMetadata: 1 }]) expect(() => bundleNamespace(other)).toThrow("binding of a KV namespace");
  });
});
