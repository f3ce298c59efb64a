import { describe, expect, it } from "vitest";
import { createMemoryUsageStore } from "../../adapters/usage/memory-store.ts";
import { createFakeClock, type FakeClock } from "../fakes/clock.ts";
import type { ExchangeOptions } from "../fakes/exchange.ts";
import { CALLER_TOKEN, OTHER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { chat, type Installation, install, JSON_HEADERS, TWO } from "../pipeline/installation.ts";

const GATEWAY = "{group: gateway.networking.k8s.io, kind: Gateway, name: egress}";
const ROUTE = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}";
const GROUP = "{group: spillway.dev, kind: BackendGroup, name: group}";
const FIRST = "{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}";
const HOUR = "window: {duration: 1h}";

function policy(namespace: string, name: string, target: string, limits: string, more = ""): string {
  return `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec:\n  targetRefs: [${target}]\n  limits: [${limits}]\n${more}`;
}

const admins = (limits: string, more = "") => policy("egress-system", "fair", GATEWAY, limits, more);
const rph = (limit: number, more = "") => `{name: rph, unit: Requests, limit: ${limit}, ${HOUR}${more}}`;

interface Limited {
  readonly one: Installation;
  readonly clock: FakeClock;
  reload(...policies: readonly string[]): void;
}

function limited(...policies: readonly string[]): Limited {
  const clock = createFakeClock();
  const manifests = (more: readonly string[]): TestManifests => ({ ...TWO, more: more.join("\n---\n") });
  const one = install(manifests(policies), { clock, store: createMemoryUsageStore({ now: clock.now }) });
  one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: "{}" });
  one.transport.script("second", { status: 200, headers: JSON_HEADERS, body: "{}" });
  return { one, clock, reload: (...next) => expect(one.load(manifests(next)).ok).toBe(true) };
}

async function statusOf({ one, clock }: Limited, options: ExchangeOptions = chat()): Promise<number | undefined> {
  const { fake, done } = one.begin(options);
  let over = false;
  void done.then(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  return fake.received()?.status;
}

async function statuses(world: Limited, ...calls: readonly ExchangeOptions[]): Promise<readonly (number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for (const call of calls) found.push(await statusOf(world, call));
  return found;
}

const as = (token: string): ExchangeOptions => ({ ...chat(), headers: [...JSON_HEADERS, "authorization", `Bearer ${token}`] });

describe("T22: a limit cannot be got around", () => {
  it.each([
    ["a larger one of the same name on its route", policy("team-a", "fair", ROUTE, rph(1_000_000))],
    ["one that only watches", policy("team-a", "fair", ROUTE, rph(1), "  onExceeded: Shadow")],
    ["one that passes over the destination", policy("team-a", "fair", FIRST, rph(1), "  onExceeded: NextTier")],
    ["one of its group that fails open", policy("team-a", "fair", GROUP, rph(1_000_000), "  onStoreFailure: FailOpen")],
    ["one for the Gateway of somebody else", policy("team-a", "fair", GATEWAY, rph(1_000_000))],
  ])("by a team that writes %s", async (_what, own) => {
    const world = limited(admins(rph(2)), own);
    expect(await statuses(world, chat(), chat(), chat())).toEqual([200, 200, 429]);
  });

  it("by writing the policy anew: what was used stays used", async () => {
    const world = limited(admins(rph(2, ", per: [Namespace, Model]")));
    expect(await statuses(world, chat(), chat(), chat())).toEqual([200, 200, 429]);
    world.reload(admins(`{name: other, unit: Requests, limit: 99, ${HOUR}}, ${rph(2, ', per: [Model, Namespace], match: {namespaces: ["*"]}')}`));
    expect(await statusOf(world)).toBe(429);
    world.reload(admins(rph(3, ", per: [Model, Namespace]")), policy("team-a", "own", ROUTE, rph(50)));
    // A refusal is remembered for a fifth of a second.
    await world.clock.advance(300);
    expect(await statuses(world, chat(), chat())).toEqual([200, 429]);
  });

  it("by leaving the model out, or by writing the header that routes by it", async () => {
    const bodiless: ExchangeOptions = { target: "/v1/models", method: "GET" };
    const header: ExchangeOptions = { ...bodiless, headers: ["authorization", `Bearer ${CALLER_TOKEN}`, "x-gateway-model-name", "free"] };
    const world = limited(admins(rph(2, ', match: {models: ["*"]}')));
    expect(await statuses(world, bodiless, header, bodiless, header, chat())).toEqual([200, 200, 429, 429, 429]);
  });

  it("by moving to another destination, or by being moved there", async () => {
    const world = limited(admins(rph(3)));
    world.one.transport.script("first", { status: 503, headers: JSON_HEADERS, body: "{}" });
    expect(await statuses(world, chat(), chat(), chat(), chat())).toEqual([200, 200, 200, 429]);
  });

  it("and nobody is made to pay for others: each namespace has its own account", async () => {
    const world = limited(admins(rph(1, ", per: [Namespace]")));
    expect(await statuses(world, as(CALLER_TOKEN), as(CALLER_TOKEN), as(OTHER_TOKEN), as(OTHER_TOKEN))).toEqual([200, 429, 200, 429]);
  });

  it("by a rule that was renamed under it: the whole route is refused until somebody looks", async () => {
    const world = limited(policy("team-a", "own", ROUTE.replace("name: route", "name: route, sectionName: before"), rph(1)));
    expect(await statusOf(world)).toBe(500);
    expect(world.one.transport.sent).toHaveLength(0);
  });
});
