import { looksLikeIpAddress } from "./ip-literal.ts";

const HOSTNAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;

/**
 * Why a name may not stand as an ExternalHostname; null when it may. The CRD lets `localhost` and `169.254.169.254` through although its
 * message says otherwise, so the check is made here; what the name resolves to is checked again at each connection.
 */
export function refuseExternalHostname(hostname: string): string | null {
  const bare = hostname.toLowerCase().replace(/\.+$/, "");
  const [, url = null] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/.exec(bare) ?? [];
  if (url !== null || bare.includes("/")) return `it is a URL or a path: write the name alone${url === null || url === "" ? "" : `, ${url}`}`;
  if (looksLikeIpAddress(bare)) return "an IP address is not a hostname";
  if (bare === "localhost" || bare.endsWith(".localhost")) return "localhost is this machine, not an outside service";
  if (bare === "cluster.local" || bare.endsWith(".cluster.local")) return "names of the cluster are reached by a Service backendRef";
  if (!HOSTNAME.test(hostname)) return "it is not a lower-case DNS name";
  if (!hostname.includes(".")) return "a single label depends on the resolver's search path: write the full name";
  return null;
}

/** Whether a list of names and `*.` wildcards has the hostname; `*.x` is any name below `x`, never `x`. */
export function isAllowedDomain(hostname: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) => (entry.startsWith("*.") ? hostname.length > entry.length - 1 && hostname.endsWith(entry.slice(1)) : hostname === entry));
}
