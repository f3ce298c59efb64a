import { describe, expect, it } from "vitest";
import { compile } from "../../src/config/compile.ts";
import { install } from "../pipeline/installation.ts";
import { compileGood, conditionOf, GATEWAY, grant, NAMESPACES, NODE, route, toXBackend, xBackend } from "../unit/config/compile-text.ts";

/** What the suite does around its tables, by behaviour. */
const ref = (name: string, weight: number) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}, weight: ${weight}}`;

/** The same numbers in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("weights (HTTPRouteWeight)", () => {
  it("hold within 5% over 2,000 calls, and weight 0 gets nothing", async () => {
    const backends = ["first", "second", "third"].map((name, at) => ({ name, port: 8001 + at }));
    const rules = `  - backendRefs: [${ref("first", 70)}, ${ref("second", 30)}, ${ref("third", 0)}]\n`;
    const one = install({ backends, rules }, { random: seeded(7) });
    for (let call = 0; call < 2_000; call += 1) await one.call();
    const share = (name: string) => one.transport.sent.filter((sent) => sent.to === name).length / 2_000;
    expect(Math.abs(share("first") - 0.7)).toBeLessThan(0.05);
    expect(Math.abs(share("second") - 0.3)).toBeLessThan(0.05);
    expect(share("third")).toBe(0);
  });

  it("of mirrors hold as well (HTTPRouteRequestPercentageMirror)", async () => {
    const rule = `    filters: [{type: RequestMirror, requestMirror: {backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: copy}, percent: 35}}]`;
    const one = install(
      {
        backends: [
          { name: "first", port: 8001 },
          { name: "copy", port: 8002 },
        ],
        rule,
      },
      { random: seeded(11) },
    );
    for (let call = 0; call < 2_000; call += 1) await one.call();
    expect(Math.abs(one.transport.sent.filter((sent) => sent.to === "copy").length / 2_000 - 0.35)).toBeLessThan(0.05);
  });
});

describe("a ReferenceGrant (HTTPRouteReferenceGrant)", () => {
  const service = "apiVersion: v1\nkind: Service\nmetadata: {name: inner, namespace: team-b}\nspec: {ports: [{port: 8080}]}";
  const allowed = grant("team-b", { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "team-a" }, { group: "", kind: "Service" });
  const world = (more: string) => ({
    backends: [{ name: "first", port: 8001 }],
    rules: "  - backendRefs: [{name: inner, namespace: team-b, port: 8080}]\n",
    more,
  });

  it("that is revoked while calls run stops the next one, and given again lets it through", async () => {
    const one = install(world([service, allowed].join("\n---\n")));
    one.transport.script("inner", { status: 200, body: "well" });
    expect((await one.call()).received()?.status).toBe(200);
    const revoked = one.load(world(service));
    expect((await one.call()).received()?.status).toBe(500);
    expect(revoked.conditions.find((entry) => entry.kind === "HTTPRoute")?.conditions.find(({ type }) => type === "ResolvedRefs")).toMatchObject({
      status: "False",
      reason: "RefNotPermitted",
    });
    one.load(world([service, allowed].join("\n---\n")));
    expect((await one.call()).received()?.status).toBe(200);
    expect(one.transport.sent).toHaveLength(2);
  });

  it("lets a call that is under way end as it began", async () => {
    const one = install(world([service, allowed].join("\n---\n")));
    one.transport.script("inner", { status: 200, body: ["a", "b"] });
    const { fake, done } = one.begin();
    one.load(world(service));
    await done;
    expect(fake.received()).toMatchObject({ status: 200, body: "ab", whole: true });
  });
});

describe("two routes for the very same calls", () => {
  const twin = (name: string, more: object = {}, metadata: Readonly<Record<string, unknown>> = {}) =>
    route(
      name,
      [
        {
          matches: [
            {
              path: { value: "/same" },
              headers: [
                { name: "b", value: "1" },
                { name: "a", value: "2" },
              ],
            },
          ],
          ...more,
        },
      ],
      {},
      metadata,
    );
  const warnings = (...documents: readonly string[]) =>
    compileGood([xBackend("one"), ...documents]).faults.filter((fault) => fault.message.includes("matches the same calls"));

  it("are warned of where the names decide, once, at the one that loses", () => {
    const [first, ...more] = warnings(twin("b"), twin("a"));
    expect(first).toMatchObject({ severity: "warning", name: "b", pointer: "/spec/rules/0" });
    expect(first?.message).toBe(
      "rule team-a/b/0 matches the same calls as rule team-a/a/0, which gets them because its name comes first: a file carries no creation time, and a cluster may choose the other",
    );
    expect(more).toEqual([]);
  });

  it("are warned of where the age decides", () => {
    const [first] = warnings(twin("a", {}, { creationTimestamp: "2026-02-01T00:00:00Z" }), twin("b", {}, { creationTimestamp: "2026-01-01T00:00:00Z" }));
    expect(first?.message).toContain("rule team-a/a/0 matches the same calls as rule team-a/b/0, which gets them because it is older");
  });

  it("are no trouble where anything tells them apart, or no caller sees both", () => {
    expect(warnings(twin("a"), twin("b", { matches: [{ path: { value: "/same" } }] }))).toEqual([]);
    expect(warnings(twin("a"), twin("b", {}, { namespace: "team-b" }))).toEqual([]);
    expect(warnings(twin("a"), twin("b", {}, { namespace: "infra" }))).toHaveLength(1);
  });
});

describe("an unknown kind of backend (HTTPRouteInvalidBackendRefUnknownKind)", () => {
  it("is InvalidKind, and its share of the calls gets 500", () => {
    const compiled = compileGood([xBackend("one"), route("r", [{ backendRefs: [{ group: "example.com", kind: "Magic", name: "m" }, toXBackend("one")] }])]);
    expect(conditionOf(compiled, "HTTPRoute", "r", "ResolvedRefs", "Gateway/infra/egress")).toBe("False/InvalidKind");
    expect(compiled.snapshot.gateways[0]?.listeners[0]?.routes.rules[0]?.action).toMatchObject({
      kind: "forward",
      targets: [{ target: { kind: "invalid" } }, { target: { kind: "backend" } }],
    });
  });
});

describe("listeners", () => {
  it("say that nothing conflicts with them", () => {
    const compiled = compile([{ path: "a.yaml", text: `${GATEWAY}\n---${NAMESPACES}` }], NODE);
    expect(conditionOf(compiled, "Gateway", "egress", "Conflicted", "Gateway/infra/egress/http")).toBe("False/NoConflicts");
  });
});
