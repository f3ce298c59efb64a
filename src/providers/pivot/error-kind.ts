import type { PivotErrorKind } from "./error.ts";

/** What a status says of itself, where the provider's own words say no more. */
export function kindOfStatus(status: number): PivotErrorKind {
  switch (status) {
    case 401:
      return "authentication";
    case 402:
      return "quota";
    case 403:
      return "permission";
    case 404:
      return "not_found";
    case 408:
    case 504:
      return "timeout";
    case 413:
      return "too_large";
    case 429:
      return "rate_limit";
    case 503:
    case 529:
      return "overloaded";
    default:
      return status >= 400 && status < 500 ? "invalid_request" : "server";
  }
}

/** The status that a kind has in HTTP, for errors that came inside a stream. */
export const STATUS_OF_KIND: Readonly<Record<PivotErrorKind, number>> = {
  invalid_request: 400,
  context_length: 400,
  content_policy: 400,
  authentication: 401,
  permission: 403,
  not_found: 404,
  too_large: 413,
  rate_limit: 429,
  quota: 429,
  overloaded: 503,
  timeout: 504,
  server: 500,
};
