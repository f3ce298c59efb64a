/** Whether the text is an IPv4 address in dotted decimal or an IPv6 address (RFC 4291), without brackets or zone. */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** Whether the text is an address, a slash and a prefix length. */
export function isCidr(text: string): boolean {
  const [address = "", prefix = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefix)) return false;
  return isIpv4(address) ? Number(prefix) <= 32 : isIpv6(address) && Number(prefix) <= 128;
}

/** Whether the text is an address, or one with a port: `10.0.0.53`, `10.0.0.53:5353`, `[fd00::53]:5353`. */
export function isNameServer(text: string): boolean {
  if (isIpAddress(text)) return true;
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return false;
  return match[1] === undefined ? isIpv4(match[2] ?? "") : isIpv6(match[1]);
}

/**
 * Whether a resolver or a URL parser could read the name as an IPv4 address: `127.1`, `2130706433`, `0x7f.0.0.1`, `0177.0.0.1`.
 * The URL standard treats a host whose last label is a number as IPv4; so do we, and refuse it.
 */
export function looksLikeIpAddress(hostname: string): boolean {
  const bare = hostname.startsWith("[") ? hostname.slice(1).replace(/\]$/, "") : hostname;
  if (bare.includes(":")) return true;
  const labels = bare.split(".").filter((label) => label !== "");
  return /^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? "");
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2 || text.length > 45) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const embedded = groups.at(-1)?.includes(".") ?? false;
  const plain = embedded ? groups.slice(0, -1) : groups;
  if (embedded && (!isIpv4(groups.at(-1) ?? "") || text.endsWith("::"))) return false;
  if (!plain.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  const count = plain.length + (embedded ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}
