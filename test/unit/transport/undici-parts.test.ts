import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as undici from "undici";
import { describe, expect, it } from "vitest";
import { Agent, Client, errors, request } from "../../../adapters/transport/undici-parts.ts";

describe("the parts of undici that are imported by file", () => {
  it("are the ones that its index exports", () => {
    expect(Client).toBe(undici.Client);
    expect(Agent).toBe(undici.Agent);
    expect(errors).toBe(undici.errors);
  });

  it("come from a version that is pinned, since their paths are promised by nobody", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> }; // npm's own format
    expect(dependencies["undici"]).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("ask as the index's request does: path, query, headers, body", async () => {
    const seen: string[] = [];
    const server = createServer((message, response) => {
      message.setEncoding("utf8").on("data", (body: string) => seen.push(`${message.method} ${message.url} ${message.headers["x-own"]} ${body}`));
      message.on("end", () => response.end("well"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a/b?c=d%20e`); // listening on TCP
    const agent = new Agent();
    try {
      const options = { method: "POST", headers: { "x-own": "1" }, body: "text" } as const;
      expect(await (await request(agent, url, options)).body.text()).toBe("well");
      expect(await (await undici.request(url, { ...options, dispatcher: agent })).body.text()).toBe("well");
    } finally {
      await agent.destroy();
      server.close();
    }
    expect(seen).toEqual(["POST /a/b?c=d%20e 1 text", "POST /a/b?c=d%20e 1 text"]);
  });
});
