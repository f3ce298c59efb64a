import { describe, expect, it } from "vitest";
import { createWorkerExchange } from "../../../adapters/cloudflare/worker-exchange.ts";
import { UNKNOWN_PLACE } from "../../../src/index.ts";

const context = { waitUntil: () => {} };
const exchangeOf = (url: string, init: RequestInit = {}, cf?: object) => {
  const request = new Request(url, init);
  return createWorkerExchange(cf === undefined ? request : Object.assign(request, { cf }), context, UNKNOWN_PLACE, () => {});
};

/** A request with a body that comes in these pieces. */
function upload(sizes: readonly number[], headers: Record<string, string> = {}, end: "close" | "error" = "close") {
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = sizes[next];
      next += 1;
      if (size !== undefined) controller.enqueue(new Uint8Array(size).fill(next));
      else if (end === "close") controller.close();
      else controller.error(new Error("the caller left"));
    },
  });
  return { ...exchangeOf("https://egress.example/", { method: "POST", body, headers, duplex: "half" }), pulled: () => next };
}

async function read(parts: AsyncIterable<Uint8Array>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const part of parts) sizes.push(part.length);
  return sizes;
}

describe("an exchange of a Worker", () => {
  it("has the target and the authority as they came", () => {
    expect(exchangeOf("https://egress.example:8443/v1/x%2Fy?a=%20&b")).toMatchObject({
      scheme: "https",
      authority: "egress.example:8443",
      port: 8443,
      target: "/v1/x%2Fy?a=%20&b",
    });
    expect(exchangeOf("http://egress.example")).toMatchObject({ scheme: "http", port: 80, target: "/" });
    expect(exchangeOf("https://egress.example/")).toMatchObject({ port: 443 });
  });

  it("leaves out what the edge adds, but not what Cloudflare's own APIs take from a caller", () => {
    const { headers } = exchangeOf("https://egress.example/", {
      headers: { "cf-ray": "1", "CF-Connecting-IP": "203.0.113.7", "cf-aig-authorization": "mine", accept: "x" },
    });
    expect(headers).toEqual(["accept", "x", "cf-aig-authorization", "mine"]);
  });

  it("believes an address only where Cloudflare's edge wrote it", () => {
    const init = { headers: { "cf-connecting-ip": "203.0.113.7" } };
    expect(exchangeOf("https://egress.example/", init).remoteAddress).toBe(null);
    expect(exchangeOf("https://egress.example/", init, { colo: "FRA" }).remoteAddress).toBe("203.0.113.7");
  });
});

describe("the body of a Worker's request", () => {
  it("is absent where there is none", async () => {
    const { body } = exchangeOf("https://egress.example/");
    expect(body.present).toBe(false);
    expect(await body.collect(10)).toEqual(new Uint8Array(0));
  });

  it("is collected whole, up to the bound and not a byte beyond", async () => {
    const whole = await upload([1, 2, 3]).body.collect(6);
    expect(whole).toEqual(new Uint8Array([1, 2, 2, 3, 3, 3]));
    const endless = upload(Array.from({ length: 1_000 }, () => 100));
    expect(await endless.body.collect(250)).toBe("too_large");
    expect(endless.pulled()).toBeLessThan(10);
  });

  it("that breaks off is no body", async () => {
    expect(await upload([5], {}, "error").body.collect(100)).toBe("aborted");
    const stream = upload([5], {}, "error").body.stream(100, 100);
    await expect(read(stream.open())).rejects.toThrow();
    expect(stream.replayable()).toBe(false);
  });

  it("begins anew while all of it is held", async () => {
    const stream = upload([3, 4]).body.stream(100, 7);
    const first = stream.open()[Symbol.asyncIterator]();
    expect((await first.next()).value?.length).toBe(3);
    expect(await read(stream.open())).toEqual([3, 4]);
    await expect(first.next()).rejects.toThrow();
    expect(await read(stream.open())).toEqual([3, 4]);
  });

  it("is let go piece by piece beyond that, and cannot begin anew", async () => {
    const stream = upload([3, 4, 5]).body.stream(100, 6);
    expect(await read(stream.open())).toEqual([3, 4, 5]);
    expect(stream.replayable()).toBe(false);
    expect(() => stream.open()).toThrow();
  });

  it("breaks where the Gateway's bound is passed", async () => {
    const stream = upload([3, 4]).body.stream(6, 100);
    await expect(read(stream.open())).rejects.toThrow();
    expect([stream.overflowed(), stream.replayable()]).toEqual([true, false]);
  });

  it("is not read ahead of whoever reads it", async () => {
    const source = upload(Array.from({ length: 100 }, () => 10));
    const parts = source.body.stream(10_000, 0).open()[Symbol.asyncIterator]();
    await parts.next();
    await new Promise((settle) => setImmediate(settle));
    expect(source.pulled()).toBeLessThan(5);
  });
});
