import { lookup, Resolver } from "node:dns/promises";

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
      const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
      // A name of one family only is an ordinary one: the other question then fails.
      if (four.status === "rejected" && six.status === "rejected") throw new Error("no address");
      return [...(six.status === "fulfilled" ? six.value : []), ...(four.status === "fulfilled" ? four.value : [])];
    },
    reverse: (address, servers) => resolverFor(servers).reverse(address),
  };
}
