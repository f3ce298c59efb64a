import { authorityOf } from "../lib/web-request.ts";

/**
 * Whether the browser speaks TLS. A proxy in front says so by `x-forwarded-proto`; whoever sends that without one only makes their own cookie stricter.
 */
export function isSecure(request: Request): boolean {
  return request.url.startsWith("https:") || /^\s*https\s*(?:,|$)/i.test(request.headers.get("x-forwarded-proto") ?? "");
}

/**
 * Whether a form was sent by a page of ours. Browsers say it by `Sec-Fetch-Site`, or, where they do not trust the connection, by `Origin` alone. Neither
 * of them: refused, since every browser sends one with a POST. The scheme is not compared: a proxy may have ended TLS.
 */
export function isOwnForm(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin") ?? "";
  return URL.canParse(origin) && new URL(origin).host === authorityOf(request).toLowerCase();
}

/** Whether data may be read with the cookie: by a page of ours, or by somebody who typed the address. */
export function isOwnReading(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none";
}
