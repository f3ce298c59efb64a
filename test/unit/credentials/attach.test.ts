import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { attachForwarded, attach as attachOnly, type CredentialTarget, secretOf, withoutClientCredentials } from "../../../src/credentials/attach.ts";
import type { CredentialPlan } from "../../../src/model/backend.ts";
import type { CredentialSlot } from "../../../src/model/caller.ts";
import { Secret } from "../../../src/model/secret.ts";
import { fakeReference } from "../../fakes/secret-store.ts";

const secret = fakeReference();
const bearer: CredentialPlan = { type: "bearer", secret, beside: null, stripClientCredentials: true };
const inHeader: CredentialPlan = { type: "apiKey", in: "header", name: "X-Api-Key", prefix: "", secret, stripClientCredentials: true };
const inQuery: CredentialPlan = { type: "apiKey", in: "query", name: "key", secret, stripClientCredentials: true };
const passthrough: CredentialPlan = { type: "passthrough", stripClientCredentials: false };
const value = new Secret("sk-broker", null);

const fromClient = [
  ["Authorization", "Bearer token"],
  ["X-API-Key", "client"],
  ["api-key", "client"],
  ["x-goog-api-key", "client"],
  ["Cookie", "session=1"],
  ["Proxy-Authorization", "Basic x"],
  ["X-Amz-Security-Token", "client"],
  ["content-type", "application/json"],
].flat();

/** The two steps as the pipeline takes them, with no filter between. */
function attach(plan: CredentialPlan | null, secret: Secret | null, request: CredentialTarget, slot: CredentialSlot | null): CredentialTarget {
  return attachOnly(plan, secret, { ...request, headers: withoutClientCredentials(plan, request.headers, slot) });
}

describe("attach", () => {
  it("takes every credential of the caller off and puts the broker's on, last", () => {
    const { headers, path } = attach(bearer, value, { headers: fromClient, path: "/v1?x=1" }, "authorization");
    expect(headers).toEqual(["content-type", "application/json", "authorization", "Bearer sk-broker"]);
    expect(path).toBe("/v1?x=1");
  });

  it("puts an API key into its header, with the prefix", () => {
    expect(attach(inHeader, value, { headers: fromClient, path: "/" }, null).headers).toEqual(["content-type", "application/json", "x-api-key", "sk-broker"]);
    const prefixed = { ...inHeader, name: "Authorization", prefix: "Token " };
    expect(attach(prefixed, value, { headers: [], path: "/" }, null).headers).toEqual(["authorization", "Token sk-broker"]);
  });

  it("without a plan takes all off and adds nothing", () => {
    expect(attach(null, null, { headers: fromClient, path: "/" }, null).headers).toEqual(["content-type", "application/json"]);
  });

  it("replaces the header even where the client's credentials may stay", () => {
    const plan = { ...inHeader, stripClientCredentials: false };
    const { headers } = attach(plan, value, { headers: ["x-api-key", "client", "Cookie", "a=b"], path: "/" }, null);
    expect(headers).toEqual(["Cookie", "a=b", "x-api-key", "sk-broker"]);
  });

  it("on passthrough removes the broker's token, wherever it stands, and nothing of the caller's own", () => {
    const headers = ["Authorization", "Bearer own-key", "x-api-key", "token", "api-key", "token", "Cookie", "a=b"];
    expect(attach(passthrough, null, { headers, path: "/" }, "x-api-key").headers).toEqual(["Authorization", "Bearer own-key", "Cookie", "a=b"]);
    const both = ["authorization", "Bearer token", "x-api-key", "token", "api-key", "own"];
    expect(attach(passthrough, null, { headers: both, path: "/" }, "authorization").headers).toEqual(["api-key", "own"]);
    expect(attach(passthrough, null, { headers: ["api-key", "own"], path: "/" }, null).headers).toEqual(["api-key", "own"]);
  });

  it("trims the newline that files end with, and refuses any other", () => {
    expect(attach(bearer, new Secret("sk\r\n", null), { headers: [], path: "/" }, null).headers).toEqual(["authorization", "Bearer sk"]);
    for (const bad of ["sk\r\nhost: evil", "sk\n\n", "", "\n", "sk\0", "sk\u0100", "sk ", "s\tk\x7f"]) {
      const attaching = () => attach(bearer, new Secret(bad, null), { headers: [], path: "/" }, null);
      expect(attaching).toThrow(expect.objectContaining({ name: "SecretStoreError", reason: "malformed" }));
      try {
        attaching();
      } catch (error) {
        expect(String(error)).not.toContain("evil");
      }
    }
    expect(() => attach(bearer, null, { headers: [], path: "/" }, null)).toThrow(/needs a secret/);
  });

  it("sets a query parameter without touching the others", () => {
    const of = (path: string) => attach(inQuery, new Secret("a b&c", null), { headers: [], path }, null).path;
    expect(of("/v1")).toBe("/v1?key=a%20b%26c");
    expect(of("/v1?")).toBe("/v1?key=a%20b%26c");
    expect(of("/v1?alt=sse&key=client&x=%2F+%zz&&k%65y=other&keys=1")).toBe("/v1?alt=sse&x=%2F+%zz&&keys=1&key=a%20b%26c");
  });

  it("takes a parameter of the credential's name away however it is written, and none that only looks like it", () => {
    const of = (name: string, path: string) => attach({ ...inQuery, name }, new Secret("v", null), { headers: [], path }, null).path;
    expect(of("key", "/v1?key&keyx&ke=1")).toBe("/v1?keyx&ke=1&key=v");
    expect(of("k", "/v1?k=client&a=1")).toBe("/v1?a=1&k=v");
    expect(of("a b", "/v1?a+b=client&ab=1")).toBe("/v1?ab=1&a%20b=v");
    expect(of("100%", "/v1?100%=client&x=1")).toBe("/v1?x=1&100%25=v");
  });

  it("tells a parent who calls by the token alone, in place of what stood there", () => {
    const { headers, path } = attachForwarded(new Secret("signed\n", null), { headers: ["Authorization", "Bearer own", "a", "1"], path: "/v1?x=1" });
    expect(headers).toEqual(["a", "1", "authorization", "Bearer signed"]);
    expect(path).toBe("/v1?x=1");
    expect(() => attachForwarded(new Secret("a\r\nb", null), { headers: [], path: "/" })).toThrow(expect.objectContaining({ reason: "malformed" }));
  });

  it("leaves a request that is signed later as it is", () => {
    const request = { headers: ["a", "1"], path: "/" };
    expect(attachOnly({ type: "sigV4", secret, service: "bedrock", region: "eu-west-1", signsBody: true, stripClientCredentials: true }, value, request)).toBe(
      request,
    );
    expect(attachOnly(passthrough, null, request)).toBe(request);
    expect(attachOnly(null, null, request)).toBe(request);
  });

  it("adds what a provider wants beside the token to the list that is there, once", () => {
    const beside: CredentialPlan = { ...bearer, beside: { name: "anthropic-beta", value: "oauth" } };
    const of = (...headers: string[]) => attachOnly(beside, value, { headers, path: "/" }).headers.slice(0, -2);
    const last = (...headers: string[]) => attachOnly(beside, value, { headers, path: "/" }).headers.slice(-2);
    expect(last()).toEqual(["anthropic-beta", "oauth"]);
    expect(last("anthropic-beta", "a , b,")).toEqual(["anthropic-beta", "a,b,oauth"]);
    expect(last("Anthropic-Beta", "a", "anthropic-beta", "b")).toEqual(["anthropic-beta", "a,b,oauth"]);
    expect(of("Anthropic-Beta", "a")).toEqual(["authorization", "Bearer sk-broker"]);
    expect(attachOnly(beside, value, { headers: ["anthropic-beta", "a, oauth"], path: "/" }).headers).toEqual([
      "anthropic-beta",
      "a, oauth",
      "authorization",
      "Bearer sk-broker",
    ]);
  });

  it("on passthrough takes the token out of a browser's subprotocols where it came in them, and leaves them alone where it did not", () => {
    const headers = ["Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.token", "Proxy-Authorization", "Basic x"];
    expect(attach(passthrough, null, { headers, path: "/" }, "sec-websocket-protocol").headers).toEqual(["Sec-WebSocket-Protocol", "realtime"]);
    expect(attach(passthrough, null, { headers, path: "/" }, "authorization").headers).toEqual(headers.slice(0, 2));
    expect(attach(bearer, value, { headers, path: "/" }, "authorization").headers.slice(0, 2)).toEqual(["Sec-WebSocket-Protocol", "realtime"]);
  });

  it("takes a secret of one character, and none of none whatever stands before it", () => {
    expect(attach(inHeader, new Secret("x", null), { headers: [], path: "/" }, null).headers).toEqual(["x-api-key", "x"]);
    expect(attach(inHeader, new Secret("x\n", null), { headers: [], path: "/" }, null).headers).toEqual(["x-api-key", "x"]);
    const plan = { ...inHeader, prefix: "Token=" };
    expect(() => attach(plan, new Secret("\n", null), { headers: [], path: "/" }, null)).toThrow(expect.objectContaining({ reason: "malformed" }));
    expect(() => attach(plan, null, { headers: [], path: "/" }, null)).toThrow(expect.objectContaining({ reason: "malformed" }));
  });

  it("looks through a secret once, and not with the prefix of another credential", () => {
    const shared = new Secret("sk-shared", null);
    const reveal = vi.spyOn(shared, "reveal");
    const of = (plan: CredentialPlan) => attachOnly(plan, shared, { headers: [], path: "/" }).headers;
    expect([of(bearer), of(bearer)]).toEqual([
      ["authorization", "Bearer sk-shared"],
      ["authorization", "Bearer sk-shared"],
    ]);
    expect(reveal).toHaveBeenCalledTimes(1);
    expect(of(inHeader)).toEqual(["x-api-key", "sk-shared"]);
  });

  it("does not touch the list that it is given, which the next attempt begins with", () => {
    const headers = ["a", "1"];
    attachOnly(bearer, value, { headers, path: "/" });
    expect(headers).toEqual(["a", "1"]);
  });

  it("needs the secret of the plan, where the plan has one of the broker's", () => {
    expect([secretOf(null), secretOf(passthrough), secretOf(bearer), secretOf(inQuery)]).toEqual([null, null, secret, secret]);
  });

  it("T5 law: whatever the headers, none of the caller's slots survives, and the list stays even", () => {
    const names = fc.constantFrom("authorization", "X-Api-Key", "API-KEY", "x-goog-api-key", "cookie", "accept", "x-other");
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.string())), (pairs) => {
        const { headers } = attach(bearer, value, { headers: pairs.flat(), path: "/" }, null);
        expect(headers.length % 2).toBe(0);
        expect(headers.filter((_, index) => index % 2 === 0).filter((name) => !["accept", "x-other"].includes(name))).toEqual(["authorization"]);
        expect(headers.slice(-2)).toEqual(["authorization", "Bearer sk-broker"]);
      }),
    );
  });
});
