import type { HeaderList } from "../model/http.ts";

const WELL_FORMED = /^[A-Za-z0-9._:+/=-]{8,128}$/;

/** The caller's `x-request-id` when it is harmless in a log and a header, else a new random one. */
export function requestId(headers: HeaderList): string {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length !== 12 || name.toLowerCase() !== "x-request-id") continue;
    const value = headers[index + 1] ?? "";
    return WELL_FORMED.test(value) ? value : crypto.randomUUID();
  }
  return crypto.randomUUID();
}
