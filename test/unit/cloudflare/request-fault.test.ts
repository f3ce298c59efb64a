import { describe, expect, it } from "vitest";
import { requestFault } from "../../../adapters/cloudflare/request-fault.ts";

/** As workerd hands a request over: the URL is Host and target, joined. */
const requestOf = (host: string | null, target: string, headers: Record<string, string> = {}): Request => {
  const all = new Map(Object.entries({ ...headers, ...(host === null ? {} : { host }) }));
  // Only what is looked at: a Request of Node's own would refuse or tidy up such a URL.
  return { url: `http://${host ?? "egress.example"}${target}`, headers: { get: (name: string) => all.get(name) ?? null } } as unknown as Request;
};

describe("a request to a Worker", () => {
  it.each([
    ["egress.example", "/openai/files"],
    ["egress.example:8787", "/"],
    ["127.0.0.1:80", "/x?y=/z"],
    ["[::1]:443", "/x"],
    ["EGRESS.example", "/x"],
    [null, "/x"],
  ])("for %s %s passes", (host, target) => {
    expect(requestFault(requestOf(host, target))).toBeNull();
  });

  it("passes when the edge has written the URL anew", () => {
    const request = { url: "https://egress.example/x", headers: { get: (name: string) => (name === "host" ? "Egress.example:443" : null) } };
    expect(requestFault(request as unknown as Request)).toBeNull(); // as above
  });

  it.each([
    ["egress.example/openai", "/files"],
    ["egress.example/-", "/healthz"],
    ["egress.example?", "/files"],
    ["egress.example#", "/files"],
    ["user@egress.example", "/files"],
    ["a.example, b.example", "/files"],
    ["", "/files"],
    ["egress.example", "*"],
    ["egress.example", "plain"],
    ["egress.example", "@other.example/x"],
    [null, ".other.example@/x"],
  ])("for %j %j is refused as malformed", async (host, target) => {
    const answer = requestFault(requestOf(host, target));
    expect([answer?.status, answer?.headers.get("x-egress-error")]).toEqual([400, "request_malformed"]);
    expect(answer?.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("that wants a WebSocket is refused: it would wait for ever", () => {
    expect(requestFault(requestOf("egress.example", "/x", { upgrade: "WebSocket" }))?.status).toBe(501);
    expect(requestFault(requestOf("egress.example", "/x", { upgrade: "h2c" }))).toBeNull();
  });
});
