import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HeaderList, OutboundRequest, Outcome } from "../../src/index.ts";
import { createChainKey } from "../fakes/chain-key.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { createFakeExchange } from "../fakes/exchange.ts";
import type { TestBackend } from "../fakes/manifests.ts";
import { createScriptedTransport } from "../fakes/scripted-transport.ts";
import { chat, type Installation, install } from "../pipeline/installation.ts";

const RUNS = process.env["SPILLWAY_LONG"] === "1" ? 2_000 : 30;
const MAX_BROKERS = 4;
const keys = Array.from({ length: MAX_BROKERS }, createChainKey);
const REGIONS = ["eu-central-1", "us-east-1"] as const;
const LOCK =
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}";

/** Where a broker sends a call: to another broker (or itself), or to a destination in a region; and what becomes of it on the way there. */
type Edge =
  | { readonly to: "broker"; readonly broker: number; readonly maxHops: number; readonly fault: "none" | "refused" | "reset" }
  | { readonly to: "leaf"; readonly region: number; readonly status: 200 | 429 | 500 | 503 };

interface Topology {
  readonly brokers: readonly { readonly edges: readonly Edge[]; readonly locked: boolean }[];
  /** Somebody between the brokers takes `Via` and `CDN-Loop` off. */
  readonly stripped: boolean;
}

const edge: fc.Arbitrary<Edge> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      to: fc.constant("broker" as const),
      broker: fc.nat(MAX_BROKERS - 1),
      maxHops: fc.integer({ min: 1, max: 6 }),
      fault: fc.constantFrom("none", "none", "none", "refused", "reset"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ to: fc.constant("leaf" as const), region: fc.nat(1), status: fc.constantFrom(200, 429, 500, 503) }) },
);
const topology: fc.Arbitrary<Topology> = fc.record({
  brokers: fc.array(fc.record({ edges: fc.array(edge, { minLength: 1, maxLength: 3 }), locked: fc.boolean() }), { minLength: 2, maxLength: MAX_BROKERS }),
  stripped: fc.boolean(),
});

/** Chance seldom draws it: only the child is locked, and the parent would rather go elsewhere. */
const BELOW_A_LOCK: Topology = {
  brokers: [
    { edges: [{ to: "broker", broker: 1, maxHops: 1, fault: "none" }], locked: true },
    {
      edges: [
        { to: "leaf", region: 1, status: 200 },
        { to: "leaf", region: 0, status: 503 },
      ],
      locked: false,
    },
  ],
  stripped: false,
};

interface Visit {
  readonly broker: number;
  /** Brokers that the call had passed, this one included. */
  readonly path: readonly number[];
  sentToParents: number;
  sentToLeaves: number;
}

/** One call through brokers in memory, wired to each other; gives what happened. */
async function play({ brokers, stripped }: Topology) {
  const clock = createFakeClock();
  const visits: Visit[] = [];
  const outside: string[] = [];
  const installed: Installation[] = [];
  let current: Visit | null = null;

  const issuers = `[${brokers.map((_, at) => `{name: b-${at}, type: Broker, issuer: b-${at}, audiences: [upstream], namespaces: [team-a], jwks: {inline: '${keys[at]?.jwks ?? ""}'}}`).join(", ")}]`;

  async function visit(at: number, path: readonly number[], headers: HeaderList, body: string): Promise<Outcome> {
    const before = current;
    const here: Visit = { broker: at, path: [...path, at], sentToParents: 0, sentToLeaves: 0 };
    visits.push(here);
    current = here;
    const fake = createFakeExchange({ ...chat(), headers, body });
    await installed[at]?.broker.handle(fake.exchange);
    current = before;
    const received = fake.received();
    const scripted = createScriptedTransport(clock);
    scripted.script("x", { status: received?.status ?? 500, headers: received?.headers ?? [], body: received?.body ?? "" });
    // As an answer of the network, so that its body behaves like one.
    return scripted.dispatch({ ...DUMMY, method: "POST" }, fake.exchange.signal);
  }

  brokers.forEach(({ edges, locked }, at) => {
    const backends = edges.map((one, index): TestBackend => {
      const name = `e${index}`;
      if (one.to === "leaf") return { name, port: 9_000 + index, region: REGIONS[one.region] ?? "" };
      return { name, port: 8_000 + index, parent: { key: keys[at]?.pem ?? "", more: `maxHops: ${one.maxHops}` } };
    });
    const scripted = createScriptedTransport(clock);
    const dispatch = async (request: OutboundRequest): Promise<Outcome> => {
      const here = current;
      const one = edges[Number(request.origin.hostname.slice(1).split(".", 1)[0])];
      if (one === undefined || here === null) throw new Error("nowhere");
      const body = request.body.kind === "bytes" ? new TextDecoder().decode(request.body.bytes) : "";
      if (one.to === "leaf") {
        here.sentToLeaves += 1;
        const locks = here.path.some((broker) => brokers[broker]?.locked === true);
        if (locks && one.region === 1) outside.push(`${here.path.join(" ")} -> ${REGIONS[1]}`);
        const leaf = createScriptedTransport(clock);
        leaf.script("x", { status: one.status, headers: ["content-type", "application/json"], body: "{}" });
        return leaf.dispatch(DUMMY, new AbortController().signal);
      }
      if (one.fault === "refused") return { kind: "connect", detail: "refused", message: "" };
      here.sentToParents += 1;
      if (one.fault === "reset") return { kind: "reset", sent: true, message: "" };
      const target = one.broker % brokers.length;
      const passed = request.headers.filter(
        (_, index) => !stripped || !["via", "cdn-loop"].includes((request.headers[index - (index % 2)] ?? "").toLowerCase()),
      );
      return visit(target, here.path, passed, body);
    };
    installed.push(
      install(
        {
          backends,
          group: backends.map(({ name }) => name),
          groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}",
          rule: "    retry: {codes: [429, 500, 502, 503, 508], attempts: 3, backoff: 0s}\n",
          issuers,
          broker: `  chainId: b-${at}`,
          ...(locked ? { more: LOCK } : {}),
        },
        { clock, transport: { ...scripted, dispatch } },
      ),
    );
  });

  const { headers = [], body = "" } = chat();
  const outcome = await visit(0, [], headers, body);
  return { visits, outside, outcome };
}

const DUMMY: OutboundRequest = {
  origin: { scheme: "https", hostname: "x.example", port: 443 },
  method: "GET",
  path: "/",
  headers: ["host", "x.example"],
  body: { kind: "none" },
  upgrade: null,
  protocol: "http1",
  tls: null,
  clientCertificate: null,
  revocationLists: [],
  dns: { addresses: [], allowCIDRs: [], denyCIDRs: [], onlyCIDRs: [], pinForMs: null, reverseNames: [], resolvers: [], staleForMs: 300_000 },
  timeouts: { connectMs: 1_000, firstByteMs: null, streamIdleMs: null },
  poolKey: "x",
};

describe("in every chain of brokers, whoever points at whom", () => {
  it("a call passes no more brokers than it may, none of them hands it on twice, and no lock on its way is left", async () => {
    let longest = 0;
    let loops = 0;
    await fc.assert(
      fc.asyncProperty(topology, async (drawn) => {
        const { visits, outside, outcome } = await play(drawn);
        expect(outcome.kind).toBe("answer");
        for (const one of visits) expect(one.sentToParents).toBeLessThanOrEqual(1);
        // So the visits are one line, and as long as the hops allow.
        for (const [at, one] of visits.entries()) expect(one.path.length).toBe(at + 1);
        const allowed = Math.max(...(drawn.brokers[0]?.edges ?? []).map((one) => (one.to === "broker" ? one.maxHops : 0)));
        expect(visits.length).toBeLessThanOrEqual(1 + allowed);
        // Unless the names were taken off nobody is passed through twice: the second time is where it ends.
        if (!drawn.stripped) {
          const passed = visits.slice(0, -1).map((one) => one.broker);
          expect(new Set(passed).size).toBe(passed.length);
        }
        expect(outside).toEqual([]);
        longest = Math.max(longest, visits.length);
        if (new Set(visits.map((one) => one.broker)).size < visits.length) loops += 1;
      }),
      { numRuns: RUNS, examples: [[BELOW_A_LOCK]] },
    );
    expect(longest).toBeGreaterThan(2);
    expect(loops).toBeGreaterThan(0);
    console.log(`chain law: ${RUNS} topologies, the longest way ${longest} brokers, ${loops} loops`);
  }, 600_000);
});
