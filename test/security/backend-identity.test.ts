import type { TlsOptions } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { type OutboundRequest, Secret, type SecretReference, type TlsProfile, type Transport } from "../../src/index.ts";
import { type Authority, createAuthority, type IssuedCertificate } from "../fakes/certificates.ts";
import { answerOf, drain, outbound, tlsProfile } from "../fakes/outbound.ts";
import { startTlsProvider, type TlsProvider } from "../fakes/tls-provider.ts";

const DAY = 86_400_000;
const NAME = { dnsNames: ["api.openai.com"] };
const root = createAuthority("root");
const middle = root.subordinate("middle");
const stranger = createAuthority("stranger");
const leaf = middle.issue(NAME);
/** What a server shows: its own certificate, and the authority that stands between it and the root. */
const chainOf = (issued: IssuedCertificate, between: Authority = middle): TlsOptions => ({ cert: issued.certPem + between.caPem, key: issued.keyPem });
const listed = (...lists: readonly string[]): TlsProfile["crl"] => ({ pem: lists.join("\n"), sources: [] });
const past = (days: number): Date => new Date(Date.now() - days * DAY);

const SOURCE: SecretReference = {
  id: "SecretSource/team-a/partner-crl",
  location: { provider: "file", path: "/lists/partner.crl", jsonKey: null },
  refresh: { intervalMs: 60_000, jitterPercent: 0, staleForMs: 60_000 },
};

describe.each(["http1", "h2"] as const)("over %s, a destination", (protocol) => {
  let transport: Transport = createUndiciTransport();
  const started: TlsProvider[] = [];
  afterEach(async () => {
    await transport.close();
    transport = createUndiciTransport();
    for (const provider of started.splice(0)) await provider.close();
  });
  afterAll(() => transport.close());

  async function serve(options: TlsOptions, once = false): Promise<TlsProvider> {
    const provider = await startTlsProvider({ protocol, once, ...options });
    started.push(provider);
    return provider;
  }

  async function call(provider: TlsProvider, tls: Partial<TlsProfile>, more: Partial<OutboundRequest> = {}): Promise<string> {
    const request = outbound(provider.port, { protocol, tls: tlsProfile({ ca: root.caPem, ...tls }), ...more });
    const outcome = await transport.dispatch(request, new AbortController().signal);
    if (outcome.kind === "answer") await drain(answerOf(outcome).body);
    if (outcome.kind === "connect") return `connect ${outcome.detail}`;
    return outcome.kind === "untrusted" ? `untrusted ${outcome.reason}` : outcome.kind;
  }

  /** One call, and nothing of it may have reached a server that was refused. */
  async function judge(options: TlsOptions, tls: Partial<TlsProfile>, more: Partial<OutboundRequest> = {}): Promise<string> {
    const provider = await serve(options);
    const label = await call(provider, tls, more);
    expect(provider.calls).toBe(label === "answer" ? 1 : 0);
    return label;
  }

  describe("says why it is not believed:", () => {
    const cases: readonly (readonly [string, () => TlsOptions, Partial<TlsProfile>, string])[] = [
      ["another CA", () => chainOf(leaf), { ca: stranger.caPem }, "untrusted wrong_ca"],
      ["a chain without its middle", () => ({ cert: leaf.certPem, key: leaf.keyPem }), {}, "untrusted wrong_ca"],
      ["another name", () => chainOf(middle.issue({ dnsNames: ["x.example"] })), {}, "untrusted wrong_name"],
      ["another URI", () => chainOf(leaf), { subjectAltNames: [{ type: "URI", value: "spiffe://a/b" }] }, "untrusted wrong_name"],
      ["expired", () => chainOf(middle.issue({ ...NAME, notBefore: past(3), notAfter: past(1) })), {}, "untrusted expired"],
      ["of tomorrow", () => chainOf(middle.issue({ ...NAME, notBefore: past(-1), notAfter: past(-2) })), {}, "untrusted not_yet_valid"],
      ["a client's", () => chainOf(middle.issue({ ...NAME, client: true })), {}, "untrusted wrong_purpose"],
    ];
    it.each(cases)("T29: %s", async (_name, options, tls, label) => {
      expect(await judge(options(), tls)).toBe(label);
    });

    it("and is believed where two bundles of authorities stand side by side, and by the URI it is asked for", async () => {
      expect(await judge(chainOf(leaf), { ca: stranger.caPem + root.caPem })).toBe("answer");
      const spiffe = middle.issue({ uris: ["spiffe://partner.example/ns/serving/sa/vllm"] });
      expect(await judge(chainOf(spiffe), { subjectAltNames: [{ type: "URI", value: "spiffe://partner.example/ns/serving/sa/vllm" }] })).toBe("answer");
    });
  });

  describe("that speaks an old TLS", () => {
    const old: TlsOptions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
    it("T29: is not spoken to: 1.1", async () => {
      expect(await judge({ ...chainOf(leaf), ...old }, {})).toBe("connect tls");
    });
    it("is spoken to in 1.2, unless 1.3 is asked for", async () => {
      expect(await judge({ ...chainOf(leaf), maxVersion: "TLSv1.2" }, {})).toBe("answer");
      expect(await judge({ ...chainOf(leaf), maxVersion: "TLSv1.2" }, { minVersion: "TLSv1.3" })).toBe("connect tls");
      expect(await judge(chainOf(leaf), { minVersion: "TLSv1.3" })).toBe("answer");
    });
  });

  describe("whose certificate may have been revoked", () => {
    const clean = [root.revocationList(), middle.revocationList()];
    const cases: readonly (readonly [string, readonly string[], string])[] = [
      ["nobody is", clean, "answer"],
      ["somebody else is", [root.revocationList(), middle.revocationList({ revoked: [middle.issue(NAME)] })], "answer"],
      ["it is", [root.revocationList(), middle.revocationList({ revoked: [leaf] })], "untrusted revoked"],
      ["the authority between is", [root.revocationList({ revoked: [middle] }), middle.revocationList()], "untrusted revoked"],
      ["its issuer's list has ended", [root.revocationList(), middle.revocationList({ thisUpdate: past(3), nextUpdate: past(1) })], "untrusted crl_expired"],
      ["the root's list has ended", [root.revocationList({ thisUpdate: past(3), nextUpdate: past(1) }), middle.revocationList()], "untrusted crl_expired"],
      ["the list is of tomorrow", [root.revocationList(), middle.revocationList({ thisUpdate: past(-1) })], "untrusted crl_unavailable"],
      ["the list never ends", [root.revocationList(), middle.revocationList({ nextUpdate: null })], "untrusted crl_unavailable"],
      ["the list is another issuer's", [stranger.revocationList()], "untrusted crl_missing"],
      ["only the root has a list", [root.revocationList()], "untrusted crl_missing"],
      ["only its issuer has a list", [middle.revocationList()], "untrusted crl_missing"],
      ["the list is forged", [root.revocationList(), createAuthority("middle").revocationList()], "untrusted crl_unavailable"],
      ["the list is cut off", [root.revocationList(), middle.revocationList().slice(0, 200)], "untrusted crl_unavailable"],
      ["there is no list after all", [], "untrusted crl_unavailable"],
    ];
    it.each(cases)("T29: %s", async (_name, lists, label) => {
      expect(await judge(chainOf(leaf), { crl: listed(...lists) })).toBe(label);
    });

    it("a list of a source counts like one of the manifests, and one that is not there like none", async () => {
      const crl: TlsProfile["crl"] = { pem: root.revocationList(), sources: [SOURCE] };
      const lists = (...texts: readonly string[]) => ({ revocationLists: texts.map((text) => new Secret(text, null)) });
      expect(await judge(chainOf(leaf), { crl }, lists(middle.revocationList()))).toBe("answer");
      expect(await judge(chainOf(leaf), { crl }, lists(middle.revocationList({ revoked: [leaf] })))).toBe("untrusted revoked");
      expect(await judge(chainOf(leaf), { crl }, lists("not a list"))).toBe("untrusted crl_unavailable");
      expect(await judge(chainOf(leaf), { crl }, lists())).toBe("untrusted crl_unavailable");
    });

    it("T29: gets no further call on an open connection once a new list names it", async () => {
      const provider = await serve(chainOf(leaf));
      const crl: TlsProfile["crl"] = { pem: root.revocationList(), sources: [SOURCE] };
      const [before, after] = [new Secret(middle.revocationList(), "1"), new Secret(middle.revocationList({ revoked: [leaf] }), "2")];
      const profile = tlsProfile({ ca: root.caPem, crl });
      const labels: string[] = [];
      for (const list of [before, before, after, after]) labels.push(await call(provider, profile, { revocationLists: [list] }));
      expect(labels).toEqual(["answer", "answer", "untrusted revoked", "untrusted revoked"]);
      expect(provider.calls).toBe(2);
    });

    it("gets no further call on an open connection once the list has ended", async () => {
      let now = Date.now();
      await transport.close();
      transport = createUndiciTransport({ now: () => now });
      const provider = await serve(chainOf(leaf));
      const tls = tlsProfile({ ca: root.caPem, crl: listed(...clean) });
      const request = outbound(provider.port, { protocol, tls });
      const ask = async (): Promise<string> => {
        const outcome = await transport.dispatch(request, new AbortController().signal);
        if (outcome.kind === "answer") await drain(outcome.body);
        return outcome.kind === "untrusted" ? outcome.reason : outcome.kind;
      };
      expect([await ask(), await ask()]).toEqual(["answer", "answer"]);
      expect(provider.connections).toBe(1);
      now += 2 * DAY;
      expect([await ask(), await ask()]).toEqual(["crl_expired", "crl_expired"]);
      expect(provider.calls).toBe(2);
    });
  });

  describe("whose key is pinned", () => {
    const other = middle.issue(NAME);
    const cases: readonly (readonly [string, readonly string[], string])[] = [
      ["its key", [leaf.pin], "answer"],
      ["its key as the one in reserve", [other.pin, leaf.pin], "answer"],
      ["another key of the same authority", [other.pin], "untrusted pin_mismatch"],
      ["a pin that no key has", [Buffer.alloc(32).toString("base64")], "untrusted pin_mismatch"],
    ];
    it.each(cases)("T29: by %s", async (_name, pins, label) => {
      expect(await judge(chainOf(leaf), { pins })).toBe(label);
    });

    it("T29: must have a good chain and name besides", async () => {
      const foreign = stranger.issue(NAME);
      expect(await judge({ cert: foreign.certPem, key: foreign.keyPem }, { pins: [foreign.pin] })).toBe("untrusted wrong_ca");
      const misnamed = middle.issue({ dnsNames: ["x.example"] });
      expect(await judge(chainOf(misnamed), { pins: [misnamed.pin] })).toBe("untrusted wrong_name");
    });

    it("is served by new connections that show the key in reserve, without a call lost", async () => {
      const provider = await serve(chainOf(leaf), true);
      const tls = tlsProfile({ ca: root.caPem, pins: [leaf.pin, other.pin] });
      const labels = [await call(provider, tls)];
      provider.renew(chainOf(other));
      labels.push(await call(provider, tls));
      provider.renew(chainOf(middle.issue(NAME)));
      labels.push(await call(provider, tls));
      expect(labels).toEqual(["answer", "answer", "untrusted pin_mismatch"]);
    });
  });

  describe.each(["TLSv1.2", "TLSv1.3"] as const)("that lets sessions be resumed, by %s,", (version) => {
    const resumable = (issued: IssuedCertificate): TlsOptions => ({
      ...chainOf(issued),
      minVersion: version,
      maxVersion: version,
      ticketKeys: Buffer.alloc(48, 7),
    });

    it("is resumed where nothing but the chain and the name count", async () => {
      const provider = await serve(resumable(leaf), true);
      for (let i = 0; i < 3; i += 1) expect(await call(provider, {})).toBe("answer");
      expect(provider.connections).toBe(3);
      expect(provider.resumed).toBeGreaterThan(0);
    });

    it.each([
      ["a key", { pins: [leaf.pin] }],
      ["a list", { crl: listed(root.revocationList(), middle.revocationList()) }],
    ] as const)("shows its certificate anew each time where %s counts", async (_name, tls) => {
      const provider = await serve(resumable(leaf), true);
      for (let i = 0; i < 3; i += 1) expect(await call(provider, tls)).toBe("answer");
      expect(provider.connections).toBe(3);
      expect(provider.resumed).toBe(0);
    });

    it("never resumes the session of a connection that was refused, in which its name would not be looked at again", async () => {
      const provider = await serve(resumable(middle.issue({ dnsNames: ["x.example"] })), true);
      const labels: string[] = [];
      for (let i = 0; i < 4; i += 1) labels.push(await call(provider, {}));
      expect(new Set(labels)).toEqual(new Set(["untrusted wrong_name"]));
      expect([provider.calls, provider.resumed]).toEqual([0, 0]);
    });

    it("is not resumed beyond the end of the certificate that was checked", async () => {
      let now = Date.now();
      await transport.close();
      transport = createUndiciTransport({ now: () => now });
      const provider = await serve(resumable(leaf), true);
      for (let i = 0; i < 2; i += 1) expect(await call(provider, {})).toBe("answer");
      const { resumed } = provider;
      expect(resumed).toBe(1);
      now += 3 * DAY;
      expect(await call(provider, {})).toBe("answer");
      expect(provider.resumed).toBe(resumed);
    });

    it("shows a new profile nothing of an old session", async () => {
      const provider = await serve(resumable(leaf), true);
      expect(await call(provider, {})).toBe("answer");
      expect(await call(provider, { ca: stranger.caPem })).toBe("untrusted wrong_ca");
      expect(await call(provider, { subjectAltNames: [{ type: "Hostname", value: "x.example" }] })).toBe("untrusted wrong_name");
      expect(provider.resumed).toBe(0);
    });
  });
});
