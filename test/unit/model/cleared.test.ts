import { describe, expect, it } from "vitest";
import type { Backend, ParentProfile } from "../../../src/model/backend.ts";
import { PLAIN_DNS } from "../../../src/model/backend.ts";
import { outsideFault } from "../../../src/model/bound-credential.ts";
import { clear, placeFault, weighBackend, weighReach } from "../../../src/model/cleared.ts";
import type { BrokerPlace } from "../../../src/model/exchange.ts";
import type { BoundOutlets, Located, RegionLock } from "../../../src/model/region.ts";
import type { Secret, SecretLocation, SecretReference } from "../../../src/model/secret.ts";
import type { TokenEndpoint } from "../../../src/model/token-plan.ts";
import { makeConstraint, makeRegionFacts } from "../../fakes/regions.ts";
import { fakeReference } from "../../fakes/secret-store.ts";

const place = (country: string | null, region: string | null = null): Located => ({
  countries: country === null ? null : [country],
  regions: region === null ? [] : [region],
  evidence: "host",
  rule: `test.${country}`,
  checkedAt: null,
  reason: `documented in ${country}`,
});
const GERMANY: RegionLock = { constraints: [makeConstraint("a/de", { countries: new Set(["DE"]) })] };
const germanyBinding = (binds: Partial<BoundOutlets>): RegionLock => ({
  constraints: GERMANY.constraints.map((constraint) => ({ ...constraint, binds: { ...constraint.binds, ...binds } })),
});
const FRANKFURT: BrokerPlace = { region: "eu-central-1", country: null };
const VIRGINIA: BrokerPlace = { region: "us-east-1", country: null };
const NOWHERE: BrokerPlace = { region: null, country: null };

const backend: Backend = {
  key: "XBackend/a/b",
  kind: "XBackend",
  namespace: "a",
  name: "b",
  origin: { scheme: "https", hostname: "backend.example", port: 443 },
  authority: "backend.example",
  protocol: "http1",
  mcp: false,
  tls: null,
  dns: PLAIN_DNS,
  timeouts: { connectMs: 1, firstByteMs: 1, streamIdleMs: 1 },
  credential: null,
  api: null,
  region: makeRegionFacts("eu-central-1"),
  retryBudget: null,
  concurrency: null,
  parent: null,
};
const candidateOf = (changes: Partial<Backend>) => ({
  target: { backend: { ...backend, ...changes }, model: null, requestHeaders: null, responseHeaders: null, rewrite: null, limits: [] },
  tier: 0,
  failover: null,
  health: { consecutiveFailures: 3, evictForMs: 1, maxEvictForMs: 1 },
});

describe("the first place of a backend that a lock allows", () => {
  const reachOf = (...reach: Located[]) => weighReach({ reach }, GERMANY);

  it("counts, wherever it stands", () => {
    expect(reachOf(place("DE"), place("US"))).toMatchObject({ decision: "allow", rule: "test.DE" });
    expect(reachOf(place("US"), place("FR"), place("DE"))).toMatchObject({ decision: "allow", rule: "test.DE" });
  });

  it("is not there where no place is inside, and then the first one says why", () => {
    expect(reachOf(place("US"), place("FR"))).toMatchObject({ decision: "deny", rule: "test.US" });
    const unknown = reachOf();
    expect(unknown).toMatchObject({ decision: "deny", rule: "unknown", countries: null });
    expect(unknown.reason).toContain("nothing says where the backend processes");
  });

  it("is the first of all where no lock binds", () => {
    expect(weighReach({ reach: [place("US"), place("DE")] }, null)).toMatchObject({ decision: "unlocked", rule: "test.US" });
  });
});

describe("a candidate", () => {
  it("is cleared with its lock and the evidence, and is otherwise what it was", () => {
    const candidate = candidateOf({});
    expect(clear(candidate, GERMANY)).toEqual({
      ok: true,
      cleared: { ...candidate, lock: GERMANY, evidence: expect.objectContaining({ decision: "allow", regions: ["eu-central-1"] }) },
    });
    expect(clear(candidate, null)).toMatchObject({ ok: true, cleared: { lock: null, evidence: { decision: "unlocked" } } });
  });

  it("is denied where its lock denies the place, with the evidence", () => {
    const denied = clear(candidateOf({ region: makeRegionFacts("us-east-1") }), GERMANY);
    expect(denied).toEqual({ ok: false, evidence: expect.objectContaining({ decision: "deny", policies: ["a/de"] }) });
  });

  it("is denied where what its credential is made of lies outside", () => {
    const credential = { type: "bearer", secret: fakeReference(), beside: null, stripClientCredentials: true } as const;
    const lock = germanyBinding({ secretSources: true });
    expect(clear(candidateOf({ credential }), lock, FRANKFURT).ok).toBe(true);
    expect(clear(candidateOf({ credential }), lock, VIRGINIA)).toEqual({
      ok: false,
      evidence: expect.objectContaining({ decision: "deny", rule: "also.secretSources", policies: ["a/de"] }),
    });
  });
});

describe("a parent", () => {
  const identity = { signingKey: fakeReference(), audience: "up", ttlSeconds: 60, issuer: null };
  const required: ParentProfile = { identity, maxHops: 1, region: "Require" };
  const unknown = { ...makeRegionFacts(null), reach: [] };
  const ruleOf = (parent: ParentProfile | null, lock: RegionLock | null, region = unknown) => weighBackend({ region, parent }, lock).rule;

  it("promises where nothing is known of it, it is asked for its answer, it knows this broker, and a lock binds", () => {
    expect(ruleOf(required, GERMANY)).toBe("parent.promise");
    expect(ruleOf(null, GERMANY)).toBe("unknown");
    expect(ruleOf({ ...required, region: "Prefer" }, GERMANY)).toBe("unknown");
    expect(ruleOf({ ...required, identity: null }, GERMANY)).toBe("unknown");
    expect(weighBackend({ region: unknown, parent: required }, null)).toMatchObject({ decision: "unlocked", rule: "unknown" });
    expect(weighBackend({ region: unknown, parent: required }, { constraints: [] })).toMatchObject({ decision: "unlocked", rule: "unknown" });
  });

  it("is believed no promise where its place is known", () => {
    const here = { ...unknown, reach: [place("US")] };
    expect(weighBackend({ region: here, parent: required }, GERMANY)).toMatchObject({ decision: "deny", rule: "test.US" });
  });
});

describe("a lock that binds the broker", () => {
  it("keeps one outside from serving, and one of which nothing is known", () => {
    const lock = germanyBinding({ broker: true });
    expect(placeFault(FRANKFURT, lock)).toBeNull();
    expect(placeFault({ region: null, country: "DE" }, lock)).toBeNull();
    expect(placeFault(VIRGINIA, lock)).toContain("the broker runs in us-east-1, which RegionPolicy a/de does not allow");
    expect(placeFault({ region: null, country: "US" }, lock)).toContain("the broker runs in US");
    expect(placeFault(NOWHERE, lock)).toContain("where it runs is not known");
  });

  it("is each of its constraints: one that does not bind hides none that does", () => {
    const [free] = GERMANY.constraints;
    const [bound] = germanyBinding({ broker: true }).constraints;
    if (free === undefined || bound === undefined) throw new Error("no constraint");
    expect(placeFault(VIRGINIA, { constraints: [free, bound] })).not.toBeNull();
    expect(placeFault(VIRGINIA, GERMANY)).toBeNull();
    expect(placeFault(VIRGINIA, null)).toBeNull();
  });
});

describe("where something lies", () => {
  const regional = makeConstraint("a/b", { regions: new Set(["made-up"]), countries: new Set(["DE"]) });
  it.each<readonly [BrokerPlace, "unknown" | "outside" | null]>([
    [{ region: "made-up", country: null }, null],
    [{ region: "eu-central-1", country: null }, null],
    [{ region: "us-east-1", country: null }, "outside"],
    [{ region: "never-heard-of", country: null }, "outside"],
    [{ region: "us-east-1", country: "DE" }, "outside"],
    [{ region: null, country: "DE" }, null],
    [{ region: null, country: "US" }, "outside"],
    [{ region: null, country: null }, "unknown"],
  ])("%j is %s", (where, fault) => {
    expect(outsideFault(where, regional)).toBe(fault);
  });
});

describe("a lock that binds what credentials are made of", () => {
  const reference = (location: SecretLocation): SecretReference => ({ ...fakeReference(), id: "SecretSource/a/key", location });
  const deniedBy = (secret: SecretReference, lock: RegionLock, here: BrokerPlace | null): string | null => {
    const credential = { type: "bearer", secret, beside: null, stripClientCredentials: true } as const;
    const clearance = clear(candidateOf({ credential }), lock, here);
    return clearance.ok ? null : `${clearance.evidence.rule}: ${clearance.evidence.reason}`;
  };
  const sources = germanyBinding({ secretSources: true });
  const aws = (region: string) => reference({ provider: "awsSecretsManager", secretId: "s", region, versionStage: "AWSCURRENT", jsonKey: null });
  const google = (location: string | null) => reference({ provider: "googleSecretManager", name: "projects/p/secrets/s", location, jsonKey: null });
  const inFile = reference({ provider: "file", path: "/key", jsonKey: null });

  it("asks where a secret is kept", () => {
    expect([deniedBy(aws("eu-central-1"), sources, VIRGINIA), deniedBy(google("europe-west3"), sources, VIRGINIA)]).toEqual([null, null]);
    expect(deniedBy(aws("us-east-1"), sources, FRANKFURT)).toMatch(/^also\.secretSources: .*SecretSource\/a\/key is kept in us-east-1/);
    expect(deniedBy(google("us-east1"), sources, FRANKFURT)).toContain("is kept in us-east1");
    expect(deniedBy(google(null), sources, FRANKFURT)).toContain("nothing says in which region SecretSource/a/key is kept");
    expect(deniedBy(aws("us-east-1"), GERMANY, FRANKFURT)).toBeNull();
  });

  it("takes what lies beside the broker to be where the broker runs, and leaves it to those who know where that is", () => {
    expect([deniedBy(inFile, sources, FRANKFURT), deniedBy(inFile, sources, null)]).toEqual([null, null]);
    expect(deniedBy(inFile, sources, VIRGINIA)).toContain("is kept in us-east-1");
    expect(deniedBy(inFile, sources, { region: null, country: "US" })).toContain("is kept in US");
    expect(deniedBy(inFile, sources, NOWHERE)).toContain("nothing says in which region");
  });

  const endpoint = (local: boolean, ...reach: Located[]): TokenEndpoint => ({
    origin: { scheme: "https", hostname: "idp.example", port: 443 },
    authority: "idp.example",
    path: "/token",
    tls: null,
    dns: PLAIN_DNS,
    reach,
    local,
  });
  const token = (one: TokenEndpoint) => reference({ provider: "token", plan: { flow: "awsContainer", endpoint: one, authorization: null }, subject: null });
  const endpoints = germanyBinding({ tokenEndpoints: true });

  it("asks where tokens come from: every place of the endpoint must be inside", () => {
    expect(deniedBy(token(endpoint(false, place("DE"))), endpoints, VIRGINIA)).toBeNull();
    expect(deniedBy(token(endpoint(false, place("DE"), place("US", "us-east-1"))), endpoints, FRANKFURT)).toMatch(
      /^also\.tokenEndpoints: .*idp\.example may be in us-east-1/,
    );
    expect(deniedBy(token(endpoint(false, place(null, "eu-central-1"))), endpoints, FRANKFURT)).toContain("may be in eu-central-1");
    expect(deniedBy(token(endpoint(false)), endpoints, FRANKFURT)).toContain("nothing says in which region idp.example is");
    expect(deniedBy(token(endpoint(false)), GERMANY, FRANKFURT)).toBeNull();
  });

  it("takes an endpoint of the own machine to be where the broker runs", () => {
    expect([deniedBy(token(endpoint(true)), endpoints, FRANKFURT), deniedBy(token(endpoint(true)), endpoints, null)]).toEqual([null, null]);
    expect(deniedBy(token(endpoint(true)), endpoints, VIRGINIA)).toContain("the broker, which runs outside");
    expect(deniedBy(token(endpoint(true)), endpoints, NOWHERE)).toContain("where the broker itself runs is not known");
  });

  it("is each of its constraints: one that binds nothing hides none that does", () => {
    const lock = { constraints: [...GERMANY.constraints, ...sources.constraints] };
    expect(deniedBy(aws("us-east-1"), lock, FRANKFURT)).not.toBeNull();
  });
});

/** A secret that a manifest holds lies where the broker runs, as a mounted one does. */
it("a Kubernetes secret lies where the broker runs", () => {
  const inline: Secret | null = null;
  const secret: SecretReference = { ...fakeReference(), location: { provider: "kubernetesSecret", namespace: "a", name: "n", key: "k", inline } };
  const credential = { type: "bearer", secret, beside: null, stripClientCredentials: true } as const;
  expect(clear(candidateOf({ credential }), germanyBinding({ secretSources: true }), VIRGINIA).ok).toBe(false);
});
