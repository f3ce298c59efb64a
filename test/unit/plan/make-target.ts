import { OPENAI_QUIRKS } from "../../../src/config/api-presets.ts";
import type { ApiProfile, Backend } from "../../../src/model/backend.ts";
import { PLAIN_DNS } from "../../../src/model/backend.ts";
import type { Routed } from "../../../src/model/call.ts";
import { NOTHING_ATTESTED } from "../../../src/model/exchange.ts";
import type { RegionLock } from "../../../src/model/region.ts";
import { type CompiledGroup, DEFAULT_HEALTH, type RuleTarget, type Target, type WeightedTarget } from "../../../src/model/snapshot.ts";
import { makeConstraint, makeRegionFacts } from "../../fakes/regions.ts";
import { makeRule } from "../routing/make-rule.ts";

export interface TargetParts {
  readonly region?: string | null;
  readonly fromHost?: string | null;
  readonly api?: ApiProfile | null;
  readonly model?: string | null;
}

/** A backend by its key; the region is the label's. */
export function makeTarget(key: string, parts: TargetParts = {}): Target {
  const backend: Backend = {
    key,
    kind: "XBackend",
    namespace: "team-a",
    name: key,
    origin: { scheme: "https", hostname: `${key}.example.com`, port: 443 },
    authority: `${key}.example.com`,
    protocol: "http1",
    mcp: false,
    tls: null,
    dns: PLAIN_DNS,
    timeouts: { connectMs: 3_000, firstByteMs: 20_000, streamIdleMs: 30_000 },
    credential: null,
    api: parts.api ?? null,
    region: makeRegionFacts(parts.region ?? null, parts.fromHost ?? null),
    retryBudget: null,
    concurrency: null,
    parent: null,
  };
  return { backend, model: parts.model ?? null, requestHeaders: null, responseHeaders: null, rewrite: null, limits: [] };
}

export function makeGroup(tiers: readonly (readonly (readonly [number, Target])[])[], attemptsPerTier: number | null = null): RuleTarget {
  const group: CompiledGroup = {
    id: "team-a/group",
    tiers: tiers.map((targets, at) => ({ name: `tier-${at}`, targets: targets.map(([weight, target]) => ({ weight, target })) })),
    failover: { statusCodes: new Set(), firstByteMs: null, attemptsPerTier },
    health: DEFAULT_HEALTH,
  };
  return { kind: "group", group };
}

export function weighted(weight: number, target: Target | RuleTarget): WeightedTarget {
  return { weight, target: "kind" in target ? target : { kind: "backend", target } };
}

export function makeApi(parts: Partial<ApiProfile> = {}): ApiProfile {
  return {
    schema: "OpenAI",
    provider: null,
    quirks: OPENAI_QUIRKS,
    apiVersion: null,
    project: null,
    location: null,
    maxOutputTokens: 4_096,
    prefix: null,
    models: [],
    onUnknownModel: "Pass",
    ...parts,
  };
}

export function makeLock(...constraints: readonly { readonly regions?: readonly string[]; readonly countries?: readonly string[] }[]): RegionLock {
  return {
    constraints: constraints.map((one, at) =>
      makeConstraint(`policies/lock-${at}`, { regions: new Set(one.regions ?? []), countries: new Set(one.countries ?? []) }),
    ),
  };
}

/** Only what planning reads of a call; the rest of `Routed` is other stages' business. */
export function makeRouted(targets: readonly WeightedTarget[], parts: { readonly lock?: RegionLock | null; readonly inference?: boolean } = {}): Routed {
  const known = {
    rule: makeRule({ action: { kind: "forward", targets } }),
    lock: parts.lock ?? null,
    chain: null,
    operation: { inference: parts.inference ?? false },
    handshake: null,
    exchange: { ...NOTHING_ATTESTED, protocol: "1.1", headers: [] },
  };
  return known as unknown as Routed; // a part of it, as said above
}
