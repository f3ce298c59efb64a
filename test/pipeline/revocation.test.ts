import { describe, expect, it } from "vitest";
import type { UntrustedReason } from "../../src/index.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { type TestManifests, testManifests } from "../fakes/manifests.ts";
import { type Installation, install } from "./installation.ts";

const authority = createAuthority();
const TWO: TestManifests = {
  backends: [
    { name: "first", port: 8001, caPem: authority.caPem },
    { name: "second", port: 8002, caPem: authority.caPem },
  ],
  group: ["first", "second"],
};

/** Lists that `first` is checked by, read from files of a store that the test speaks for. */
function withLists(...names: readonly string[]): string {
  const refs = names.map((name) => `{group: spillway.dev, kind: SecretSource, name: ${name}}`);
  const sources = names.map(
    (name) =>
      `---\napiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}, namespace: team-a}\nspec: {file: {path: /lists/${name}}, refresh: {interval: 1m, jitterPercent: 0, staleFor: 5m}}\n`,
  );
  const policy = "metadata: {name: first, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]\n";
  return testManifests(TWO).replace(`${policy}  dns:`, `${policy}  tls: {crl: {refs: [${refs.join(", ")}]}}\n  dns:`) + sources.join("");
}

const reasons = (one: Installation) =>
  one.events.flatMap((event) => (event.type === "backend.untrusted" ? [`${event.subject} ${String(event.data["reason"])}`] : []));
const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);

describe("revocation lists from a SecretSource", () => {
  it("go to the handshake in the order in which they are written, and are read once", async () => {
    const one = install(withLists("a", "b"));
    one.secret("a", "list a");
    one.secret("b", "list b");
    for (let i = 0; i < 3; i += 1) expect((await one.call()).received()?.status).toBe(200);
    const lists = one.transport.sent.map(({ request }) => request.revocationLists.map((list) => list.reveal()));
    expect(lists).toEqual([1, 2, 3].map(() => ["list a", "list b"]));
    expect(one.asked.filter((file) => file === "a" || file === "b")).toEqual(["a", "b"]);
    // The very same objects, by which the transport knows that nothing has changed.
    expect(one.transport.sent[0]?.request.revocationLists[0]).toBe(one.transport.sent[2]?.request.revocationLists[0]);
  });

  it.each(["missing", "denied", "malformed", "unavailable"] as const)(
    "that are %s: the backend is not believed, is not called, and the next one is",
    async (said) => {
      const one = install(withLists("a"));
      one.secret("a", said);
      const fake = await one.call();
      expect(fake.received()?.body).toBe("from second");
      expect(to(one)).toEqual(["second"]);
      expect(reasons(one)).toEqual(["XBackend/team-a/first crl_unavailable"]);
      expect(JSON.stringify(one.log.at(-1))).toContain("untrusted_crl_unavailable");
    },
  );

  it("that change are handed on at the next refresh", async () => {
    const one = install(withLists("a"));
    one.secret("a", "before");
    await one.call();
    one.secret("a", "after");
    await one.call();
    await one.clock.advance(61_000);
    // The first call behind the interval still has the old list, while the new one is read.
    await one.call();
    await one.call();
    expect(one.transport.sent.map(({ request }) => request.revocationLists[0]?.reveal())).toEqual(["before", "before", "before", "after"]);
  });

  it("that go away serve on for their time, and then nobody is called by them", async () => {
    const one = install(withLists("a"));
    one.secret("a", "list");
    await one.call();
    one.secret("a", "unavailable");
    await one.clock.advance(90_000);
    expect((await one.call()).received()?.body).toBe("from first");
    await one.clock.advance(600_000);
    expect((await one.call()).received()?.body).toBe("from second");
    expect(reasons(one)).toEqual(["XBackend/team-a/first crl_unavailable"]);
  });

  it("that have ended are asked for again at once, behind the call", async () => {
    const one = install(withLists("a"));
    one.secret("a", "old");
    await one.call();
    one.secret("a", "new");
    one.transport.script("first", { kind: "untrusted", reason: "crl_expired", message: "" }, { status: 200, body: "from first" });
    await one.call();
    await one.clock.advance(60_000 - 1);
    expect((await one.call()).received()?.body).toBe("from first");
    expect(one.transport.sent.at(-1)?.request.revocationLists[0]?.reveal()).toBe("new");
  });
});

describe("what a caller hears", () => {
  const all: readonly UntrustedReason[] = [
    "revoked",
    "crl_expired",
    "pin_mismatch",
    "wrong_ca",
    "wrong_name",
    "expired",
    "no_client_certificate",
    "wrong_reverse_name",
  ];
  it.each(all)("of %s is that the destination could not prove who it is, and never why", async (reason) => {
    const one = install({ backends: [{ name: "only", port: 8001 }] });
    one.transport.script("only", { kind: "untrusted", reason, message: "CN=canary.example" });
    const fake = await one.call();
    expect([fake.received()?.status, fake.header("x-egress-error")]).toEqual([502, ["upstream_untrusted"]]);
    expect(fake.received()?.body).not.toMatch(/canary|revoked|crl|pin|certificate/);
    expect(one.told()).not.toContain("canary");
    expect(reasons(one)).toEqual([`XBackend/team-a/only ${reason}`]);
    expect(one.log.at(-1)).toMatchObject({ attempts: [{ outcome: "untrusted", cause: reason }] });
    // Never the same again: one attempt, although the rule has nobody else.
    expect(one.transport.sent).toHaveLength(1);
  });
});
