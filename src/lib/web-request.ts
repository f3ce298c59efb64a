import { joinBytes } from "./utf8.ts";

/** What the broker's own pages read of a platform's `Request`. Host as it was sent; a Worker sees it in the URL only. */
export function authorityOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** Name, value, name, value. */
export function headerListOf(headers: Headers): readonly string[] {
  const list: string[] = [];
  for (const [name, value] of headers) list.push(name, value);
  return list;
}

/** The body; null: it is larger, and the rest was not read. */
export async function readBodyWithin(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    // Leaving the loop cancels the rest.
    if (length > maxBytes) return null;
    parts.push(part);
  }
  return joinBytes(parts);
}
