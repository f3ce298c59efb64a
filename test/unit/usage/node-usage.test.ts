import { describe, expect, it } from "vitest";
import { followAddress } from "../../../adapters/usage/follow-address.ts";
import { createMemoryUsageStore } from "../../../adapters/usage/memory-store.ts";
import { createNodeUsage } from "../../../adapters/usage/node-usage.ts";
import { Secret, type SecretReference, type UsageStore, UsageStoreError } from "../../../src/index.ts";

const signal = new AbortController().signal;
const noSecret = () => Promise.reject(new Error("no secret is asked for"));
const url = { location: { provider: "env", name: "REDIS_URL" } } as unknown as SecretReference; // Only its reader looks into it.

describe("the usage store of a plan", () => {
  it("is this instance's memory where no other is named", async () => {
    const open = createNodeUsage({});
    for (const plan of [null, { kind: "memory" } as const]) {
      const store = await open(plan, noSecret);
      expect(store.shared).toBe(false);
      expect(await store.accounts("ns/gateway", 10, signal)).toEqual([]);
      await store.close();
    }
  });

  it("is a table where there is a region", async () => {
    const store = await createNodeUsage({ AWS_REGION: "eu-central-1" })({ kind: "dynamodb", table: "limits", region: null }, noSecret);
    expect(store.shared).toBe(true);
    await store.close();
    await expect(createNodeUsage({})({ kind: "dynamodb", table: "limits", region: null }, noSecret)).rejects.toBeInstanceOf(UsageStoreError);
  });

  it("is no Durable Object", async () => {
    await expect(createNodeUsage({})({ kind: "durableObject", binding: "USAGE", jurisdiction: null }, noSecret)).rejects.toBeInstanceOf(UsageStoreError);
  });

  it("says that a secret is no address, and does not quote it", async () => {
    for (const text of ["http://user:hunter2@host", "hunter2", ""]) {
      const store = await createNodeUsage({})({ kind: "redis", url }, async () => new Secret(text, null));
      const error: unknown = await store.accounts("ns/gateway", 10, signal).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UsageStoreError);
      expect(String(error)).toMatch(/redis:\/\//);
      expect(String(error)).not.toContain("hunter2");
      await store.close();
    }
  });
});

describe("a store whose address is a secret", () => {
  function world() {
    const opened: string[] = [];
    const closed: string[] = [];
    let address: string | null = "one";
    const store = followAddress({
      read: async () => {
        if (address === null) throw new Error("the secret store is down, and quotes sk-secret");
        return address;
      },
      open: (text): UsageStore => {
        opened.push(text);
        const memory = createMemoryUsageStore({ now: () => 0 });
        return {
          ...memory,
          close: async () => {
            closed.push(text);
          },
        };
      },
    });
    return { store, opened, closed, set: (text: string | null) => (address = text), use: () => store.accounts("realm", 1, signal) };
  }

  it("is opened with its first use, once", async () => {
    const { store, opened, closed, use } = world();
    expect(opened).toEqual([]);
    await Promise.all([use(), use(), use()]);
    await use();
    expect(opened).toEqual(["one"]);
    await store.close();
    expect(closed).toEqual(["one"]);
    await expect(use()).rejects.toBeInstanceOf(UsageStoreError);
  });

  it("is opened anew when the secret was changed, and kept while it cannot be read", async () => {
    const { opened, closed, set, use } = world();
    await use();
    set("two");
    await use();
    expect([opened, closed]).toEqual([["one", "two"], ["one"]]);
    set(null);
    await use();
    set("two");
    await use();
    expect([opened, closed]).toEqual([["one", "two"], ["one"]]);
  });

  it("says so where the secret could never be read, without the reason's words", async () => {
    const { opened, set, use } = world();
    set(null);
    await expect(use()).rejects.toThrow(new UsageStoreError("the secret with the store's address cannot be read"));
    expect(opened).toEqual([]);
    set("one");
    await use();
    expect(opened).toEqual(["one"]);
  });
});
