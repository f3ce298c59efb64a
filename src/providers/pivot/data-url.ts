import type { MediaSource } from "./block.ts";

/** `data:<type>;base64,<data>` (RFC 2397) as what it holds, anything else as an address. Parameters of the type are dropped, but for none being `text/plain`. */
export function sourceOfUrl(url: string): MediaSource {
  if (!/^data:/i.test(url)) return { type: "url", url, mediaType: null };
  const comma = url.indexOf(",");
  const head = comma < 0 ? url.slice(5) : url.slice(5, comma);
  const [mediaType = "", ...parameters] = head.split(";").map((part) => part.trim());
  const data = comma < 0 ? "" : url.slice(comma + 1);
  const isBase64 = parameters.some((parameter) => parameter.toLowerCase() === "base64");
  if (isBase64) return { type: "base64", mediaType: mediaType.toLowerCase() || "text/plain", data };
  // Rare, and every other API wants base64.
  return { type: "base64", mediaType: mediaType.toLowerCase() || "text/plain", data: btoa(unescapeBytes(data)) };
}

/** The other way: null for what has no address. */
export function urlOfSource(source: MediaSource): string | null {
  if (source.type === "url") return source.url;
  return source.type === "base64" ? `data:${source.mediaType};base64,${source.data}` : null;
}

/** Percent-encoding to one character per byte, as `btoa` takes it. */
function unescapeBytes(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, (character) => encodeURIComponent(character))
    .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
