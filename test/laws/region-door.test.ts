import { expect, it } from "vitest";
import type { RegionLock } from "../../src/index.ts";
import { targetFault } from "../../src/lib/request-target.ts";
import { weigh } from "../../src/model/weigh.ts";
import { locate } from "../../src/transport/locate/locate.ts";
import { prepareLocked } from "../../src/transport/locate/prepare-locked.ts";
import { reachOf } from "../../src/transport/locate/reach-of.ts";
import { outbound, tlsProfile } from "../fakes/outbound.ts";
import { makeAttestation, makeConstraint } from "../fakes/regions.ts";
import { hostileRequest, seeded } from "./hostile-requests.ts";
import { PROFILE, whereProcessed } from "./naive-provider.ts";

const CASES = Number(process.env["SPILLWAY_FUZZ"] ?? 60_000);
const SEED = Number(process.env["SPILLWAY_SEED"] ?? 20_261_123);

const ATTESTED: Readonly<Record<string, ReturnType<typeof makeAttestation>>> = {
  "bedrock-runtime.eu-central-1.amazonaws.com": makeAttestation({
    inferenceProfiles: [{ id: PROFILE, sourceRegion: "eu-central-1", destinationRegions: ["eu-central-1", "eu-north-1"] }],
  }),
  "contoso.openai.azure.com": makeAttestation({
    deployments: [
      { name: "regional", sku: "Standard", location: "swedencentral" },
      { name: "global", sku: "GlobalStandard", location: "swedencentral" },
    ],
  }),
};
const LABELS: Readonly<Record<string, string>> = { "inference.europe.example": "eu-central-1", "inference.america.example": "us-east-1" };
const PLACES: Readonly<Record<string, readonly string[]>> = { "inference.europe.example": ["DE"], "inference.america.example": ["US"] };

const EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" ");
const ALLOWED: readonly (readonly string[])[] = [["US"], ["DE"], ["DE", "SE"], EU, [...EU, "CH", "IS", "LI", "NO"], [...EU, "US"]];
const LOCKS: readonly { readonly countries: ReadonlySet<string>; readonly lock: RegionLock }[] = ALLOWED.map((countries) => ({
  countries: new Set(countries),
  lock: { constraints: [makeConstraint("test/lock", { countries: new Set(countries) })] },
}));
const NOW = Date.UTC(2026, 10, 23);

it(`T16: lets none of ${CASES} requests through that any reader could process outside the lock`, { timeout: 36_000_000 }, () => {
  const random = seeded(SEED);
  let allowed = 0;
  for (let index = 0; index < CASES; index += 1) {
    const hostile = hostileRequest(random);
    const attestations = ATTESTED[hostile.host] === undefined ? [] : [ATTESTED[hostile.host] ?? makeAttestation()];
    const declared = LABELS[hostile.host] ?? null;
    const bytes = Buffer.from(hostile.body);
    const draft = {
      hostname: hostile.host,
      method: hostile.method,
      path: hostile.path,
      headers: ["host", random() < 0.02 ? "api.openai.com" : hostile.host, ...hostile.headers],
      body: { kind: "bytes", bytes } as const,
    };
    const ready = random() < 0.5 ? draft : prepareLocked(draft, attestations);
    const tls = tlsProfile({ serverName: hostile.host, ca: random() < 0.02 ? "PEM" : null });
    const origin = { scheme: "https", hostname: hostile.host, port: random() < 0.02 ? 8443 : 443 } as const;
    const request = outbound(443, { ...ready, origin, tls });
    // Dot segments in any spelling do not get as far as the rules of places.
    if (targetFault(request.path) !== null) continue;
    const located = locate(request, { declared, attestations });
    const known = reachOf({ origin, tls, declared, attestations });
    const { countries, lock } = LOCKS[Math.floor(random() * LOCKS.length)] ?? LOCKS[0] ?? { countries: new Set<string>(), lock: { constraints: [] } };
    // What nobody knows no lock allows, and what the door finds planning has known.
    if (located.countries === null) expect(weigh(located, lock, NOW).decision).toBe("deny");
    else expect(known.some((place) => located.countries?.every((country) => place.countries?.includes(country)))).toBe(true);
    if (weigh(located, lock, NOW).decision !== "allow") continue;
    allowed += 1;
    const { body } = request;
    const headers = Array.from({ length: request.headers.length / 2 }, (_, at) => [request.headers[2 * at] ?? "", request.headers[2 * at + 1] ?? ""] as const);
    const arrived = {
      host: request.headers[1] ?? "",
      path: request.path,
      headers,
      body: body.kind === "bytes" ? Buffer.from(body.bytes).toString() : "",
    };
    const place = whereProcessed(arrived, PLACES);
    if (place === null || !place.every((country) => countries.has(country))) {
      throw new Error(`seed ${SEED}, case ${index}: ${JSON.stringify({ arrived, located, place })}`);
    }
  }
  console.log(`region door: ${CASES} requests, ${allowed} let through`);
  expect(allowed).toBeGreaterThan(CASES / 50);
});
