/**
 * The closed table of refusals. Every answer that the broker makes itself carries one of these codes in
 * `x-egress-error`; there is no other way to refuse a call.
 */
export const REFUSALS = {
  request_malformed: { status: 400, title: "The request cannot be read" },
  request_too_large: { status: 413, title: "The request is larger than this Gateway accepts" },
  request_timeout: { status: 408, title: "The request did not arrive in time" },
  egress_loop: { status: 508, title: "The call has come back to a broker that it already passed" },
  not_ready: { status: 503, title: "The broker is not ready to take calls" },
  overloaded: { status: 503, title: "This instance has as many calls as it can serve" },
  misdirected: { status: 421, title: "The call belongs on a connection of its own" },
  identity_missing: { status: 401, title: "No credential for this broker was presented" },
  identity_rejected: { status: 401, title: "The credential for this broker was not accepted" },
  route_not_found: { status: 404, title: "No route matches this call" },
  route_rejected: { status: 500, title: "The route that matches this call was refused when its manifest was compiled" },
  backend_invalid: { status: 500, title: "The route refers to a backend that cannot be used" },
  access_denied: { status: 403, title: "The route does not allow the call" },
  access_unavailable: { status: 503, title: "The authorization server of this route could not be asked" },
  limit_exceeded: { status: 429, title: "A usage limit of this caller is used up" },
  limits_unavailable: { status: 503, title: "The store that counts usage limits gave no answer" },
  region_locked: { status: 403, title: "No destination of this call lies inside the allowed regions" },
  credential_unavailable: { status: 503, title: "The credential for the destination could not be read" },
  translation_unsupported: { status: 400, title: "No destination of this call speaks the API that was called" },
  model_unknown: { status: 404, title: "The model is not offered by this route" },
  upgrade_unsupported: { status: 501, title: "The call asks for a WebSocket where none can be carried" },
  upstream_unavailable: { status: 502, title: "The destination could not be reached or did not answer properly" },
  upstream_timeout: { status: 504, title: "The destination did not answer in time" },
  upstream_untrusted: { status: 502, title: "The destination could not prove who it is" },
  upstream_auth: { status: 502, title: "The destination did not accept the broker's own credential" },
  upstream_redirect: { status: 502, title: "The destination answered with a redirect, which this route does not allow" },
  region_violated: { status: 502, title: "The destination says that it processed the call outside the allowed regions, or does not say where" },
  internal_error: { status: 500, title: "The broker failed" },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

/** One of the closed set of reasons for which the broker answers in place of the destination. */
export type RefusalCode = keyof typeof REFUSALS;

export interface RefusalOptions {
  /** One sentence for the caller: what was wrong and how to mend it. Never a secret, never upstream text. */
  readonly detail: string;
  /** Seconds after which the same call may succeed. */
  readonly retryAfter?: number;
  /** Stand on the answer beside the broker's own, and in their place where the names are the same. */
  readonly headers?: readonly string[];
  /** Overrides the table's status, where the law says to hand an upstream status on (503, 504, …). */
  readonly status?: number;
}

/** A refusal on its way to the caller. Thrown by stages 1 to 5, rendered in one place (`listener/render-refusal.ts`). */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly status: number;
  readonly detail: string;
  readonly retryAfter: number | null;
  readonly headers: readonly string[];

  constructor(code: RefusalCode, options: RefusalOptions) {
    super(`${code}: ${options.detail}`);
    this.code = code;
    this.status = options.status ?? REFUSALS[code].status;
    this.detail = options.detail;
    this.retryAfter = options.retryAfter ?? null;
    this.headers = options.headers ?? [];
  }
}
