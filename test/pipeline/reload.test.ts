import { describe, expect, it } from "vitest";
import { ADMIN_TOKEN, CALLER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { chat, type Installation, install } from "./installation.ts";

const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const OLD: TestManifests = {
  backends: [
    { name: "old", port: 8001, timeouts: "{firstByte: 2s}" },
    { name: "spare", port: 8002 },
  ],
  group: ["old", "spare"],
};
const NEW: TestManifests = { backends: [{ name: "new", port: 8001 }] };

describe("a reload", () => {
  it("T25: a call that is under way keeps the snapshot that it began with, the failover included", async () => {
    const one = install(OLD);
    one.transport.script("old", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1_000);
    const before = one.broker.status()["snapshot"];
    expect(one.load(NEW).ok).toBe(true);
    expect(one.broker.status()["snapshot"]).not.toEqual(before);
    expect((await one.call(chat())).received()?.body).toBe("from new");
    await one.clock.advance(1_000);
    await done;
    one.broker.attribution.drain();
    expect(fake.received()?.body).toBe("from spare");
    expect(to(one)).toEqual(["old", "new", "spare"]);
    expect(one.log[0]?.["snapshot"]).not.toBe(one.log[1]?.["snapshot"]);
  });

  it("F18: that fails changes nothing, and says so", async () => {
    const one = install(OLD);
    const before = one.broker.status()["snapshot"];
    expect(one.load({ ...NEW, more: "apiVersion: v1\nkind: [not, a, kind]" }).ok).toBe(false);
    expect(one.broker.ready()).toBe(true);
    expect(one.broker.status()).toMatchObject({ snapshot: before, lastLoadFailed: { faults: [expect.anything()] } });
    expect(one.events.at(-1)?.type).toBe("config.rejected");
    expect((await one.call(chat())).received()?.body).toBe("from old");
    expect(one.load(NEW).ok).toBe(true);
    expect(one.broker.status()).toMatchObject({ lastLoadFailed: null });
    expect((await one.call(chat())).received()?.body).toBe("from new");
  });

  it("the first that fails leaves the broker not ready: 503 with Retry-After", async () => {
    const one = install(null);
    expect(one.load({ ...NEW, more: "nonsense: [" }).ok).toBe(false);
    expect(one.broker.ready()).toBe(false);
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(503);
    expect(caller.header("x-egress-error")).toEqual(["not_ready"]);
    expect(caller.header("retry-after")).toEqual(["1"]);
    expect(caller.bodyReads()).toBe(0);
  });

  it("what is known of a backend that stays outlives it, and of one that is gone does not", async () => {
    const one = install(OLD);
    one.transport.script("old", { kind: "connect", detail: "refused", message: "" });
    await one.call(chat());
    expect(one.broker.status()["backends"]).toHaveLength(1);
    one.load({ ...OLD, broker: "  chainId: other" });
    expect(one.broker.status()["backends"]).toHaveLength(1);
    one.load(NEW);
    expect(one.broker.status()["backends"]).toEqual([]);
  });
});

describe("going away", () => {
  it("a retired broker is not ready, and serves what still comes", async () => {
    const one = install(NEW);
    one.broker.retire();
    expect(one.broker.ready()).toBe(false);
    expect((await one.call(chat())).received()?.status).toBe(200);
  });
});

describe("who may see the state", () => {
  it("a caller of the Gateway's own namespace, and nobody else", async () => {
    const one = install(NEW);
    expect(await one.broker.authorize(["authorization", `Bearer ${ADMIN_TOKEN}`], "egress.example")).toBe(true);
    expect(await one.broker.authorize(["authorization", `Bearer ${CALLER_TOKEN}`], "egress.example")).toBe(false);
    expect(await one.broker.authorize(["authorization", "Bearer wrong"], "egress.example")).toBe(false);
    expect(await one.broker.authorize([], "egress.example")).toBe(false);
    expect(await install(null).broker.authorize(["authorization", `Bearer ${ADMIN_TOKEN}`], "egress.example")).toBe(false);
  });

  it("anonymous callers may not, even where anonymous calls are allowed", async () => {
    const one = install(NEW);

    // The namespace that anonymous callers are given, so that only the proof tells them from an operator.
    const text = testManifests(NEW)
      .replaceAll("egress-system", "anonymous")
      .replace(/identity: \{.*\}/, "identity: {anonymous: Allow}");
    expect(one.load(text).ok).toBe(true);
    expect(await one.broker.authorize([], "egress.example")).toBe(false);
    expect((await one.call({ headers: [] })).received()?.status).toBe(200);
  });

  it("and it holds no secret", async () => {
    const one = install({ backends: [{ name: "new", port: 8001, key: "a-very-secret-key" }] });
    await one.call(chat());
    expect(JSON.stringify(one.broker.status())).not.toContain("a-very-secret-key");
    expect(one.broker.metricsText()).not.toContain("a-very-secret-key");
    expect(one.told()).not.toContain("a-very-secret-key");
  });
});
