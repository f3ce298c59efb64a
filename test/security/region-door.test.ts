import { describe, expect, it } from "vitest";
import type { OutboundRequest, RegionLock } from "../../src/index.ts";
import { regionNames } from "../../src/model/region-data.ts";
import { weigh } from "../../src/model/weigh.ts";
import { locate } from "../../src/transport/locate/locate.ts";
import { prepareLocked } from "../../src/transport/locate/prepare-locked.ts";
import { reachOf } from "../../src/transport/locate/reach-of.ts";
import { outbound, tlsProfile } from "../fakes/outbound.ts";
import { makeConstraint } from "../fakes/regions.ts";
import { anthropicCases } from "../vectors/region-cases/anthropic-cases.ts";
import { azureCases } from "../vectors/region-cases/azure-cases.ts";
import { bedrockCases } from "../vectors/region-cases/bedrock-cases.ts";
import { openaiCases } from "../vectors/region-cases/openai-cases.ts";
import { otherCases } from "../vectors/region-cases/other-cases.ts";
import type { RegionCase } from "../vectors/region-cases/region-case.ts";
import { vertexCases } from "../vectors/region-cases/vertex-cases.ts";

const CASES: readonly RegionCase[] = [...bedrockCases, ...vertexCases, ...openaiCases, ...anthropicCases, ...azureCases, ...otherCases];
const NOW = Date.UTC(2026, 10, 23);
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
/** Allows every country and every region that there is: what it denies is denied by every lock. */
const ANYWHERE: RegionLock = {
  constraints: [
    makeConstraint("test/anywhere", {
      regions: new Set(regionNames()),
      countries: new Set(LETTERS.flatMap((first) => LETTERS.map((second) => first + second))),
    }),
  ],
};
const only = (countries: readonly string[]): RegionLock => ({ constraints: [makeConstraint("test/only", { countries: new Set(countries) })] });

function requestOf(one: RegionCase): OutboundRequest {
  const { host, path, port = 443, method = "POST", plaintext, ca, serverName } = one;
  const bytes = one.body === null ? null : Buffer.from(typeof one.body === "string" ? one.body : JSON.stringify(one.body));
  const given = one.headers ?? [];
  const named = (name: string) => given.some((header, index) => index % 2 === 0 && header === name);
  const headers = [...(named("host") ? [] : ["host", host]), ...(named("content-type") ? [] : ["content-type", "application/json"]), ...given];
  const tls = plaintext === true ? null : tlsProfile({ serverName: serverName ?? host, ca: ca ?? null });
  const origin = { scheme: tls === null ? "http" : "https", hostname: host, port } as const;
  const body: OutboundRequest["body"] =
    bytes === null
      ? { kind: "none" }
      : one.streamed === true
        ? { kind: "stream", length: bytes.length, replayable: () => true, overflowed: () => false, open: async function* open() {} }
        : { kind: "bytes", bytes };
  const request = outbound(port, { origin, method, path, headers, body, tls, upgrade: one.upgrade === true ? "websocket" : null });
  if (one.prepared !== true) return request;
  return { ...request, ...prepareLocked({ hostname: host, method, path, headers, body }, one.attestations ?? []) };
}

describe(`the last door finds ${CASES.length} requests where they would be processed`, () => {
  it.each(CASES.map((one): readonly [string, RegionCase] => [one.name, one]))("%s", (_name, one) => {
    const declared = one.label ?? null;
    const attestations = one.attestations ?? [];
    const request = requestOf(one);
    const located = locate(request, { declared, attestations });
    if (one.expected.startsWith("deny ")) {
      expect({ countries: located.countries, rule: located.rule }).toEqual({ countries: null, rule: one.expected.slice(5) });
      expect(weigh(located, ANYWHERE, NOW).decision).toBe("deny");
      return;
    }
    expect([...(located.countries ?? [])].sort().join(",")).toBe(one.expected);
    const countries = one.expected.split(",");
    expect(weigh(located, only(countries), NOW).decision).toBe("allow");
    // One country less, and it is outside.
    expect(weigh(located, only(countries.slice(1)), NOW).decision).toBe("deny");
    // Planning knew of this place, and thought no better of it.
    const reach = reachOf({ origin: request.origin, tls: request.tls, declared, attestations });
    expect(reach.some((place) => countries.every((country) => place.countries?.includes(country)))).toBe(true);
  });

  it.each([
    ["//v1/chat/completions", "empty or a dot segment"],
    ["/v1/./chat/completions", "empty or a dot segment"],
    ["/v1/../v1/chat/completions", "empty or a dot segment"],
    ["/v1/chat;x=1/completions", "read in several ways"],
    ["/v1/chat%2ecompletions", "escape"],
    ["v1/chat/completions", "begin with a slash"],
  ])("says what is wrong with the path %s of a provider", (path, reason) => {
    const one: RegionCase = { name: "", host: "eu.api.openai.com", path, body: { model: "gpt-4o", messages: [] }, expected: "" };
    expect(locate(requestOf(one), { declared: null, attestations: [] }).reason).toContain(reason);
  });

  it("names no case twice with two answers, and there are enough of them", () => {
    expect(CASES.length).toBeGreaterThanOrEqual(300);
    const rules = new Set(CASES.filter((one) => one.expected.startsWith("deny ")).map((one) => one.expected));
    expect(rules.size).toBeGreaterThan(40);
  });
});
