import { describe, expect, it } from "vitest";
import { explain } from "../../../src/offline.ts";
import { compileGood, own, route, toXBackend, xBackend } from "../config/compile-text.ts";

const clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
const toGateway = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "egress" };
const toGroup = { group: "spillway.dev", kind: "BackendGroup", name: "g" };
const policy = (name: string, target: object, limits: readonly object[], namespace = "team-a") =>
  own("UsageLimitPolicy", name, { targetRefs: [target], limits }, namespace);
const MINUTE = { duration: "1m" };

const { snapshot } = compileGood([
  xBackend("one"),
  xBackend("two"),
  own("BackendGroup", "g", { tiers: ["one", "two"].map((name) => ({ name, backends: [{ backendRef: toXBackend(name) }] })) }),
  route("r", [{ backendRefs: [toGroup] }]),
  policy(
    "all",
    toGateway,
    [
      { name: "rpm", unit: "Requests", limit: 600, window: MINUTE, per: ["Namespace", "ServiceAccount"] },
      { name: "usd", unit: "Cost", limit: "250.10", window: { duration: "720h", type: "Calendar" }, match: { models: ["gpt-*"] }, onExceeded: "NextTier" },
      { name: "others", unit: "Requests", limit: 1, window: MINUTE, match: { namespaces: ["team-b"] } },
      { name: "each", unit: "Concurrency", limit: 8, per: ["Backend"] },
    ],
    "infra",
  ),
  policy("of-group", toGroup, [{ name: "tpm", unit: "Tokens", limit: 1_000, window: MINUTE }]),
  policy("of-two", toXBackend("two"), [{ name: "rpm", unit: "Requests", limit: 5, window: MINUTE, match: { serviceAccounts: ["bot"] } }]),
]);

function met(method: string, target: string, body: string | null) {
  const call = { caller: { namespace: "team-a", serviceAccount: "bot" }, method, authority: "egress", target, headers: [], body };
  const found = explain(snapshot, call, clock, () => 0);
  expect(found.refusal).toBeNull();
  return found.usageLimits;
}

describe("explain tells the limits that a call meets", () => {
  it("those of the call once, those of each backend for itself, with the account that is charged", () => {
    const limits = met("POST", "/v1/chat/completions", '{"model":"gpt-5"}');
    expect(limits.map(({ id, backend }) => [id, backend])).toEqual([
      ["infra/all/rpm", null],
      ["infra/all/usd", null],
      ["team-a/of-group/tpm", null],
      ["infra/all/each", "XBackend/team-a/one"],
      ["infra/all/each", "XBackend/team-a/two"],
      ["team-a/of-two/rpm", "XBackend/team-a/two"],
    ]);
    expect(limits[0]).toEqual({
      id: "infra/all/rpm",
      unit: "requests",
      amount: "600",
      currency: null,
      window: { kind: "sliding", ms: 60_000 },
      account: [
        { dimension: "namespace", value: "team-a" },
        { dimension: "serviceAccount", value: "bot" },
      ],
      backend: null,
      onExceeded: "reject",
      onStoreFailure: { kind: "failClosed" },
    });
    expect(limits[1]).toMatchObject({ amount: "250.10", currency: "USD", account: [], onExceeded: "nextTier" });
    expect(limits[4]).toMatchObject({ amount: "8", window: null, account: [{ dimension: "backend", value: "XBackend/team-a/two" }] });
  });

  it("and not those that are for other models, nor tokens where none are used", () => {
    const ids = (method: string, target: string, body: string | null) => new Set(met(method, target, body).map(({ id }) => id));
    expect(ids("POST", "/v1/chat/completions", '{"model":"claude"}')).not.toContain("infra/all/usd");
    expect(ids("GET", "/v1/models", null)).not.toContain("team-a/of-group/tpm");
    expect(ids("GET", "/v1/models", null)).toContain("infra/all/rpm");
  });
});
