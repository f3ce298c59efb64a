import { PLAIN_DNS } from "../../model/backend.ts";
import { regionFromHostname } from "../../model/region-data.ts";
import type { TokenEndpoint } from "../../model/token-plan.ts";

/** Plaintext goes to these only: the machine itself, and the metadata services of AWS (ECS, EKS), of Azure and of Google on its link. */
const LOCAL: ReadonlyMap<string, string> = new Map([
  ["localhost", "127.0.0.1"],
  ["127.0.0.1", "127.0.0.1"],
  ["[::1]", "::1"],
  ["169.254.170.2", "169.254.170.2"],
  ["169.254.170.23", "169.254.170.23"],
  ["[fd00:ec2::23]", "fd00:ec2::23"],
  ["169.254.169.254", "169.254.169.254"],
  // The name of Google's metadata server: its address is written so that no resolver can send the question elsewhere.
  ["metadata.google.internal", "169.254.169.254"],
]);

/**
 * An address as an endpoint; a text is why it may not be one. `https`, or plaintext to the machine itself and the named services of its link.
 * User, password and fragment have no place in it.
 */
export function tokenEndpoint(address: string): TokenEndpoint | string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return "it is not an https address";
  if (url.username !== "" || url.password !== "" || url.hash !== "") return "it may not have a user, a password or a fragment";
  const host = url.hostname;
  const at = LOCAL.get(host);
  const scheme = url.protocol === "https:" ? "https" : "http";
  if (scheme === "http" && at === undefined) return "plaintext is for loopback and the metadata services of the link only: write https";
  if (scheme === "https" && /^(?:\d+\.\d+\.\d+\.\d+|\[.*\])$/.test(host) && at === undefined) return "it must name a host, not an address";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return {
    origin: { scheme, hostname: host, port },
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    tls:
      scheme === "http"
        ? null
        : {
            serverName: host,
            ca: null,
            subjectAltNames: [],
            clientCertificate: null,
            clientCertificateBinding: null,
            minVersion: "TLSv1.2",
            pins: [],
            crl: null,
          },
    dns: at === undefined ? PLAIN_DNS : { ...PLAIN_DNS, addresses: [at] },
    reach: [],
    local: at !== undefined,
  };
}

/** Hosts of the clouds' token services that lie in one region; what they have for the whole world says nothing. */
const REGIONAL: readonly RegExp[] = [
  /^sts(?:-fips)?\.([a-z]{2,5}(?:-[a-z]+)+-\d+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/,
  /^(?:vpce-[a-z0-9-]+\.)?sts\.([a-z]{2,5}(?:-[a-z]+)+-\d+)\.vpce\.amazonaws\.com$/,
  /^(?:sts|iamcredentials)\.([a-z]+-[a-z]+\d+)\.rep\.googleapis\.com$/,
];

/** The region that the host of a token service names; null: it names none. */
export function regionOfTokenHost(host: string): string | null {
  for (const pattern of REGIONAL) {
    const region = pattern.exec(host)?.[1];
    if (region !== undefined) return region;
  }
  return regionFromHostname(host);
}
