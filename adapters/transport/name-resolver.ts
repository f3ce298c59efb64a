import { lookup, Resolver } from "node:dns/promises";
import ipaddr from "ipaddr.js";

/** All addresses of a name, asked of `servers`, or of the system's resolver where there are none; rejects when nobody answers or the name has none. */
export type Lookup = (hostname: string, servers: readonly string[]) => Promise<readonly string[]>;

/** The names that an address goes by (PTR); rejects when it has none or nobody answers. */
export type ReverseLookup = (address: string, servers: readonly string[]) => Promise<readonly string[]>;

export interface NameResolver {
  readonly lookup: Lookup;
  readonly reverse: ReverseLookup;
}

/** Of one name server, before the next is asked; the connection's own time limit ends it all. */
const PATIENCE_MS = 1_500;
const TRIES = 2;
const OTHER_FAMILY_MS = 250;
/** Sets of name servers at one time: as many as there are policies that name some. */
const RESOLVERS = 256;

/**
 * The machine's own way of finding addresses, getaddrinfo, as every other program on it (`/etc/hosts` and the cluster's search path
 * count), and DNS itself for servers of the manifest's choice and for reverse names.
 */
export function createNameResolver(): NameResolver {
  const resolvers = new Map<string, Resolver>();

  function resolverFor(servers: readonly string[]): Resolver {
    const key = servers.join(" ");
    const known = resolvers.get(key);
    if (known !== undefined) return known;
    const resolver = new Resolver({ timeout: PATIENCE_MS, tries: TRIES });
    if (servers.length > 0) resolver.setServers(servers);
    const oldest = resolvers.size >= RESOLVERS ? resolvers.keys().next().value : undefined;
    if (oldest !== undefined) resolvers.delete(oldest);
    resolvers.set(key, resolver);
    return resolver;
  }

  return {
    lookup: async (hostname, servers) => {
      if (servers.length === 0) return (await lookup(hostname, { all: true, order: "verbatim" })).map((answer) => answer.address);
      const resolver = resolverFor(servers);
      return bothFamilies(resolver.resolve6(hostname), resolver.resolve4(hostname));
    },
    // Not `reverse`, which looks into `/etc/hosts` first: a name of this machine's own making proves nothing.
    reverse: (address, servers) => resolverFor(servers).resolvePtr(reverseDomain(address)),
  };
}

/**
 * The addresses of both families, IPv6 first. A name of one family only is an ordinary one, whose other question fails, and some servers leave
 * that unanswered: once there is an address the other family gets `OTHER_FAMILY_MS` more. Rejects when both have failed.
 */
async function bothFamilies(six: Promise<string[]>, four: Promise<string[]>): Promise<readonly string[]> {
  const found: { six: readonly string[]; four: readonly string[] } = { six: [], four: [] };
  const questions = [six.then((all) => Object.assign(found, { six: all })), four.then((all) => Object.assign(found, { four: all }))];
  let timer: NodeJS.Timeout | undefined;
  const enough = Promise.any(questions).then(
    () =>
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, OTHER_FAMILY_MS);
      }),
  );
  try {
    await Promise.race([Promise.allSettled(questions), enough]);
  } finally {
    clearTimeout(timer);
  }
  const all = [...found.six, ...found.four];
  if (all.length === 0) throw new Error("no address");
  return all;
}

/** Where the names of an address are kept: RFC 1035 section 3.5, RFC 3596 section 2.5. */
function reverseDomain(text: string): string {
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4) return `${[...address.octets].reverse().join(".")}.in-addr.arpa`;
  const digits = address.parts.map((part) => part.toString(16).padStart(4, "0")).join("");
  return `${[...digits].reverse().join(".")}.ip6.arpa`;
}
