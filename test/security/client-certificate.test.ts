import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { type EgressEvent, Secret, type SecretReference, type Transport } from "../../src/index.ts";
import { createAuthority, type IssuedCertificate } from "../fakes/certificates.ts";
import { drain, labelOf, outbound, tlsProfile, until } from "../fakes/outbound.ts";
import { startTlsProvider, type TlsProvider, type TlsProviderOptions } from "../fakes/tls-provider.ts";

const DAY = 86_400_000;
const authority = createAuthority();
const server = authority.issue({ dnsNames: ["api.openai.com"] });
const client = (): IssuedCertificate => authority.issue({ client: true, uris: ["spiffe://cluster/egress"] });
const pairOf = ({ certPem, keyPem }: IssuedCertificate, version = "1"): Secret => new Secret(certPem + keyPem, version);
const serialOf = ({ serial }: IssuedCertificate): string => serial.toString("hex").toUpperCase();

const REFERENCE: SecretReference = {
  id: "SecretSource/team-a/partner-client",
  location: { provider: "file", path: "/certificates/partner.pem", jsonKey: null },
  refresh: { intervalMs: 60_000, jitterPercent: 0, staleForMs: 60_000 },
};
const PROFILE = tlsProfile({ ca: authority.caPem, clientCertificate: REFERENCE });

describe.each(["http1", "h2"] as const)("over %s, a destination that asks for a client certificate", (protocol) => {
  const cleanUp: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const work of cleanUp.splice(0)) await work();
  });

  async function start(options: Partial<TlsProviderOptions> = {}): Promise<TlsProvider> {
    const asking = { requestCert: true, rejectUnauthorized: true, ca: authority.caPem, cert: server.certPem, key: server.keyPem };
    const provider = await startTlsProvider({ protocol, ...asking, ...options });
    cleanUp.push(() => provider.close());
    return provider;
  }

  function open(events: EgressEvent[] = [], now: () => number = Date.now): Transport {
    const transport = createUndiciTransport({ emit: (event) => events.push(event), now });
    cleanUp.push(() => transport.close());
    return transport;
  }

  async function call(transport: Transport, provider: TlsProvider, clientCertificate: Secret | null): Promise<string> {
    const outcome = await transport.dispatch(outbound(provider.port, { protocol, tls: PROFILE, clientCertificate }), new AbortController().signal);
    if (outcome.kind === "answer") {
      const { failure } = await drain(outcome.body);
      return failure === null ? "answer" : `broken ${failure.kind}`;
    }
    if (outcome.kind === "connect") return `connect ${outcome.detail}`;
    return outcome.kind === "untrusted" ? `untrusted ${outcome.reason}` : outcome.kind;
  }

  it("sees the one that belongs to the backend", async () => {
    const provider = await start();
    const own = client();
    expect(await call(open(), provider, pairOf(own))).toBe("answer");
    expect(provider.clients).toEqual([serialOf(own)]);
  });

  // TLS 1.2 has no alert of its own for it. With 1.3 the alert comes when the request is already on its way.
  it.each([
    ["TLSv1.2", "connect tls"],
    ["TLSv1.3", "untrusted no_client_certificate"],
  ] as const)("T29: gets no call without one, by %s", async (version, label) => {
    const provider = await start({ minVersion: version, maxVersion: version });
    expect(await call(open(), provider, null)).toBe(label);
    expect(provider.calls).toBe(0);
  });

  it("T29: gets no call with one of an authority that it does not know", async () => {
    const provider = await start();
    const foreign = createAuthority("foreign").issue({ client: true });
    // Node's server says nothing and closes.
    expect(await call(open(), provider, pairOf(foreign))).toBe("reset");
    expect(provider.calls).toBe(0);
  });

  // RFC 8446 section 6: what servers say of a certificate of ours, as the first record that they send.
  it.each([
    ["bad_certificate", 42, "client_certificate_refused"],
    ["unsupported_certificate", 43, "client_certificate_refused"],
    ["certificate_revoked", 44, "client_certificate_refused"],
    ["certificate_expired", 45, "client_certificate_refused"],
    ["certificate_unknown", 46, "client_certificate_refused"],
    ["unknown_ca", 48, "client_certificate_refused"],
    ["access_denied", 49, "client_certificate_refused"],
    ["certificate_required", 116, "no_client_certificate"],
    ["handshake_failure", 40, "connect tls"],
    ["protocol_version", 70, "connect tls"],
  ])("says %s", async (_name, code, label) => {
    const alert = Buffer.from([0x15, 3, 3, 0, 2, 2, code]);
    const silent = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(alert));
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    cleanUp.push(() => new Promise((resolve) => silent.close(() => resolve())));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const secret = label === "no_client_certificate" ? null : pairOf(client());
    const outcome = await open().dispatch(outbound(port, { protocol, tls: PROFILE, clientCertificate: secret }), new AbortController().signal);
    expect(outcome.kind === "untrusted" ? outcome.reason : labelOf(outcome)).toBe(label);
  });

  it("sees the new one from the moment it is there, while calls under way end on the old one, and none fails", async () => {
    const provider = await start({ delayMs: 40 });
    const transport = open();
    const [before, after] = [client(), client()];
    const secrets = [pairOf(before, "1"), pairOf(after, "2")] as const;
    const waves: Promise<string>[] = [];
    for (let i = 0; i < 12; i += 1) {
      const secret = i < 6 ? secrets[0] : secrets[1];
      for (let k = 0; k < 8; k += 1) waves.push(call(transport, provider, secret));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    const labels = await Promise.all(waves);
    expect(labels.filter((label) => label !== "answer")).toEqual([]);
    const seen = new Set(provider.clients);
    expect(seen).toEqual(new Set([serialOf(before), serialOf(after)]));
    // Once the new one is there no connection is made with the old one.
    const firstNew = provider.clients.indexOf(serialOf(after));
    expect(provider.clients.slice(firstNew)).toEqual(provider.clients.slice(firstNew).map(() => serialOf(after)));
  });

  it("keeps no connection of certificates long gone", async () => {
    const provider = await start();
    const transport = open();
    for (let i = 0; i < 6; i += 1) expect(await call(transport, provider, pairOf(client(), `${i}`))).toBe("answer");
    expect(provider.connections).toBe(6);
    await until(() => provider.open <= 2, "the connections of the first four are closed");
  });

  describe("goes on seeing the good one when the next", () => {
    const other = client();
    const broken: readonly (readonly [string, Secret, RegExp])[] = [
      ["is no PEM", new Secret("half a file", "2"), /not a PEM/],
      ["has the key of another", new Secret(client().certPem + other.keyPem, "2"), /do not belong together/],
      ["has no key", new Secret(client().certPem, "2"), /not a PEM/],
      [
        "has ended already",
        pairOf(authority.issue({ client: true, notBefore: new Date(Date.now() - 3 * DAY), notAfter: new Date(Date.now() - DAY) })),
        /expired/,
      ],
    ];
    it.each(broken)("%s, and says so once", async (_name, bad, detail) => {
      const provider = await start();
      const events: EgressEvent[] = [];
      const transport = open(events);
      const good = client();
      expect(await call(transport, provider, pairOf(good))).toBe("answer");
      for (let i = 0; i < 3; i += 1) expect(await call(transport, provider, bad)).toBe("answer");
      expect(new Set(provider.clients)).toEqual(new Set([serialOf(good)]));
      expect(events.map((event) => [event.type, event.subject, event.data["reason"], event.data["serving"]])).toEqual([
        ["credential.unavailable", REFERENCE.id, "malformed", "stale"],
      ]);
      expect(events[0]?.data["detail"]).toMatch(detail);
      expect(JSON.stringify(events)).not.toContain("BEGIN");
      const next = client();
      expect(await call(transport, provider, pairOf(next, "3"))).toBe("answer");
      expect(provider.clients.at(-1)).toBe(serialOf(next));
    });
  });

  it("gets no call when the first one there is cannot be used, and that is told", async () => {
    const provider = await start();
    const events: EgressEvent[] = [];
    const transport = open(events);
    expect(await call(transport, provider, new Secret("half a file", "1"))).toBe("connect tls");
    expect(provider.calls).toBe(0);
    expect(events.map((event) => event.data["serving"])).toEqual(["none"]);
  });

  it("does not get an earlier one for good: not when that has ended too", async () => {
    let now = Date.now();
    const provider = await start();
    const transport = open([], () => now);
    expect(await call(transport, provider, pairOf(client()))).toBe("answer");
    now += 3 * DAY;
    expect(await call(transport, provider, new Secret("half a file", "2"))).toBe("connect tls");
  });
});
