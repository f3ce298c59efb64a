import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Says whether a connection may be made to an address. Fails closed: what cannot be read is denied. */
export type AddressGuard = (address: string) => boolean;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Public by number and yet the metadata or control service of a cloud: Azure's WireServer, Alibaba's and Oracle's metadata. */
const METADATA: ReadonlySet<string> = new Set(["168.63.129.16", "100.100.100.200", "192.0.0.192"]);

/**
 * Permits globally routable unicast and what `allowCIDRs` lists. IPv4 inside `::ffff:0:0/96` is judged as IPv4; every other
 * way of carrying IPv4 in IPv6 (6to4, Teredo, NAT64, IPv4-compatible) is denied unless listed, because its inner address is
 * dialled by somebody else. Throws when a range cannot be read.
 */
export function createAddressGuard(allowCIDRs: readonly string[]): AddressGuard {
  const allowed = allowCIDRs.map((range) => ipaddr.parseCIDR(range));
  return (text) => {
    const address = readAddress(text);
    if (address === null) return false;
    return isPublic(address) || allowed.some(([network, bits]) => network.kind() === address.kind() && matches(address, network, bits));
  };
}

/** Null for a name, for a zone (`fe80::1%eth0`), and for the spellings that only some resolvers take for an address (`0177.1`, `2130706433`). */
function readAddress(text: string): Address | null {
  if (isIP(text) === 0 || text.includes("%")) return null;
  const address = ipaddr.parse(text);
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function isPublic(address: Address): boolean {
  if (address.range() !== "unicast") return false;
  if (address instanceof ipaddr.IPv4) return !METADATA.has(address.toString());
  // Only 2000::/3 has ever been given out as global unicast (RFC 4291 section 2.4); ::/96 would carry IPv4.
  return (address.parts[0] ?? 0) >> 13 === 1;
}

function matches(address: Address, network: Address, bits: number): boolean {
  // The library's overloads want the two kinds apart; both sides were compared by kind.
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}
