import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { PLAIN_DNS } from "../../src/index.ts";
import { answerOf, drain, labelOf, outbound } from "../fakes/outbound.ts";
import { reply, startUpstream, type Upstream } from "../fakes/upstream.ts";

const LOOPBACK_ONLY = { ...PLAIN_DNS, allowCIDRs: ["127.0.0.1/32"] };

describe("T15: a name that is rebound to a forbidden address", () => {
  const started: Upstream[] = [];
  afterEach(async () => {
    for (const upstream of started.splice(0)) await upstream.close();
  });

  /** `answers` are what the resolver says, one a question, the last one for ever. The upstream closes after each answer. */
  async function ask(answers: readonly (readonly string[] | "down")[], calls: number): Promise<{ readonly labels: string[]; readonly upstream: Upstream }> {
    const upstream = await startUpstream((socket) => socket.end(reply("{}", { connection: "close" })));
    started.push(upstream);
    let asked = 0;
    const transport = createUndiciTransport({
      lookup: async () => {
        const answer = answers[Math.min(asked, answers.length - 1)] ?? "down";
        asked += 1;
        if (answer === "down") throw new Error("SERVFAIL");
        return answer;
      },
    });
    const labels: string[] = [];
    for (let i = 0; i < calls; i += 1) {
      const outcome = await transport.dispatch(outbound(upstream.port, { dns: LOOPBACK_ONLY }), new AbortController().signal);
      if (outcome.kind === "answer") await drain(answerOf(outcome).body);
      labels.push(labelOf(outcome));
    }
    await transport.close();
    return { labels, upstream };
  }

  it("is asked again for every connection, and the new address is checked", async () => {
    const { labels, upstream } = await ask([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"], ["169.254.169.254"]], 4);
    expect(labels).toEqual(["answer", "connect denied", "answer", "connect denied"]);
    expect(upstream.connections).toBe(2);
  });

  it.each([
    ["first", ["127.0.0.2", "127.0.0.1"]],
    ["last", ["127.0.0.1", "127.0.0.2"]],
    ["in disguise", ["127.0.0.1", "::ffff:127.0.0.2"]],
    ["as a number", ["127.0.0.1", "2130706434"]],
  ])("is refused whole when the forbidden address comes %s", async (_name, addresses) => {
    const { labels, upstream } = await ask([addresses], 3);
    expect(labels).toEqual(["connect denied", "connect denied", "connect denied"]);
    expect(upstream.connections).toBe(0);
  });

  it("is refused by default when it leads to this machine", async () => {
    const upstream = await startUpstream((socket) => socket.write(reply("{}")));
    started.push(upstream);
    const transport = createUndiciTransport({ lookup: async () => ["127.0.0.1"] });
    expect(labelOf(await transport.dispatch(outbound(upstream.port, { dns: PLAIN_DNS }), new AbortController().signal))).toBe("connect denied");
    expect(upstream.connections).toBe(0);
    await transport.close();
  });

  it("F33: is served from the last good answer while the resolver is down, and the answer is still checked", async () => {
    expect((await ask([["127.0.0.1"], "down"], 2)).labels).toEqual(["answer", "answer"]);
    expect((await ask([["127.0.0.2"], "down"], 2)).labels).toEqual(["connect denied", "connect denied"]);
  });

  it("F33: is a DNS failure when nothing is known", async () => {
    expect((await ask(["down"], 1)).labels).toEqual(["connect dns"]);
    expect((await ask([[]], 1)).labels).toEqual(["connect dns"]);
  });

  it.each([
    ["five minutes", LOOPBACK_ONLY, 299_000, 301_000],
    ["as long as dns.staleFor says", { ...LOOPBACK_ONLY, staleForMs: 3_600_000 }, 3_599_000, 3_601_000],
    ["not at all where dns.staleFor is 0s", { ...LOOPBACK_ONLY, staleForMs: 0 }, null, 0],
  ] as const)("F33: falls back for %s", async (_name, dns, still, over) => {
    const upstream = await startUpstream((socket) => socket.end(reply("{}", { connection: "close" })));
    started.push(upstream);
    let now = 0;
    let down = false;
    const transport = createUndiciTransport({
      monotonic: () => now,
      lookup: async () => {
        if (down) throw new Error("SERVFAIL");
        return ["127.0.0.1"];
      },
    });
    const call = async (): Promise<string> => {
      const outcome = await transport.dispatch(outbound(upstream.port, { dns }), new AbortController().signal);
      if (outcome.kind === "answer") await drain(outcome.body);
      return labelOf(outcome);
    };
    expect(await call()).toBe("answer");
    down = true;
    if (still !== null) {
      now = still;
      expect(await call()).toBe("answer");
    }
    now = over;
    expect(await call()).toBe("connect dns");
    await transport.close();
  });

  it("does not matter for a pinned name: no resolver is asked", async () => {
    const upstream = await startUpstream((socket) => socket.write(reply("{}")));
    started.push(upstream);
    const transport = createUndiciTransport({ lookup: () => Promise.reject(new Error("asked")) });
    const outcome = await transport.dispatch(outbound(upstream.port), new AbortController().signal);
    expect(labelOf(outcome)).toBe("answer");
    await drain(answerOf(outcome).body);
    await transport.close();
  });
});
