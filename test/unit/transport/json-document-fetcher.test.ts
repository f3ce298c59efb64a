import { afterEach, describe, expect, it } from "vitest";
import { createDocumentFetcher } from "../../../adapters/transport/json-document-fetcher.ts";
import { type Answer, reply, startUpstream, type Upstream } from "../../fakes/upstream.ts";

describe("the document fetcher", () => {
  const started: Upstream[] = [];
  afterEach(async () => {
    for (const upstream of started.splice(0)) await upstream.close();
  });
  async function fetchFrom(answer: Answer, options: { maxBytes?: number; timeoutMs?: number; signal?: AbortSignal } = {}): Promise<unknown> {
    const upstream = await startUpstream(answer);
    started.push(upstream);
    const { maxBytes = 1_000, timeoutMs = 2_000, signal = new AbortController().signal } = options;
    return createDocumentFetcher().fetchJson(`http://127.0.0.1:${upstream.port}/keys?x=1`, { maxBytes, timeoutMs, signal });
  }

  it("gives the parsed document", async () => {
    expect(await fetchFrom((socket) => socket.write(reply('{"keys":[]}')))).toEqual({ keys: [] });
    expect(started[0]?.seen[0]).toMatchObject({ method: "GET", target: "/keys?x=1" });
  });

  it("follows no redirect", async () => {
    const other = await startUpstream((socket) => socket.write(reply('{"keys":["evil"]}')));
    started.push(other);
    await expect(fetchFrom((socket) => socket.write(reply("", { location: `http://127.0.0.1:${other.port}/` }, 302)))).rejects.toThrow("302");
    expect(other.connections).toBe(0);
  });

  it.each([404, 500, 204])("rejects on %i", async (status) => {
    await expect(fetchFrom((socket) => socket.write(reply("{}", {}, status)))).rejects.toThrow();
  });

  it("rejects what is larger than allowed", async () => {
    await expect(fetchFrom((socket) => socket.write(reply(`"${"x".repeat(2_000)}"`)))).rejects.toThrow("larger than 1000 bytes");
  });

  it("rejects what is not JSON", async () => {
    await expect(fetchFrom((socket) => socket.write(reply("<html>")))).rejects.toThrow();
  });

  it("rejects when the time is up, and when it is called off", async () => {
    await expect(fetchFrom(() => {}, { timeoutMs: 50 })).rejects.toThrow();
    await expect(fetchFrom(() => {}, { signal: AbortSignal.abort() })).rejects.toThrow();
  });

  it.each(["http://issuer.example/keys", "ftp://127.0.0.1/keys", "file:///etc/passwd"])("asks nobody else in plaintext: %s", async (uri) => {
    const asking = createDocumentFetcher().fetchJson(uri, { maxBytes: 1, timeoutMs: 1_000, signal: new AbortController().signal });
    await expect(asking).rejects.toThrow("https only");
  });
});
