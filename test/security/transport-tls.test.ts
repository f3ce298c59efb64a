import type { TlsOptions } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { Secret, type TlsProfile, type Transport } from "../../src/index.ts";
import { type CertificateRequest, createAuthority, type IssuedCertificate, selfSigned } from "../fakes/certificates.ts";
import { answerOf, drain, labelOf, outbound, tlsProfile } from "../fakes/outbound.ts";
import { reply, startUpstream, type Upstream } from "../fakes/upstream.ts";

const authority = createAuthority();
const stranger = createAuthority("another authority");
const OPENAI: CertificateRequest = { dnsNames: ["api.openai.com"] };
const DAY = 86_400_000;

describe("a destination that cannot prove who it is", () => {
  const transport: Transport = createUndiciTransport();
  const started: Upstream[] = [];
  afterEach(async () => {
    for (const upstream of started.splice(0)) await upstream.close();
  });
  afterAll(() => transport.close());

  async function serve(issued: IssuedCertificate, options: TlsOptions = {}): Promise<Upstream> {
    const upstream = await startUpstream((socket) => socket.write(reply("{}")), { cert: issued.certPem, key: issued.keyPem, ...options });
    started.push(upstream);
    return upstream;
  }

  async function call(upstream: Upstream, tls: Partial<TlsProfile> = {}, clientCertificate: Secret | null = null): Promise<string> {
    const request = outbound(upstream.port, { tls: tlsProfile({ ca: authority.caPem, ...tls }), clientCertificate });
    const outcome = await transport.dispatch(request, new AbortController().signal);
    if (outcome.kind === "answer") await drain(answerOf(outcome).body);
    return labelOf(outcome);
  }

  it("is taken when it can: api.openai.com on 127.0.0.1 with its own CA, twice, the second time by a resumed session", async () => {
    const upstream = await startUpstream((socket) => socket.end(reply("{}", { connection: "close" })), { ...pem(authority.issue(OPENAI)) });
    started.push(upstream);
    expect(await call(upstream)).toBe("answer");
    expect(await call(upstream)).toBe("answer");
    expect(upstream.connections).toBe(2);
  });

  const refused: readonly (readonly [string, () => IssuedCertificate])[] = [
    ["a certificate for another name", () => authority.issue({ dnsNames: ["api.anthropic.com"] })],
    ["a certificate without names", () => authority.issue({})],
    ["the right name as common name only", () => authority.issue({ commonName: "api.openai.com" })],
    ["the right name as common name, another as SAN", () => authority.issue({ commonName: "api.openai.com", dnsNames: ["x.example"] })],
    ["a wildcard two labels up", () => authority.issue({ dnsNames: ["*.com"] })],
    ["a SAN that holds the name inside", () => authority.issue({ dnsNames: ["api.openai.com.evil.example"] })],
    ["a URI that poses as two names", () => authority.issue({ uris: ["https://x/, DNS:api.openai.com"] })],
    ["the address as name", () => authority.issue({ ipAddresses: ["127.0.0.1"] })],
    ["an expired certificate", () => authority.issue({ ...OPENAI, notBefore: new Date(Date.now() - 3 * DAY), notAfter: new Date(Date.now() - DAY) })],
    ["a certificate of tomorrow", () => authority.issue({ ...OPENAI, notBefore: new Date(Date.now() + DAY), notAfter: new Date(Date.now() + 2 * DAY) })],
    ["a self-signed certificate", () => selfSigned(OPENAI)],
    ["a certificate of another authority", () => stranger.issue(OPENAI)],
    ["a client's certificate", () => authority.issue({ ...OPENAI, client: true })],
  ];
  it.each(refused)("T29: is untrusted: %s", async (_name, issue) => {
    const upstream = await serve(issue());
    expect(await call(upstream)).toBe("untrusted");
    expect(upstream.seen).toEqual([]);
  });

  it("T29: is untrusted: signed by an authority of its own, when only the system's roots count", async () => {
    expect(await call(await serve(authority.issue(OPENAI)), { ca: null })).toBe("untrusted");
  });

  it("never tells what the certificate said", async () => {
    const upstream = await serve(authority.issue({ dnsNames: ["canary.example"], commonName: "canary" }));
    const outcome = await transport.dispatch(outbound(upstream.port, { tls: tlsProfile({ ca: authority.caPem }) }), new AbortController().signal);
    expect(JSON.stringify(outcome)).not.toContain("canary");
  });

  describe("with subjectAltNames, of which one must be there", () => {
    const names: readonly (readonly [string, CertificateRequest, TlsProfile["subjectAltNames"], string])[] = [
      ["a hostname that is there", { dnsNames: ["inside.example"] }, [{ type: "Hostname", value: "inside.example" }], "answer"],
      ["a hostname by wildcard", { dnsNames: ["*.corp.example"] }, [{ type: "Hostname", value: "inside.corp.example" }], "answer"],
      ["a wildcard that is there", { dnsNames: ["*.example"] }, [{ type: "Hostname", value: "*.example" }], "answer"],
      ["a wildcard that is not", { dnsNames: ["inside.example"] }, [{ type: "Hostname", value: "*.example" }], "untrusted"],
      ["a URI that is there", { uris: ["spiffe://cluster/ns/a/sa/b"] }, [{ type: "URI", value: "spiffe://cluster/ns/a/sa/b" }], "answer"],
      ["a URI that begins alike", { uris: ["spiffe://cluster/ns/a/sa/bb"] }, [{ type: "URI", value: "spiffe://cluster/ns/a/sa/b" }], "untrusted"],
      [
        "one of two",
        { uris: ["spiffe://x"] },
        [
          { type: "Hostname", value: "inside.example" },
          { type: "URI", value: "spiffe://x" },
        ],
        "answer",
      ],
      ["only the server name, which is SNI here", OPENAI, [{ type: "Hostname", value: "inside.example" }], "untrusted"],
    ];
    it.each(names)("%s", async (_name, request, subjectAltNames, label) => {
      expect(await call(await serve(authority.issue(request)), { subjectAltNames })).toBe(label);
    });

    it("the chain must be good too", async () => {
      const upstream = await serve(stranger.issue({ dnsNames: ["inside.example"] }));
      expect(await call(upstream, { subjectAltNames: [{ type: "Hostname", value: "inside.example" }] })).toBe("untrusted");
    });
  });

  describe("and one that asks who we are", () => {
    const asking: TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: authority.caPem };
    const client = authority.issue({ client: true, uris: ["spiffe://cluster/egress"] });

    it("T29: gets the client certificate", async () => {
      const upstream = await serve(authority.issue(OPENAI), asking);
      expect(await call(upstream, {}, new Secret(client.certPem + client.keyPem, "1"))).toBe("answer");
    });

    // With TLS 1.3 the client is done before the server has judged it: the alert comes when the request is already written.
    it.each([
      ["TLSv1.2", "connect tls"],
      ["TLSv1.3", "untrusted"],
    ] as const)("T29: refuses us without one over %s", async (version, label) => {
      const upstream = await serve(authority.issue(OPENAI), { ...asking, maxVersion: version, minVersion: version });
      expect(await call(upstream)).toBe(label);
      expect(upstream.seen).toEqual([]);
    });

    it("is not reached with a certificate that cannot be read", async () => {
      const upstream = await serve(authority.issue(OPENAI), asking);
      expect(await call(upstream, {}, new Secret("not a pem", "1"))).toBe("connect tls");
      expect(upstream.seen).toEqual([]);
    });

    it("never sees a connection of before when the certificate has changed", async () => {
      const upstream = await serve(authority.issue(OPENAI), asking);
      const second = authority.issue({ client: true });
      await call(upstream, {}, new Secret(client.certPem + client.keyPem, "1"));
      await call(upstream, {}, new Secret(client.certPem + client.keyPem, "1"));
      expect(upstream.connections).toBe(1);
      await call(upstream, {}, new Secret(second.certPem + second.keyPem, "2"));
      expect(upstream.connections).toBe(2);
    });
  });

  it("T29: never gets less than TLS 1.2", async () => {
    const upstream = await serve(authority.issue(OPENAI), { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
    expect(await call(upstream)).toBe("connect tls");
  });

  it("T29: never gets less than the profile asks", async () => {
    const upstream = await serve(authority.issue(OPENAI), { maxVersion: "TLSv1.2" });
    expect(await call(upstream, { minVersion: "TLSv1.3" })).toBe("connect tls");
  });

  it("T29: never serves a connection that another CA has vouched for", async () => {
    const upstream = await serve(authority.issue(OPENAI));
    expect(await call(upstream)).toBe("answer");
    expect(await call(upstream, { ca: stranger.caPem })).toBe("untrusted");
  });

  it("T29: is given up when it does not speak TLS at all", async () => {
    const upstream = await startUpstream((socket) => socket.write(reply("{}")));
    started.push(upstream);
    const silent = await transport.dispatch(
      outbound(upstream.port, { tls: tlsProfile({ ca: authority.caPem }), timeouts: { connectMs: 150, firstByteMs: 1_000, streamIdleMs: 1_000 } }),
      new AbortController().signal,
    );
    expect(labelOf(silent)).toMatch(/^(timeout connect|connect tls)$/);
  });
});

function pem(issued: IssuedCertificate): { readonly cert: string; readonly key: string } {
  return { cert: issued.certPem, key: issued.keyPem };
}
