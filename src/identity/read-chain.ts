import { findAll } from "../lib/header-list.ts";
import { type BareItem, parseItem } from "../lib/structured-item.ts";
import type { Caller } from "../model/caller.ts";
import { type InboundChain, MAX_HOPS } from "../model/chain.ts";
import { Refusal } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";
import type { RegionConstraint } from "../model/region.ts";

/** Longer than what `transport/chain-headers.ts` writes. */
const MAX_CHARACTERS = 2_048;
const COUNTRY = /^[A-Z]{2}$/;
const REGION = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * What `Egress-Chain` says of a call that an authenticated broker hands on; null for every other caller, whose header means nothing. Throws `Refusal`:
 * `request_malformed` for a header that is missing, doubled or not understood (somebody on the way may have taken the lock off), `egress_loop` for one
 * hop too many.
 */
export function readChain(headers: HeaderList, caller: Caller): InboundChain | null {
  if (caller.proof.kind !== "broker") return null;
  const [value, ...others] = findAll(headers, "egress-chain");
  if (value === undefined || others.length > 0 || value.length > MAX_CHARACTERS) throw malformed("it must be there exactly once");
  const parsed = parseItem(value);
  if (parsed === null || parsed.item.kind !== "boolean" || !parsed.item.value) throw malformed("it is not the structured field ?1 with parameters");
  const { parameters } = parsed;
  const hop = count(parameters.get("hop"), "hop");
  const maxHops = count(parameters.get("max"), "max");
  const retry = parameters.get("retry");
  if (retry === undefined || retry.kind !== "token" || retry.value !== "parent") throw malformed("retry must be parent");
  const child = caller.proof.issuer;
  const constraint = readConstraint(child, parameters.get("regions"), parameters.get("broker"));
  if (hop > maxHops) {
    throw new Refusal("egress_loop", {
      detail: `This call has passed ${hop} brokers, and one of them allows ${maxHops} (BackendConnectionPolicy parent.maxHops).`,
    });
  }
  return { child, hop, maxHops, constraint };
}

function count(item: BareItem | undefined, name: string): number {
  if (item === undefined || item.kind !== "integer" || item.value < 1 || item.value > MAX_HOPS)
    throw malformed(`${name} must be a number from 1 to ${MAX_HOPS}`);
  return item.value;
}

/** The broker's lock as a constraint of this one's. A name that is neither a country nor a region allows nothing, so it is refused rather than passed over. */
function readConstraint(child: string, regions: BareItem | undefined, broker: BareItem | undefined): RegionConstraint | null {
  if (broker !== undefined && broker.kind !== "boolean") throw malformed("broker must be a boolean");
  if (regions === undefined) {
    if (broker !== undefined) throw malformed("broker stands there without regions");
    return null;
  }
  if (regions.kind !== "string") throw malformed("regions must be a string");
  const constraint = { regions: new Set<string>(), countries: new Set<string>() };
  for (const name of regions.value.split(" ")) {
    if (COUNTRY.test(name)) constraint.countries.add(name);
    else if (REGION.test(name)) constraint.regions.add(name);
    else throw malformed("regions must be names of regions and countries, one space between them");
  }
  return {
    ...constraint,
    policy: `broker/${child}`,
    // What evidence counts is for each broker's own policies to say: the child asks its parents for more by not using them.
    minimumEvidence: "label",
    maxAgeMs: null,
    binds: {
      broker: broker?.value === true,
      secretSources: false,
      tokenEndpoints: false,
      mirrors: true,
      telemetry: false,
      eventSinks: false,
      authCallouts: false,
    },
  };
}

function malformed(what: string): Refusal {
  return new Refusal("request_malformed", { detail: `Egress-Chain of a broker's call: ${what}.` });
}
