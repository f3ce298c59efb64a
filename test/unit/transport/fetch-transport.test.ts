import { describe, expect, it } from "vitest";
import { createFetchDocumentFetcher } from "../../../adapters/transport/fetch-document-fetcher.ts";
import { createFetchTransport } from "../../../adapters/transport/fetch-transport.ts";
import { outbound } from "../../fakes/outbound.ts";

/** What does not need workerd; the rest is in test/platforms/worker.test.ts. */
describe("the transport over fetch", () => {
  it("refuses a Host that the platform would replace", async () => {
    const request = outbound(1, { headers: ["host", "rewritten.example"] });
    expect(await createFetchTransport().dispatch(request, new AbortController().signal)).toMatchObject({ kind: "connect", detail: "denied" });
  });

  it("sends nothing for a call that is over", async () => {
    expect(await createFetchTransport().dispatch(outbound(1), AbortSignal.abort())).toMatchObject({ kind: "cancelled" });
  });

  it("promises nothing that the platform decides", () => {
    expect([...createFetchTransport().features]).toEqual(["plaintext", "client-cert-binding"]);
  });
});

describe("documents over fetch", () => {
  const limits = { maxBytes: 100, timeoutMs: 1_000, signal: new AbortController().signal };

  it("are never asked for in plaintext", async () => {
    await expect(createFetchDocumentFetcher().fetchJson("http://issuer.example/keys", limits)).rejects.toThrow("https only");
  });
});
