import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { DnsProfile } from "../../src/index.ts";

/** Says whether a connection may be made to an address. Fails closed: what cannot be read is denied. */
export type AddressGuard = (address: string) => boolean;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Public by number and yet a cloud's own: Azure's WireServer. The metadata services of all others lie in ranges that are not public. */
const WIRE_SERVER = "168.63.129.16";

/**
 * Permits globally routable unicast and what `allowCIDRs` lists, less what `denyCIDRs` lists, and only inside `onlyCIDRs` where that
 * is given; an address that the profile writes out is permitted by that. IPv4 inside `::ffff:0:0/96` is judged as IPv4; every other
 * way of carrying IPv4 in IPv6 (6to4, Teredo, NAT64, IPv4-compatible) is denied unless listed, and then the inner address, which
 * somebody else dials, must be permitted too. Throws when a range cannot be read.
 */
export function createAddressGuard(dns: Pick<DnsProfile, "addresses" | "allowCIDRs" | "denyCIDRs" | "onlyCIDRs">): AddressGuard {
  const written = createRanges(dns.addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`));
  const allowed = createRanges(dns.allowCIDRs);
  const denied = createRanges(dns.denyCIDRs);
  const only = dns.onlyCIDRs.length === 0 ? null : createRanges(dns.onlyCIDRs);
  const passes = (address: Address): boolean => !denied(address) && (isPublic(address) || allowed(address));
  return (text) => {
    const address = readAddress(text);
    if (address === null) return false;
    if (written(address)) return true;
    const inner = address instanceof ipaddr.IPv6 ? embeddedIPv4(address) : null;
    return passes(address) && (only === null || only(address)) && (inner === null || passes(inner));
  };
}

/** The one spelling of an address by which two can be compared; null: it is none. */
export function canonicalAddress(text: string): string | null {
  return readAddress(text)?.toNormalizedString() ?? null;
}

function createRanges(cidrs: readonly string[]): (address: Address) => boolean {
  const ranges = cidrs.map((range) => ipaddr.parseCIDR(range));
  return (address) => ranges.some(([network, bits]) => matches(address, network, bits));
}

/** Null for a name, for a zone (`fe80::1%eth0`), and for the spellings that only some resolvers take for an address (`0177.1`, `2130706433`). */
function readAddress(text: string): Address | null {
  if (isIP(text) === 0 || text.includes("%")) return null;
  const address = ipaddr.parse(text);
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function isPublic(address: Address): boolean {
  if (address.range() !== "unicast") return false;
  if (address instanceof ipaddr.IPv4) return address.toString() !== WIRE_SERVER;
  // Only 2000::/3 has ever been given out as global unicast (RFC 4291 section 2.4); ::/96 would carry IPv4.
  return (address.parts[0] ?? 0) >> 13 === 1;
}

/** The IPv4 address that a translator or a tunnel on the way would dial; null: it carries none. */
function embeddedIPv4({ parts }: ipaddr.IPv6): ipaddr.IPv4 | null {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = parts;
  // NAT64 (RFC 6052, RFC 8215).
  if (a === 0x64 && b === 0xff9b) return fromHalves(g, h);
  // 6to4 (RFC 3056).
  if (a === 0x2002) return fromHalves(b, c);
  // Teredo (RFC 4380): the client's address, inverted.
  if (a === 0x2001 && b === 0) return fromHalves(~g & 0xffff, ~h & 0xffff);
  const isZero = a === 0 && b === 0 && c === 0 && d === 0;
  // IPv4-translated (RFC 2765) and IPv4-compatible (RFC 4291), whose first two are `::` and `::1`.
  if (isZero && e === 0xffff && f === 0) return fromHalves(g, h);
  return isZero && e === 0 && f === 0 && (g > 0 || h > 1) ? fromHalves(g, h) : null;
}

function fromHalves(high: number, low: number): ipaddr.IPv4 {
  return new ipaddr.IPv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
}

function matches(address: Address, network: Address, bits: number): boolean {
  // An address of one kind is in no range of the other, and the library throws where it is asked.
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}
