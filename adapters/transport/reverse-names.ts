import { canonicalAddress } from "./address-guard.ts";
import type { NameResolver } from "./name-resolver.ts";

/** Addresses of one name that are looked into; a name with more is served by the first ones. */
const ADDRESSES = 8;
/** Reverse names of one address that are followed back. */
const NAMES = 4;

/**
 * Of these addresses those that go by a name which `patterns` list (`*.x`: any name below `x`) and which leads back to them: whoever holds an
 * address can give it any reverse name, but not make that name lead there. Nobody who answers counts as no.
 */
export async function withReverseName(
  addresses: readonly string[],
  patterns: readonly string[],
  resolver: NameResolver,
  servers: readonly string[],
): Promise<readonly string[]> {
  const looked = addresses.slice(0, ADDRESSES);
  const good = await Promise.all(looked.map((address) => isConfirmed(address, patterns, resolver, servers)));
  return looked.filter((_address, index) => good[index] === true);
}

async function isConfirmed(address: string, patterns: readonly string[], resolver: NameResolver, servers: readonly string[]): Promise<boolean> {
  try {
    const names = (await resolver.reverse(address, servers)).map(plainName).filter((name) => patterns.some((pattern) => fits(name, pattern)));
    const wanted = canonicalAddress(address);
    for (const name of names.slice(0, NAMES)) {
      const back = await resolver.lookup(name, servers).catch(() => []);
      if (wanted !== null && back.some((one) => canonicalAddress(one) === wanted)) return true;
    }
    return false;
  } catch {
    return false;
  }
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function fits(name: string, pattern: string): boolean {
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1 : name === pattern;
}
