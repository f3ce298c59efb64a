import fc from "fast-check";
import { expect, it } from "vitest";
import { prove } from "../../src/explain/prove.ts";
import type { HeaderList } from "../../src/index.ts";
import { CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { install } from "../pipeline/installation.ts";

const LONG = process.env["SPILLWAY_LONG"] === "1";
const CALLS = 12;

const EEA_AND_SWITZERLAND = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO CH".split(" ");

const EUROPEAN_UNION = EEA_AND_SWITZERLAND.filter((country) => !["IS", "LI", "NO", "CH"].includes(country));

/** Where a provider really processes a request, written by hand from the providers' pages and not from the tables under test. Null: anywhere on earth. */
type World = (path: string, body: Readonly<Record<string, unknown>> | null) => readonly string[] | null;

interface Destination {
  readonly hostname: string;
  readonly label?: string;
  /** Members of a RegionAttestation, as YAML. */
  readonly attestation?: string;
  /** Requests that stay in one place there. */
  readonly good: readonly (readonly [path: string, model: string | null])[];
  readonly world: World;
}

const bedrock =
  (own: string, profiles: Readonly<Record<string, readonly string[]>>): World =>
  (path) => {
    const [, id = ""] = /^\/model\/([^/]+)\//.exec(path) ?? [];
    const plain = decodeURIComponent(id);
    if (Object.hasOwn(profiles, plain)) return [own, ...(profiles[plain] ?? [])];
    return /^(?:anthropic|amazon|mistral)\.[a-z0-9-]+(?::0)?$/.test(plain) ? [own] : null;
  };

const DESTINATIONS: readonly Destination[] = [
  { hostname: "bedrock-runtime.eu-central-1.amazonaws.com", good: [["/model/anthropic.claude-x/converse", null]], world: bedrock("DE", {}) },
  {
    hostname: "bedrock-runtime.eu-west-1.amazonaws.com",
    good: [
      ["/model/eu.anthropic.claude-x/converse", null],
      ["/model/amazon.nova-pro-v1%3A0/converse", null],
    ],
    attestation: "inferenceProfiles: [{id: eu.anthropic.claude-x, destinationRegions: [eu-west-1, eu-central-2]}]",
    world: bedrock("IE", { "eu.anthropic.claude-x": ["IE", "CH"] }),
  },
  { hostname: "bedrock-runtime.us-east-1.amazonaws.com", good: [["/model/amazon.nova-pro-v1:0/converse-stream", null]], world: bedrock("US", {}) },
  { hostname: "eu.api.openai.com", good: [["/v1/chat/completions", "gpt-5.5"]], world: () => EEA_AND_SWITZERLAND },
  { hostname: "api.openai.com", good: [["/v1/chat/completions", "gpt-5.5"]], world: () => null },
  { hostname: "api.anthropic.com", good: [["/v1/messages", "claude-opus-4-6"]], world: (_path, body) => (body?.["inference_geo"] === "us" ? ["US"] : null) },
  { hostname: "api.eu.mistral.ai", good: [["/v1/chat/completions", "mistral-large-latest"]], world: () => EEA_AND_SWITZERLAND },
  {
    hostname: "contoso.openai.azure.com",
    good: [
      ["/openai/deployments/swedish/chat/completions?api-version=2024-10-21", null],
      ["/openai/deployments/zone/chat/completions?api-version=2024-10-21", null],
    ],
    attestation:
      "deployments: [{name: swedish, sku: Standard, location: swedencentral}, {name: zone, sku: DataZoneStandard, location: westeurope}, {name: world, sku: GlobalStandard, location: westeurope}]",
    world: (path) => {
      const [, name = ""] = /^\/openai\/deployments\/([^/]+)\//.exec(path) ?? [];
      if (name === "swedish") return ["SE"];
      return name === "zone" ? EUROPEAN_UNION : null;
    },
  },
  {
    hostname: "europe-west4-aiplatform.googleapis.com",
    good: [["/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent", null]],
    world: (path) => (path.includes("/locations/europe-west4/") && !path.includes("..") ? EUROPEAN_UNION : null),
  },
  {
    hostname: "inference.example",
    good: [
      ["/v1/chat/completions", "own"],
      ["/anything", null],
    ],
    label: "eu-central-1",
    world: () => ["DE"],
  },
  { hostname: "vault.example", good: [["/v1/chat/completions", "own"]], attestation: "processing: {countries: [CA]}", world: () => ["CA"] },
  { hostname: "nobody-knows.example", good: [["/v1/chat/completions", "own"]], world: () => null },
];

const requestPath = fc.oneof(
  fc.constantFrom(
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/files",
    "/openai/deployments/swedish/chat/completions?api-version=2024-10-21",
    "/openai/deployments/zone/chat/completions?api-version=2024-10-21",
    "/openai/deployments/world/chat/completions?api-version=2024-10-21",
    "/openai/deployments/swedish/../world/chat/completions",
    "/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent",
    "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent",
    "/v1/projects/p/locations/europe-west4/../global/publishers/google/models/gemini-2.5-flash:generateContent",
  ),
  fc
    .tuple(
      fc.constantFrom(
        "anthropic.claude-x",
        "amazon.nova-pro-v1:0",
        "amazon.nova-pro-v1%3A0",
        "eu.anthropic.claude-x",
        "global.anthropic.claude-x",
        "us.anthropic.claude-x",
        "ca.unknown.model",
        "arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aapplication-inference-profile%2Fx",
      ),
      fc.constantFrom("converse", "invoke", "converse-stream"),
    )
    .map(([id, verb]) => `/model/${id}/${verb}`),
);
const requestBody = fc.record({
  model: fc.constantFrom("gpt-5.5", "gpt-4o", "claude-opus-4-6", "claude-3-opus", "mistral-large-latest", "zone", "unknown"),
  messages: fc.constant([{ role: "user", content: "hello" }]),
  extra: fc.constantFrom({}, { inference_geo: "us" }, { inference_geo: "global" }, { store: true }, { tools: [{ type: "web_search" }] }, { store: false }),
});
const call = fc.record({ path: requestPath, body: requestBody, rule: fc.nat(2), isOther: fc.boolean(), wellBehaved: fc.option(fc.nat(11), { freq: 3 }) });

/** A request as one of the rule's destinations wants it. */
function goodCall(members: readonly number[], pick: number) {
  const all = members.flatMap((at) => DESTINATIONS[at]?.good ?? []);
  const [path, model] = all[pick % all.length] ?? ["/", null];
  const converse = path.startsWith("/model/")
    ? { messages: [{ role: "user", content: [{ text: "hello" }] }] }
    : { messages: [{ role: "user", content: "hello" }] };
  const gemini = path.includes(":generateContent") ? { contents: [{ role: "user", parts: [{ text: "hello" }] }] } : converse;
  return { path, body: { ...(model === null ? {} : { model }), ...(path.startsWith("/v1/chat") ? { store: false } : {}), ...gemini, extra: {} } };
}

const lock = fc.record({
  target: fc.constantFrom("Gateway", "Route", "Namespace"),
  allow: fc.constantFrom(
    "{jurisdictions: [EU]}",
    "{jurisdictions: [EEA+CH]}",
    "{jurisdictions: [US]}",
    "{countries: [DE, IE, CH]}",
    "{countries: [CA], regions: [eu]}",
    "{regions: [eu-central-1]}",
  ),
  minimum: fc.constantFrom("Label", "Label", "Attested", "Host"),
  maxAge: fc.constantFrom("", ", maxAge: 240h", ", maxAge: 2400h"),
});
const world = fc.record({
  rules: fc.array(fc.uniqueArray(fc.nat(DESTINATIONS.length - 1), { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
  locks: fc.array(lock, { minLength: 1, maxLength: 2 }),
});

function manifestsOf({
  rules,
  locks,
}: {
  readonly rules: readonly (readonly number[])[];
  readonly locks: readonly { target: string; allow: string; minimum: string; maxAge: string }[];
}): string {
  const used = [...new Set(rules.flat())];
  const documents = used.flatMap((at) => {
    const { hostname, label, attestation } = DESTINATIONS[at] ?? { hostname: "" };
    const labels = label === undefined ? "" : `, labels: {topology.kubernetes.io/region: ${label}}`;
    const backend = `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: b${at}, namespace: team-a${labels}}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${hostname}}\n  port: {port: 443}\n  protocol: HTTP\n  tls: {mode: ServerOnly, validation: {hostname: ${hostname}, wellKnownCACertificates: System}}`;
    if (attestation === undefined) return [backend];
    return [
      backend,
      `apiVersion: spillway.dev/v1alpha1\nkind: RegionAttestation\nmetadata: {name: a${at}, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, namespace: team-a, name: b${at}}]\n  checkedAt: "2026-11-01"\n  source: a contract\n  ${attestation}`,
    ];
  });
  const policies = locks.map(({ target, allow, minimum, maxAge }, at) => {
    const ref =
      target === "Gateway"
        ? "{group: gateway.networking.k8s.io, kind: Gateway, name: egress}"
        : target === "Route"
          ? "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route, sectionName: r0}"
          : '{group: "", kind: Namespace, name: team-b}';
    return `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: lock-${at}, namespace: ${target === "Route" ? "team-a" : "egress-system"}}\nspec:\n  targetRefs: [${ref}]\n  allow: ${allow}\n  evidence: {minimum: ${minimum}${maxAge}}`;
  });
  const ruleTexts = rules.map(
    (members, at) =>
      `  - name: r${at}\n    matches: [{path: {type: PathPrefix, value: /r${at}}}]\n    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]\n    backendRefs: [${members.map((member) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: b${member}, port: 443}`).join(", ")}]`,
  );
  return testManifests({ backends: [], rules: ruleTexts.join("\n"), more: [...documents, ...policies].join("\n---\n") });
}

it("no request gets to a country that prove does not list, whatever it says and whoever sends it", { timeout: 3_600_000 }, async () => {
  let within = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(world, fc.array(call, { minLength: CALLS, maxLength: CALLS }), fc.integer({ min: 0, max: 1_000 }), async (configuration, calls, seed) => {
      let draw = seed;
      const random = (): number => {
        draw = (draw * 16807 + 11) % 2147483647;
        return (draw % 1000) / 1000;
      };
      const one = install(null, { random });
      const { snapshot, faults } = one.load(manifestsOf(configuration));
      if (snapshot === null) throw new Error(JSON.stringify(faults));
      const proof = prove(snapshot, { now: one.clock.now(), here: null });
      for (const { rule, isOther, ...asked } of calls) {
        const { path, body } = asked.wellBehaved === null ? asked : goodCall(configuration.rules[rule] ?? [], asked.wellBehaved);
        const before = one.transport.sent.length;
        const { extra, ...plain } = body;
        const headers: HeaderList = ["authorization", `Bearer ${isOther ? OTHER_TOKEN : CALLER_TOKEN}`, "content-type", "application/json"];
        await one.call({ target: `/r${rule}${path}`, headers, body: JSON.stringify({ ...plain, ...extra }) });
        const namespace = isOther ? "team-b" : "team-a";
        const ofRule = proof.rules.filter((proven) => proven.rule === `team-a/route/r${rule}`);
        const proven = ofRule.find(({ callers }) => callers.namespaces.includes(namespace)) ?? ofRule.find(({ callers }) => callers.others);
        if (proven === undefined) throw new Error("there is a class for every caller");
        const left = one.transport.sent.slice(before);
        if (left.length === 0) refused += 1;
        for (const { request, body: text } of left) {
          if (proven.countries === null) continue;
          within += 1;
          const destination = DESTINATIONS.find(({ hostname }) => hostname === request.origin.hostname);
          const landed = destination?.world(request.path, text === null ? null : (JSON.parse(text) as Readonly<Record<string, unknown>>)) ?? null;
          // A lock may name a region without its country, as `eu` or `eu-central-1`: the proof lists the countries all the same.
          expect(landed, `${request.origin.hostname}${request.path} may be processed anywhere`).not.toBeNull();
          expect(proven.countries).toEqual(expect.arrayContaining([...(landed ?? [])]));
          // And nobody is called of whom the proof says that he is not.
          const named = proven.destinations.find(({ host }) => host === request.origin.hostname);
          expect(named?.places.length).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: LONG ? 20_000 : 120 },
  );
  console.log(`prove law: ${within} within a lock, ${refused} refused`);
  // The law must not hold for want of cases.
  expect(within).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(100);
});
