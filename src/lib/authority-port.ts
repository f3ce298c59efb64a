/** The port that an authority names (`host:port`, an IPv6 address in brackets); null: it names none, or what stands there is no number. */
export function authorityPort(authority: string): number | null {
  const colon = authority.lastIndexOf(":");
  if (colon <= authority.lastIndexOf("]")) return null;
  const port = Number(authority.slice(colon + 1));
  return Number.isInteger(port) ? port : null;
}
