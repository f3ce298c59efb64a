import { describe, expect, it } from "vitest";
import { readChain } from "../../../src/identity/read-chain.ts";
import type { Caller } from "../../../src/model/caller.ts";
import type { InboundChain } from "../../../src/model/chain.ts";
import { Refusal } from "../../../src/model/errors.ts";

const HOPS = "?1;hop=1;max=2;retry=parent";
const BROKER: Caller = { namespace: "team-a", serviceAccount: null, workload: null, proof: { kind: "broker", issuer: "edge", actors: ["child-1"] } };
const PERSON: Caller = { ...BROKER, proof: { kind: "jwt", issuer: "edge" } };
const LONGEST_REGION = `a${"-".repeat(61)}b`;

const read = (value: string): InboundChain | null => readChain(["accept", "*/*", "Egress-Chain", value], BROKER);

/** What the broker is told; anything else than a refusal fails the test. */
function refusal(headers: readonly string[]): { readonly code: string; readonly detail: string } {
  try {
    readChain(headers, BROKER);
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, detail: error.detail };
    throw error;
  }
  throw new Error("the header was taken");
}

const malformed = (what: string) => ({ code: "request_malformed", detail: `Egress-Chain of a broker's call: ${what}.` });

describe("what a broker says of a call that it hands on", () => {
  it("is how many brokers it has passed, how many it may pass, and no lock where it names none", () => {
    expect(read(HOPS)).toEqual({ child: "edge", hop: 1, maxHops: 2, constraint: null });
  });

  it.each([
    [1, 1],
    [2, 2],
    [1, 16],
    [16, 16],
  ])("may be hop %i of %i", (hop, max) => {
    expect(read(`?1;hop=${hop};max=${max};retry=parent`)).toMatchObject({ hop, maxHops: max });
  });

  it("means nothing when anybody else says it", () => {
    for (const headers of [[], ["egress-chain", HOPS], ["egress-chain", "nonsense", "egress-chain", HOPS]]) expect(readChain(headers, PERSON)).toBeNull();
  });

  it.each<[string, readonly string[]]>([
    ["missing", []],
    ["sent twice", ["egress-chain", HOPS, "egress-chain", HOPS]],
    ["longer than 2,048 characters", ["egress-chain", HOPS.padEnd(2_049)]],
  ])("is refused when it is %s", (_name, headers) => {
    expect(refusal(headers)).toEqual(malformed("it must be there exactly once"));
  });

  it("may be 2,048 characters long", () => {
    expect(read(HOPS.padEnd(2_048))).toMatchObject({ hop: 1 });
  });

  it.each([
    "",
    "(",
    "?0;hop=1;max=2;retry=parent",
    "1;hop=1;max=2;retry=parent",
    "yes;hop=1;max=2;retry=parent",
    '"?1";hop=1;max=2;retry=parent',
    `${HOPS}, ${HOPS}`,
  ])("is refused when it reads %s", (value) => {
    expect(refusal(["egress-chain", value])).toEqual(malformed("it is not the structured field ?1 with parameters"));
  });

  it.each(["", "=0", "=-1", "=17", "=x", '="1"', "=?1"])("is refused when hop or max is %j", (count) => {
    expect(refusal(["egress-chain", `?1;hop${count};max=2;retry=parent`])).toEqual(malformed("hop must be a number from 1 to 16"));
    expect(refusal(["egress-chain", `?1;hop=1;max${count};retry=parent`])).toEqual(malformed("max must be a number from 1 to 16"));
  });

  it("is refused when it counts nothing", () => {
    expect(refusal(["egress-chain", "?1;max=2;retry=parent"])).toEqual(malformed("hop must be a number from 1 to 16"));
    expect(refusal(["egress-chain", "?1;hop=1;retry=parent"])).toEqual(malformed("max must be a number from 1 to 16"));
  });

  it.each(["", ";retry", ";retry=child", ';retry="parent"', ";retry=1"])("is refused when it says %j of who tries again", (retry) => {
    expect(refusal(["egress-chain", `?1;hop=1;max=2${retry}`])).toEqual(malformed("retry must be parent"));
  });

  it("is a loop one hop beyond what a broker allows, whatever its lock says", () => {
    expect(refusal(["egress-chain", `?1;hop=3;max=2;retry=parent;regions="DE"`])).toEqual({
      code: "egress_loop",
      detail: "This call has passed 3 brokers, and one of them allows 2 (BackendConnectionPolicy parent.maxHops).",
    });
  });
});

describe("a broker's lock", () => {
  const constraint = (parameters: string) => read(`${HOPS};${parameters}`)?.constraint;
  const binds = { broker: false, secretSources: false, tokenEndpoints: false, mirrors: true, telemetry: false, eventSinks: false, authCallouts: false };

  it("is a constraint under the broker's name, which binds the call and its mirrors, and this broker only where it says so", () => {
    const locked = {
      regions: new Set(["eu-west-3", "europe"]),
      countries: new Set(["DE", "FR"]),
      policy: "broker/edge",
      minimumEvidence: "label",
      maxAgeMs: null,
      binds,
    };
    const regions = 'regions="DE eu-west-3 FR europe"';
    expect(constraint(regions)).toEqual(locked);
    expect(constraint(`${regions};broker=?0`)).toEqual(locked);
    expect(constraint(`${regions};broker`)).toEqual({ ...locked, binds: { ...binds, broker: true } });
  });

  it.each(["a", "7", "ab", "1-2", LONGEST_REGION])("takes %s for a region", (name) => {
    expect(constraint(`regions="${name}"`)).toMatchObject({ regions: new Set([name]), countries: new Set() });
  });

  it("takes two capitals for a country", () => {
    expect(constraint('regions="DE"')).toMatchObject({ regions: new Set(), countries: new Set(["DE"]) });
  });

  it.each(["", " DE", "DE ", "DE  FR", "D", "DEU", "ADE", "De", "dE", "-a", "a-", "a_b", "a.b", "eu-west-3!", "!eu-west-3", "DE,FR", `${LONGEST_REGION}b`])(
    "is refused when it names %j: what is no place would be passed over otherwise",
    (names) => {
      expect(refusal(["egress-chain", `${HOPS};regions="${names}"`])).toEqual(
        malformed("regions must be names of regions and countries, one space between them"),
      );
    },
  );

  it.each(["regions", "regions=DE", "regions=12"])("is refused when it stands there as %s", (regions) => {
    expect(refusal(["egress-chain", `${HOPS};${regions}`])).toEqual(malformed("regions must be a string"));
  });

  it.each(["broker=1", "broker=yes", 'broker="true"'])("is refused when it says %s", (broker) => {
    for (const rest of ["", ';regions="DE"']) expect(refusal(["egress-chain", `${HOPS};${broker}${rest}`])).toEqual(malformed("broker must be a boolean"));
  });

  it.each(["broker", "broker=?0"])("is refused when it says %s of no regions", (broker) => {
    expect(refusal(["egress-chain", `${HOPS};${broker}`])).toEqual(malformed("broker stands there without regions"));
  });
});
