import type { DnsProfile } from "../../src/index.ts";
import type { AddressBook } from "./address-book.ts";
import { createAddressGuard } from "./address-guard.ts";
import { connectFailure, untrusted } from "./connect-failure.ts";
import type { NameResolver } from "./name-resolver.ts";
import { withReverseName } from "./reverse-names.ts";

/** Gives the addresses of one destination that may be dialled, never none. Rejects with a `ConnectFailure`. */
export type AddressChoice = (patienceMs: number) => Promise<readonly string[]>;

/**
 * Every address of the name must be permitted, or none is dialled: a mixed answer is how a name is rebound to the inside (T15).
 * What is given is dialled as it is, so nothing resolves the name a second time. Throws when a range of the profile cannot be read.
 */
export function createAddressChoice(hostname: string, dns: DnsProfile, book: AddressBook, resolver: NameResolver): AddressChoice {
  const permits = createAddressGuard(dns);
  // By all that the addresses were checked against: what one policy found good says nothing to another.
  const key = JSON.stringify([hostname, dns]);

  return async (patienceMs) => {
    if (dns.addresses.length > 0) return dns.addresses;
    const kept = dns.pinForMs === null ? null : book.kept(key);
    if (kept !== null) return kept;
    const found = await book.resolve({ hostname, servers: dns.resolvers, staleForMs: dns.staleForMs }, patienceMs).catch(() => {
      throw connectFailure("dns", "the destination's name cannot be resolved");
    });
    if (!found.every(permits)) throw connectFailure("denied", "the destination's name leads to an address that is not allowed");
    const chosen = dns.reverseNames.length === 0 ? found : await withReverseName(found, dns.reverseNames, resolver, dns.resolvers);
    if (chosen.length === 0) throw untrusted("wrong_reverse_name", "no address of the destination has a reverse name that is asked for");
    return dns.pinForMs === null ? chosen : book.keep(key, chosen, dns.pinForMs);
  };
}
