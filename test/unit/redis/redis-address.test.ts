import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRedisAddress } from "../../../adapters/redis/redis-address.ts";

describe("the address of a Redis", () => {
  it("has defaults", () => {
    expect(readRedisAddress("redis://cache")).toEqual({ host: "cache", port: 6379, username: null, password: null, database: 0, tls: false });
    expect(readRedisAddress("rediss://cache.example.com/")).toMatchObject({ port: 6379, database: 0, tls: true });
    expect(readRedisAddress("redis://[::1]:7000/15")).toMatchObject({ host: "::1", port: 7000, database: 15 });
    expect(readRedisAddress("redis://:only@cache")).toMatchObject({ username: null, password: "only" });
  });

  it("reads every user and password that are encoded as in a URL", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), fc.string({ minLength: 1, unit: "grapheme" }), (username, password) => {
        const url = `rediss://${encodeURIComponent(username)}:${encodeURIComponent(password)}@cache:6380/7`;
        expect(readRedisAddress(url)).toEqual({ host: "cache", port: 6380, username, password, database: 7, tls: true });
      }),
    );
  });

  it.each([
    "",
    "cache:6379",
    "http://cache",
    "redis:///0",
    "redis://cache/a",
    "redis://cache/0/1",
    "redis://cache?db=1",
    "redis://cache#x",
    "redis://a%zz@cache",
  ])("takes %j for none", (text) => {
    expect(readRedisAddress(text)).toBeNull();
  });
});
