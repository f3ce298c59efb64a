import { findAll, remove } from "../lib/header-list.ts";
import { type BareItem, formatItem } from "../lib/structured-item.ts";
import type { ParentProfile } from "../model/backend.ts";
import { type InboundChain, MAX_HOPS, sharedPlaces } from "../model/chain.ts";
import type { HeaderList } from "../model/http.ts";
import type { RegionLock } from "../model/region.ts";

const CDN_LOOP: ReadonlySet<string> = new Set(["cdn-loop"]);
/** RFC 9651 section 3.3.3: readers need not take longer strings. */
const MAX_NAMES = 1_024;
const REGION = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Adds this broker to `Via` (RFC 9110 section 7.6.3) and `CDN-Loop` (RFC 8586), whose lines become one without repeats. `protocol` is that of the
 * received call, `HTTP/1.1` or `1.1`.
 */
export function withChain(list: HeaderList, chainId: string, protocol: string): HeaderList {
  const version = protocol.startsWith("HTTP/") ? protocol.slice(5) : protocol;
  const passed = findAll(list, "cdn-loop");
  const chained = (passed.length === 0 ? list : remove(list, CDN_LOOP)).slice();
  chained.push("via", `${version} ${chainId}`, "cdn-loop", passed.length === 0 ? chainId : coalesced([...passed, chainId]));
  return chained;
}

function coalesced(values: readonly string[]): string {
  const known = new Map<string, string>();
  for (const entry of values.join(",").split(",")) {
    const written = entry.trim();
    if (written !== "" && !known.has(written.toLowerCase())) known.set(written.toLowerCase(), written);
  }
  return [...known.values()].join(", ");
}

/**
 * `Egress-Chain` for a parent (a structured field, RFC 9651): hops so far, the most there may be, that the parent retries, and where the lock allows
 * the call to be processed. Names beyond 1,024 characters are left out: that only narrows what the parent may do.
 */
export function egressChain(parent: ParentProfile, inbound: InboundChain | null, lock: RegionLock | null): string {
  const passed = inbound?.hop ?? 0;
  const max = Math.min(inbound?.maxHops ?? Number.POSITIVE_INFINITY, passed + parent.maxHops, MAX_HOPS);
  const parameters: [string, BareItem][] = [
    ["hop", { kind: "integer", value: passed + 1 }],
    ["max", { kind: "integer", value: max }],
    ["retry", { kind: "token", value: "parent" }],
  ];
  if (lock !== null) {
    parameters.push(["regions", { kind: "string", value: namesOf(lock) }]);
    if (lock.constraints.some((constraint) => constraint.binds.broker)) parameters.push(["broker", { kind: "boolean", value: true }]);
  }
  return formatItem({ kind: "boolean", value: true }, parameters);
}

/** By lock: locks of rules are few and live as long as their snapshot. */
const names = new WeakMap<RegionLock, string>();

function namesOf(lock: RegionLock): string {
  const known = names.get(lock);
  if (known !== undefined) return known;
  const { countries, regions } = sharedPlaces(lock);
  let text = "";
  for (const name of [...countries, ...regions.filter((region) => REGION.test(region))]) {
    if (text.length + 1 + name.length <= MAX_NAMES) text += text === "" ? name : ` ${name}`;
  }
  names.set(lock, text);
  return text;
}
