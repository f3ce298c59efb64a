import type { RedirectRule, RuleMatch } from "../model/snapshot.ts";
import { replacePath } from "./rewrite-target.ts";

/** The request that is redirected. */
export interface RedirectedRequest {
  readonly scheme: "http" | "https";
  /** Without port. */
  readonly host: string;
  /** The Gateway listener's port. */
  readonly port: number;
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly match: RuleMatch;
}

const WELL_KNOWN_PORT = { http: 80, https: 443 } as const;

/** The `Location` of a RequestRedirect filter, always absolute. Throws `route_rejected` for a prefix replacement under another kind of match. */
export function redirectLocation(redirect: RedirectRule, request: RedirectedRequest): string {
  const scheme = redirect.scheme ?? request.scheme;
  const host = redirect.hostname ?? request.host;
  // The standard: a scheme that is written brings its own port; without one the listener's port stays.
  const port = redirect.port ?? (redirect.scheme === null ? request.port : WELL_KNOWN_PORT[redirect.scheme]);
  const path = redirect.path === null ? request.path : replacePath(request.path, redirect.path, request.match);
  return `${scheme}://${host}${port === WELL_KNOWN_PORT[scheme] ? "" : `:${port}`}${path}${request.query}`;
}
