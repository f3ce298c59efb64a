import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LimitRule } from "../../src/model/limit.ts";
import type { CompiledRule } from "../../src/model/snapshot.ts";
import { matchesLimit } from "../../src/policy/limits/match-limit.ts";
import { compileAll, GATEWAY, grant, NAMESPACES, own, toXBackend } from "../unit/config/compile-text.ts";

/** A world of two teams: each has the same names, so that a limit that looked at names alone would hit the wrong one. */
const TEAMS = ["team-a", "team-b"] as const;
const WORLD = [
  GATEWAY,
  NAMESPACES,
  ...TEAMS.flatMap((namespace) => [
    ...["one", "two"].map((name) =>
      object("gateway.networking.x-k8s.io/v1alpha1", "XBackend", namespace, name, {
        type: "ExternalHostname",
        externalHostname: { hostname: `${name}.example.com` },
        port: { port: 443 },
        protocol: "HTTP",
        tls: { mode: "ServerOnly" },
      }),
    ),
    object("v1", "Service", namespace, "local", { ports: [{ port: 80 }, { port: 81 }] }),
    own(
      "BackendGroup",
      "group",
      {
        tiers: [
          { name: "first", backends: [{ backendRef: { kind: "Service", group: "", name: "local", port: 80 } }, { backendRef: toXBackend("one") }] },
          { name: "then", backends: [{ backendRef: toXBackend("two") }] },
        ],
      },
      namespace,
    ),
    route(namespace, "chat", [
      { name: "a", matches: [{ path: { value: `/${namespace}/a` } }], backendRefs: [{ group: "spillway.dev", kind: "BackendGroup", name: "group" }] },
      { name: "b", matches: [{ path: { value: `/${namespace}/b` } }], backendRefs: [toXBackend("one"), { name: "local", port: 81 }] },
    ]),
    route(namespace, "embed", [{ name: "a", matches: [{ path: { value: `/${namespace}/c` } }], backendRefs: [toXBackend("two")] }]),
  ]),
  // A route of team-b uses the Service and the group of team-a.
  route("team-b", "borrowed", [
    {
      name: "a",
      matches: [{ path: { value: "/borrowed" } }],
      backendRefs: [{ name: "local", namespace: "team-a", port: 80 }],
    },
  ]),
  grant("team-a", { group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "team-b" }, { group: "", kind: "Service" }),
];

interface Authored {
  readonly namespace: string;
  readonly targets: readonly { readonly kind: string; readonly name: string; readonly sectionName?: string }[];
  readonly limits: readonly Limit[];
}
interface Limit {
  readonly per: readonly string[];
  readonly match: {
    readonly namespaces: readonly string[] | undefined;
    readonly serviceAccounts: readonly string[] | undefined;
    readonly models: readonly string[] | undefined;
    readonly routes: readonly string[] | undefined;
    readonly backends: readonly string[] | undefined;
  };
}

const list = (...texts: readonly string[]) => fc.option(fc.subarray([...texts], { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 2 });
const target = fc.constantFrom(
  { kind: "Gateway", name: "egress" },
  ...["chat", "embed", "borrowed", "lost"].map((name) => ({ kind: "HTTPRoute", name })),
  { kind: "HTTPRoute", name: "chat", sectionName: "a" },
  { kind: "HTTPRoute", name: "chat", sectionName: "b" },
  { kind: "XBackend", name: "one" },
  { kind: "XBackend", name: "two" },
  { kind: "Service", name: "local" },
  { kind: "BackendGroup", name: "group" },
);
const limit = fc.record({
  per: fc.subarray(["Namespace", "ServiceAccount", "Model", "Backend"], { minLength: 1 }),
  match: fc.record({
    namespaces: list("team-a", "team-*", "*-b"),
    serviceAccounts: list("batch", "team-a/batch", "*/web", "b*"),
    models: list("gpt-5", "gpt-*", "*-mini", "*"),
    routes: list("chat", "team-a/chat", "team-b/*", "*bed", "*/chat", "e*"),
    backends: list("one", "team-a/local", "team-b/*", "*wo", "*", "l*"),
  }),
});
const policies = fc.array(
  fc.record({
    namespace: fc.constantFrom("infra", ...TEAMS),
    targets: fc.uniqueArray(target, { minLength: 1, maxLength: 3, selector: (one) => JSON.stringify(one) }),
    limits: fc.array(limit, { minLength: 1, maxLength: 2 }),
  }),
  { maxLength: 4 },
);
const caller = fc.record({
  namespace: fc.constantFrom("team-a", "team-b", "infra"),
  serviceAccount: fc.constantFrom("batch", "web", "bot", null),
  model: fc.constantFrom("gpt-5", "gpt-5-mini", "claude", null),
});

describe("limits of many policies", () => {
  it("bind exactly the calls that each by itself is for: none is lost, none is added, none counts twice", () => {
    fc.assert(
      fc.property(policies, fc.array(caller, { minLength: 2, maxLength: 2 }), (authored, callers) => {
        const compiled = compileAll([...WORLD, ...authored.map(manifest)]);
        const rules = compiled.snapshot?.gateways[0]?.listeners[0]?.routes.rules ?? [];
        expect(rules).toHaveLength(7);
        for (const rule of rules) {
          for (const { backend, group, limits } of targetsOf(rule)) {
            const bound = [...rule.limits, ...limits];
            const ids = bound.map((one) => one.id);
            expect(new Set(ids).size).toBe(ids.length);
            for (const one of bound) expect(one.gateway).toBe("infra/egress");
            for (const by of callers) {
              const met = bound.filter((one) => matchesLimit(one.match, subject(by, rule, backend))).map((one) => one.id);
              expect(met.sort()).toEqual(expected(authored, by, rule, backend, group));
            }
          }
          // A call that moves on to another destination must not be charged twice for what is one call.
          expect(rule.limits.every((one) => one.scope === "call")).toBe(true);
        }
      }),
      { numRuns: 120 },
    );
  });
});

/** What a limit says, read anew: for each policy that names anything on the way of the call, each limit whose lists all fit. */
function expected(authored: readonly Authored[], by: Caller, rule: CompiledRule, backend: string, group: string | null): readonly string[] {
  const { namespace, name } = rule.route;
  const way = [
    "Gateway/infra/egress",
    `HTTPRoute/${namespace}/${name}`,
    `HTTPRoute/${namespace}/${name}/${rule.ruleName ?? ""}`,
    backend,
    `BackendGroup/${group}`,
  ];
  const backendName = backend.slice(backend.indexOf("/") + 1);
  return authored
    .flatMap((policy, number) => {
      const names = policy.targets.some((one) =>
        way.includes(`${one.kind}/${policy.namespace}/${one.name}${one.sectionName === undefined ? "" : `/${one.sectionName}`}`),
      );
      if (!names) return [];
      return policy.limits.flatMap(({ match }, index) => {
        const here = (pattern: string) => (/^[*]|[/]/.test(pattern) ? pattern : `${policy.namespace}/${pattern}`);
        const account = (pattern: string) => fits(pattern, pattern.includes("/") ? `${by.namespace}/${by.serviceAccount ?? ""}` : (by.serviceAccount ?? ""));
        const applies =
          (match.namespaces?.some((one) => fits(one, by.namespace)) ?? true) &&
          (match.serviceAccounts?.some(account) ?? true) &&
          (match.models?.some((one) => fits(one, by.model ?? "")) ?? true) &&
          (match.routes?.some((one) => fits(here(one), `${namespace}/${name}`)) ?? true) &&
          (match.backends?.some((one) => fits(here(one), backendName)) ?? true);
        return applies ? [`${policy.namespace}/p${number}/l${index}`] : [];
      });
    })
    .sort();
}

type Caller = { readonly namespace: string; readonly serviceAccount: string | null; readonly model: string | null };

function fits(pattern: string, text: string): boolean {
  return new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text);
}

function subject(by: Caller, rule: CompiledRule, backend: string) {
  return { ...by, workload: null, route: `${rule.route.namespace}/${rule.route.name}`, backend };
}

function targetsOf(rule: CompiledRule): readonly { readonly backend: string; readonly group: string | null; readonly limits: readonly LimitRule[] }[] {
  if (rule.action.kind !== "forward") throw new Error(`${rule.id} does not forward: ${JSON.stringify(rule.action)}`);
  return rule.action.targets.flatMap(({ target: one }) => {
    if (one.kind === "backend") return [entry(one.target, null)];
    if (one.kind !== "group") throw new Error(`${rule.id} has a target of kind ${one.kind}`);
    return one.group.tiers.flatMap((tier) => tier.targets.map((member) => entry(member.target, one.group.id)));
  });
}

function entry(
  {
    backend,
    limits,
  }: { readonly backend: { readonly kind: string; readonly namespace: string; readonly name: string }; readonly limits: readonly LimitRule[] },
  group: string | null,
) {
  return { backend: `${backend.kind}/${backend.namespace}/${backend.name}`, group, limits };
}

function manifest(policy: Authored, index: number): string {
  const groups: Readonly<Record<string, string>> = {
    Gateway: "gateway.networking.k8s.io",
    HTTPRoute: "gateway.networking.k8s.io",
    XBackend: "gateway.networking.x-k8s.io",
    BackendGroup: "spillway.dev",
    Service: "",
  };
  return own(
    "UsageLimitPolicy",
    `p${index}`,
    {
      targetRefs: policy.targets.map((one) => ({ group: groups[one.kind], ...one })),
      limits: policy.limits.map((one, number) => ({ name: `l${number}`, unit: "Requests", limit: 1, window: { duration: "1m" }, ...one })),
    },
    policy.namespace,
  );
}

function object(apiVersion: string, kind: string, namespace: string, name: string, spec: unknown): string {
  return JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, spec });
}

function route(namespace: string, name: string, rules: readonly object[]): string {
  const spec = { parentRefs: [{ name: "egress", namespace: "infra" }], rules };
  return object("gateway.networking.k8s.io/v1", "HTTPRoute", namespace, name, spec);
}
