import { describe, expect, it } from "vitest";
import { tokenEndpoint } from "../../src/credentials/tokens/token-endpoint.ts";
import { type Answer, type BodyConsumer, PLAIN_DNS } from "../../src/index.ts";
import type { ControlRequest, OutboundRequest, Transport } from "../../src/model/ports.ts";
import { Secret } from "../../src/model/secret.ts";
import { checkControl } from "../../src/transport/check-control.ts";
import { createControlCall } from "../../src/transport/control-call.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { outbound, tlsProfile } from "../fakes/outbound.ts";

const endpointAt = (address: string) => {
  const endpoint = tokenEndpoint(address);
  if (typeof endpoint === "string") throw new Error(endpoint);
  return endpoint;
};
const MIB = 1024 * 1024;
const endpoint = endpointAt("https://idp.example.com/token?x=1");
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("the last look at a call of the broker's own", () => {
  const { origin, path, tls, dns } = endpoint;
  const request = (changes: Partial<OutboundRequest> = {}): OutboundRequest =>
    outbound(443, { origin, path, tls, dns, headers: ["host", "idp.example.com", "accept", "*/*"], ...changes });
  const told = (changes: Partial<OutboundRequest>, toward = endpoint): string => {
    try {
      checkControl(toward, request(changes));
      return "passed";
    } catch (error) {
      expect(error).toMatchObject({ name: "SecretStoreError", reason: "denied" });
      return error instanceof Error ? error.message : "";
    }
  };

  it("passes what is for its endpoint", () => {
    expect(told({})).toBe("passed");
    expect(told({ headers: ["accept", "*/*", "HOST", "idp.example.com"] })).toBe("passed");
  });

  it.each<readonly [string, Partial<OutboundRequest>]>([
    ["another origin", { origin: { ...origin, hostname: "evil.example" } }],
    ["an origin that only reads the same", { origin: { ...origin } }],
    ["another path", { path: "/token" }],
    ["other addresses", { dns: { ...dns, addresses: ["192.0.2.1"] } }],
    ["another trust", { tls: tlsProfile({ serverName: "idp.example.com" }) }],
    ["no TLS", { tls: null }],
  ])("refuses %s", (_name, changes) => {
    expect(told(changes)).toContain("not for the endpoint");
  });

  it.each<readonly [string, readonly string[], string]>([
    ["no Host", ["accept", "*/*"], "exactly one Host"],
    ["two Hosts", ["host", "idp.example.com", "Host", "idp.example.com"], "exactly one Host"],
    ["another Host", ["host", "evil.example"], "Host is not"],
    ["a name that is no token", ["host", "idp.example.com", "a b", "1"], "cannot be sent"],
    ["an empty name", ["host", "idp.example.com", "", "1"], "cannot be sent"],
    ["a value with a line break", ["host", "idp.example.com", "a", "1\r\nb: 2"], "cannot be sent"],
  ])("refuses %s", (_name, headers, message) => {
    expect(told({ headers })).toContain(message);
  });

  it("asks for TLS where the scheme says so, and for none where it does not", () => {
    const bare = { ...endpoint, tls: null };
    expect(told({ tls: null }, bare)).toContain("the scheme and the TLS profile disagree");
    const plain = { ...endpoint, origin: { ...origin, scheme: "http" as const } };
    expect(told({ origin: plain.origin }, plain)).toContain("the scheme and the TLS profile disagree");
    const local = endpointAt("http://127.0.0.1:1/token");
    expect(told({ ...local, headers: ["host", local.authority] }, local)).toBe("passed");
  });

  it("sends nothing to the own machine without the machine's address", () => {
    const local = { ...endpointAt("http://127.0.0.1:1/token"), dns: PLAIN_DNS };
    expect(told({ ...local, headers: ["host", local.authority] }, local)).toContain("must name its address");
  });

  it("refuses a path that two servers could read differently, although its endpoint has it", () => {
    const dotted = { ...endpoint, path: "/a/%2e%2e/token" };
    expect(told({ path: dotted.path }, dotted)).toContain("dot segment");
  });
});

/** An answer whose body does what the test says. */
function answer(consume: (consumer: BodyConsumer) => void, cancel: () => void = () => {}): Answer {
  const body = { peek: () => ({ bytes: new Uint8Array(0), ended: true, failure: null }), consume, pause() {}, resume() {}, cancel };
  return { kind: "answer", status: 200, headers: ["a", "1"], body, sender: null, peer: { address: null, protocol: null } };
}

describe("a call of the broker's own", () => {
  const clock = createFakeClock();
  const ask = (changes: Partial<ControlRequest> = {}): ControlRequest => ({
    endpoint,
    method: "POST",
    headers: ["authorization", "Basic canary"],
    body: null,
    clientCertificate: null,
    revocationLists: [],
    ...changes,
  });
  const callWith = (dispatch: Transport["dispatch"]) => createControlCall({ features: new Set(), dispatch, close: async () => {} }, clock);
  const { signal } = new AbortController();

  it("leaves with its endpoint's host, a connection pool of its own, and no answer compressed", async () => {
    const sent: OutboundRequest[] = [];
    const call = callWith(async (request) => {
      sent.push(request);
      return answer((consumer) => consumer.end(null));
    });
    const body = bytesOf("a=1");
    const certificate = new Secret("pem", null);
    await call(ask(), signal);
    await call(ask({ method: "PUT", body, clientCertificate: certificate, revocationLists: [certificate] }), signal);
    expect(sent[0]).toEqual({
      origin: endpoint.origin,
      method: "POST",
      path: "/token?x=1",
      headers: ["host", "idp.example.com", "user-agent", "spillway", "accept-encoding", "identity", "authorization", "Basic canary"],
      body: { kind: "none" },
      upgrade: null,
      protocol: "http1",
      tls: endpoint.tls,
      clientCertificate: null,
      revocationLists: [],
      dns: endpoint.dns,
      timeouts: { connectMs: 3_000, firstByteMs: 4_500, streamIdleMs: 2_000 },
      poolKey: "control|https://idp.example.com",
    });
    expect(sent[1]).toMatchObject({ method: "PUT", body: { kind: "bytes", bytes: body }, clientCertificate: certificate, revocationLists: [certificate] });
  });

  it("passes the last look, or does not leave: a Host of the asker's own goes nowhere", async () => {
    let asked = 0;
    const call = callWith(async () => {
      asked += 1;
      return answer((consumer) => consumer.end(null));
    });
    await expect(call(ask({ headers: ["Host", "evil.example"] }), signal)).rejects.toMatchObject({ name: "SecretStoreError", reason: "denied" });
    expect([asked, clock.pending()]).toEqual([0, 0]);
  });

  it("gives the whole answer, of bytes that the transport may use again", async () => {
    const call = callWith(async () =>
      answer((consumer) => {
        const buffer = bytesOf("ab");
        consumer.chunk(buffer);
        buffer.fill(0x63);
        consumer.chunk(buffer);
        consumer.end(null);
      }),
    );
    expect(await call(ask(), signal)).toEqual({ status: 200, headers: ["a", "1"], bytes: bytesOf("abcc") });
    expect(clock.pending()).toBe(0);
  });

  it("takes 1 MiB, and leaves more where it is", async () => {
    let cancelled = 0;
    const of = (...sizes: number[]) =>
      callWith(async () =>
        answer(
          (consumer) => {
            for (const size of sizes) consumer.chunk(new Uint8Array(size));
            consumer.end(null);
          },
          () => {
            cancelled += 1;
          },
        ),
      )(ask(), signal);
    expect((await of(MIB - 1, 1)).bytes).toHaveLength(MIB);
    expect(cancelled).toBe(0);
    await expect(of(MIB, 1)).rejects.toMatchObject({ name: "SecretStoreError", reason: "malformed", message: expect.stringContaining("1 MiB") });
    expect(cancelled).toBe(1);
  });

  it.each<readonly [string, Transport["dispatch"], string]>([
    ["no answer", async () => ({ kind: "reset", sent: true, message: "x" }), "gave no answer (reset)"],
    ["half an answer", async () => answer((consumer) => consumer.failed({ kind: "reset", sent: true, message: "canary" })), "broke off"],
    ["an error of the transport itself", () => Promise.reject(new Error("canary")), "could not be asked"],
  ])("tells of %s without what was said", async (_name, dispatch, message) => {
    const failed = callWith(dispatch)(ask(), signal);
    await expect(failed).rejects.toMatchObject({ name: "SecretStoreError", reason: "unavailable", message: expect.stringContaining(message) });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining("canary") });
    expect(clock.pending()).toBe(0);
  });

  it("is given up after five seconds, however slowly the answer comes", async () => {
    let aborted = 0;
    const call = callWith(async (_request, inner) =>
      answer((consumer) => {
        inner.addEventListener("abort", () => {
          aborted += 1;
          consumer.failed({ kind: "cancelled", message: "" });
        });
      }),
    );
    const asked = call(ask(), signal);
    const failed = expect(asked).rejects.toMatchObject({ name: "SecretStoreError", reason: "unavailable" });
    await clock.advance(4_999);
    expect(aborted).toBe(0);
    await clock.advance(1);
    await failed;
    expect(aborted).toBe(1);
  });

  it("is given up when nobody wants the token any more, and says why", async () => {
    const why = new Error("gone");
    const leaving = new AbortController();
    const call = callWith(async (_request, inner) =>
      answer((consumer) => inner.addEventListener("abort", () => consumer.failed({ kind: "cancelled", message: "" }))),
    );
    const failed = expect(call(ask(), leaving.signal)).rejects.toBe(why);
    await clock.advance(0);
    leaving.abort(why);
    await failed;
    expect(clock.pending()).toBe(0);
  });

  it("is not made at all for somebody who has left", async () => {
    let asked = 0;
    const call = callWith(async () => {
      asked += 1;
      return answer((consumer) => consumer.end(null));
    });
    await expect(call(ask(), AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(asked).toBe(0);
  });

  it("leaves no listener on a signal that lives longer", async () => {
    const own = new AbortController();
    const listening = new Set<unknown>();
    const added: unknown[] = [];
    const watched: AbortSignal = Object.assign(Object.create(own.signal), {
      throwIfAborted: () => {},
      addEventListener: (type: string, listener: unknown, options: unknown) => {
        added.push([type, options]);
        listening.add(listener);
      },
      removeEventListener: (type: string, listener: unknown) => type === "abort" && listening.delete(listener),
    });
    await callWith(async () => answer((consumer) => consumer.end(null)))(ask(), watched);
    expect(added).toEqual([["abort", { once: true }]]);
    expect(listening.size).toBe(0);
  });
});
