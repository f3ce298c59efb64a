import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createAddressBook } from "../../adapters/transport/address-book.ts";
import { createNameResolver } from "../../adapters/transport/name-resolver.ts";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { type DnsProfile, type Outcome, PLAIN_DNS, type Transport } from "../../src/index.ts";
import { leastTime } from "../fakes/least-time.ts";
import { type NameAnswer, type NameServer, type RecordType, startNameServer } from "../fakes/name-server.ts";
import { drain, outbound } from "../fakes/outbound.ts";
import { reply, startUpstream, type Upstream } from "../fakes/upstream.ts";

const HERE = ["127.0.0.1/32"];

/** Answers by question, such as `A api.openai.com`; the nth of a list to the nth asking, its last one for ever. */
type Zone = Readonly<Record<string, readonly NameAnswer[]>>;

describe("a name server of the test's own, over UDP, and a name whose answers change between two looks", () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  async function serve(zone: Zone): Promise<NameServer> {
    const server = await startNameServer((type: RecordType, name, nth) => {
      const answers = zone[`${type} ${name}`] ?? [];
      return answers[Math.min(nth, answers.length - 1)] ?? [];
    });
    cleanUp.push(() => server.close());
    return server;
  }

  async function start(): Promise<Upstream> {
    const upstream = await startUpstream((socket) => socket.end(reply("{}", { connection: "close" })));
    cleanUp.push(() => upstream.close());
    return upstream;
  }

  /** Counts who comes, on an address that nobody is meant to dial. */
  async function trap(port: number, address: string): Promise<{ connections: number }> {
    const caught = { connections: 0 };
    const server: Server = createServer((socket) => {
      caught.connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, address, resolve);
    });
    cleanUp.push(() => new Promise((resolve) => server.close(resolve)));
    return caught;
  }

  function open(monotonic?: () => number): Transport {
    const transport = createUndiciTransport(monotonic === undefined ? {} : { monotonic });
    cleanUp.push(() => transport.close());
    return transport;
  }

  async function ask(transport: Transport, upstream: Upstream, server: NameServer, dns: Partial<DnsProfile>, connectMs = 3_000): Promise<string> {
    const profile: DnsProfile = dnsOf(server, dns);
    const outcome: Outcome = await transport.dispatch(
      outbound(upstream.port, { dns: profile, timeouts: { connectMs, firstByteMs: 20_000, streamIdleMs: 20_000 } }),
      new AbortController().signal,
    );
    if (outcome.kind === "answer") {
      await drain(outcome.body);
      return `answer ${outcome.peer.address ?? ""}`;
    }
    if (outcome.kind === "connect") return `connect ${outcome.detail}`;
    if (outcome.kind === "timeout") return `timeout ${outcome.phase}`;
    return outcome.kind === "untrusted" ? outcome.reason : outcome.kind;
  }

  /** One profile a test, as compiled manifests have it: what is pinned is pinned for a profile. */
  const profiles = new Map<NameServer, Map<string, DnsProfile>>();
  function dnsOf(server: NameServer, dns: Partial<DnsProfile>): DnsProfile {
    const known = profiles.get(server) ?? new Map<string, DnsProfile>();
    profiles.set(server, known);
    const key = JSON.stringify(dns);
    const made = known.get(key) ?? { ...PLAIN_DNS, resolvers: [server.address], allowCIDRs: HERE, ...dns };
    known.set(key, made);
    return made;
  }

  describe("rebound to the inside", () => {
    const API = "A api.openai.com";
    it.each([
      ["by turns", [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"], ["127.0.0.2"]], ["answer 127.0.0.1", "connect denied", "answer 127.0.0.1", "connect denied"]],
      ["always", [["127.0.0.2"]], ["connect denied", "connect denied"]],
      ["first in a mixed answer", [["127.0.0.2", "127.0.0.1"]], ["connect denied", "connect denied"]],
      ["last in a mixed answer", [["127.0.0.1", "127.0.0.2"]], ["connect denied", "connect denied"]],
      ["to the metadata service", [["127.0.0.1"], ["169.254.169.254"]], ["answer 127.0.0.1", "connect denied"]],
    ] as const)("%s: each connection asks once, and dials what it has checked", async (_name, answers, labels) => {
      const upstream = await start();
      const caught = await trap(upstream.port, "127.0.0.2");
      const server = await serve({ [API]: answers });
      const transport = open();
      const got: string[] = [];
      for (const _label of labels) got.push(await ask(transport, upstream, server, {}));
      expect(got).toEqual(labels);
      expect(caught.connections).toBe(0);
      expect(server.count("A")).toBe(labels.length);
    });

    it("by the other family of addresses", async () => {
      const upstream = await start();
      for (const inside of ["::1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"]) {
        const server = await serve({ [API]: [["127.0.0.1"]], "AAAA api.openai.com": [[inside]] });
        expect(await ask(open(), upstream, server, {})).toBe("connect denied");
      }
      expect(upstream.connections).toBe(0);
    });
  });

  describe("and pinFor", () => {
    const API = "A api.openai.com";
    it("keeps the address that was found good for its time, whatever the name says meanwhile, and then asks again", async () => {
      let now = 0;
      const upstream = await start();
      const caught = await trap(upstream.port, "127.0.0.2");
      const server = await serve({ [API]: [["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"]] });
      const transport = open(() => now);
      const dns = { pinForMs: 60_000, allowCIDRs: ["127.0.0.0/8"] };
      const got: string[] = [];
      for (const at of [0, 1, 59_999]) {
        now = at;
        got.push(await ask(transport, upstream, server, dns));
      }
      expect(got).toEqual(["answer 127.0.0.1", "answer 127.0.0.1", "answer 127.0.0.1"]);
      expect(server.count("A")).toBe(1);
      now = 60_000;
      expect(await ask(transport, upstream, server, dns)).toBe("reset");
      expect([server.count("A"), caught.connections]).toEqual([2, 1]);
    });

    it("does not keep what is denied", async () => {
      const upstream = await start();
      const server = await serve({ [API]: [["169.254.169.254"], ["127.0.0.1"]] });
      const transport = open();
      expect(await ask(transport, upstream, server, { pinForMs: 60_000 })).toBe("connect denied");
      expect(await ask(transport, upstream, server, { pinForMs: 60_000 })).toBe("answer 127.0.0.1");
    });

    it("outlives the name server, for longer than the last good answer of others does", async () => {
      let now = 0;
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"], "servfail"] });
      const transport = open(() => now);
      expect(await ask(transport, upstream, server, { pinForMs: 3_600_000 })).toBe("answer 127.0.0.1");
      now = 3_599_999;
      expect(await ask(transport, upstream, server, { pinForMs: 3_600_000 })).toBe("answer 127.0.0.1");
      now = 3_600_000;
      expect(await ask(transport, upstream, server, { pinForMs: 3_600_000 })).toBe("connect dns");
    });

    it("outlives the transport where its look-ups do, as on Lambda, where connections end with every freeze", async () => {
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"], ["127.0.0.2"]] });
      const book = createAddressBook(createNameResolver().lookup, () => 0);
      for (let i = 0; i < 2; i += 1) {
        const transport = createUndiciTransport({ book });
        cleanUp.push(() => transport.close());
        expect(await ask(transport, upstream, server, { pinForMs: 60_000, allowCIDRs: ["127.0.0.0/8"] })).toBe("answer 127.0.0.1");
      }
      expect(server.count("A")).toBe(1);
    });

    it("is one answer for all who ask at the same moment", async () => {
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"], ["127.0.0.2"]] });
      const transport = open();
      const all = await Promise.all(Array.from({ length: 20 }, () => ask(transport, upstream, server, { pinForMs: 60_000, allowCIDRs: ["127.0.0.0/8"] })));
      expect(new Set(all)).toEqual(new Set(["answer 127.0.0.1"]));
      expect(server.count("A")).toBe(1);
    });
  });

  describe("whose server fails", () => {
    const API = "A api.openai.com";
    it("is served from its last good answer for five minutes, which is checked as ever", async () => {
      let now = 0;
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"], "servfail"] });
      const transport = open(() => now);
      expect(await ask(transport, upstream, server, {})).toBe("answer 127.0.0.1");
      now = 299_000;
      expect(await ask(transport, upstream, server, {})).toBe("answer 127.0.0.1");
      expect(await ask(transport, upstream, server, { denyCIDRs: HERE })).toBe("connect denied");
      now = 301_000;
      expect(await ask(transport, upstream, server, {})).toBe("connect dns");
    });

    it("is given up when the time to connect is over, if it keeps silent", async () => {
      const upstream = await start();
      const server = await serve({ [API]: ["silence"], "AAAA api.openai.com": ["silence"] });
      const asked = async () => expect(await ask(open(), upstream, server, {}, 150)).toBe("timeout connect");
      expect(await leastTime(1_400, asked)).toBeLessThan(1_400);
    });

    it("is served all the same when it keeps silent about one family only", async () => {
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"]], "AAAA api.openai.com": ["silence"] });
      expect(await ask(open(), upstream, server, {})).toBe("answer 127.0.0.1");
    });

    it("says nothing to another policy's servers", async () => {
      const upstream = await start();
      const good = await serve({ [API]: [["127.0.0.1"]] });
      const bad = await serve({ [API]: ["servfail"] });
      const transport = open();
      expect(await ask(transport, upstream, good, {})).toBe("answer 127.0.0.1");
      expect(await ask(transport, upstream, bad, {})).toBe("connect dns");
    });
  });

  describe("and ranges", () => {
    const API = "A api.openai.com";
    it.each([
      ["denied before they are allowed", { denyCIDRs: ["127.0.0.1/32"], allowCIDRs: ["127.0.0.0/8"] }, "connect denied"],
      ["only: inside", { onlyCIDRs: ["127.0.0.0/30"] }, "answer 127.0.0.1"],
      ["only: outside", { onlyCIDRs: ["203.0.113.0/24"] }, "connect denied"],
      ["only, and not allowed", { onlyCIDRs: ["127.0.0.0/8"], allowCIDRs: [] }, "connect denied"],
    ] as const)("%s", async (_name, dns, label) => {
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"]] });
      expect(await ask(open(), upstream, server, dns)).toBe(label);
      expect(upstream.connections).toBe(label === "connect denied" ? 0 : 1);
    });
  });

  describe("and reverseNames", () => {
    const API = "A api.openai.com";
    const PTR = "PTR 1.0.0.127.in-addr.arpa";
    const cases: readonly (readonly [string, Zone, readonly string[], string])[] = [
      ["the very name", { [PTR]: [["node1.partner.example"]], "A node1.partner.example": [["127.0.0.1"]] }, ["node1.partner.example"], "answer 127.0.0.1"],
      ["a name below", { [PTR]: [["Node1.EU.Partner.example"]], "A node1.eu.partner.example": [["127.0.0.1"]] }, ["*.partner.example"], "answer 127.0.0.1"],
      [
        "one of several names",
        { [PTR]: [["x.example", "a.partner.example"]], "A a.partner.example": [["127.0.0.9", "127.0.0.1"]] },
        ["*.partner.example"],
        "answer 127.0.0.1",
      ],
      ["another name", { [PTR]: [["node1.other.example"]], "A node1.other.example": [["127.0.0.1"]] }, ["*.partner.example"], "wrong_reverse_name"],
      [
        "the bare name, which is not below itself",
        { [PTR]: [["partner.example"]], "A partner.example": [["127.0.0.1"]] },
        ["*.partner.example"],
        "wrong_reverse_name",
      ],
      ["a name that ends alike", { [PTR]: [["evilpartner.example"]], "A evilpartner.example": [["127.0.0.1"]] }, ["*.partner.example"], "wrong_reverse_name"],
      [
        "a name that does not lead back",
        { [PTR]: [["a.partner.example"]], "A a.partner.example": [["127.0.0.9"]] },
        ["*.partner.example"],
        "wrong_reverse_name",
      ],
      ["a name that leads nowhere", { [PTR]: [["a.partner.example"]] }, ["*.partner.example"], "wrong_reverse_name"],
      ["no name", {}, ["*.partner.example"], "wrong_reverse_name"],
      ["no answer", { [PTR]: ["servfail"] }, ["*.partner.example"], "wrong_reverse_name"],
    ];
    it.each(cases)("%s", async (_name, zone, reverseNames, label) => {
      const upstream = await start();
      const server = await serve({ [API]: [["127.0.0.1"]], ...zone });
      expect(await ask(open(), upstream, server, { reverseNames })).toBe(label);
      expect(upstream.connections).toBe(label.startsWith("answer") ? 1 : 0);
    });

    it("is asked for where it is kept, in both families", async () => {
      const server = await serve({});
      const resolver = createNameResolver();
      for (const address of ["203.0.113.7", "2001:db8::567:89ab"]) await expect(resolver.reverse(address, [server.address])).rejects.toThrow();
      expect(server.questions).toEqual([
        "PTR 7.113.0.203.in-addr.arpa",
        // The example of RFC 3596, section 2.5, but for its zeros.
        "PTR b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
      ]);
    });

    it("dials of several addresses only those that have it", async () => {
      const upstream = await start();
      const caught = await trap(upstream.port, "127.0.0.2");
      const server = await serve({
        [API]: [["127.0.0.2", "127.0.0.1"]],
        [PTR]: [["a.partner.example"]],
        "A a.partner.example": [["127.0.0.1"]],
        "PTR 2.0.0.127.in-addr.arpa": [["b.other.example"]],
      });
      expect(await ask(open(), upstream, server, { reverseNames: ["*.partner.example"], allowCIDRs: ["127.0.0.0/8"] })).toBe("answer 127.0.0.1");
      expect(caught.connections).toBe(0);
    });

    it("is asked for once with pinFor, and for every connection without", async () => {
      const upstream = await start();
      const zone: Zone = { [API]: [["127.0.0.1"]], [PTR]: [["a.partner.example"], []], "A a.partner.example": [["127.0.0.1"]] };
      const pinned = await serve(zone);
      const transport = open();
      const dns = { reverseNames: ["*.partner.example"], pinForMs: 60_000 };
      expect([await ask(transport, upstream, pinned, dns), await ask(transport, upstream, pinned, dns)]).toEqual(["answer 127.0.0.1", "answer 127.0.0.1"]);
      const bare = await serve(zone);
      const { reverseNames } = dns;
      expect([await ask(transport, upstream, bare, { reverseNames }), await ask(transport, upstream, bare, { reverseNames })]).toEqual([
        "answer 127.0.0.1",
        "wrong_reverse_name",
      ]);
    });
  });
});
