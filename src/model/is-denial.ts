import type { RefusalCode } from "./errors.ts";

/** Refusals by which the broker says "you may not", as against "it did not work": they are audit events. */
const DENIALS: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "egress_loop",
  "identity_missing",
  "identity_rejected",
  "route_not_found",
  "route_rejected",
  "access_denied",
  "limit_exceeded",
  "model_unknown",
  "region_locked",
  "translation_unsupported",
  "upstream_redirect",
  "region_violated",
]);

/** True for refusals that are decisions of policy. */
export function isDenial(code: RefusalCode): boolean {
  return DENIALS.has(code);
}
