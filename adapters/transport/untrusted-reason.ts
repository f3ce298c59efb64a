import type { UntrustedReason } from "../../src/index.ts";

/** Codes of the identity check; the others are OpenSSL's, by the names that Node gives them. Never text of the peer. */
export const WRONG_NAME = "SPILLWAY_WRONG_NAME";
export const PIN_MISMATCH = "SPILLWAY_PIN_MISMATCH";

const REASONS: Readonly<Record<string, UntrustedReason>> = {
  [WRONG_NAME]: "wrong_name",
  [PIN_MISMATCH]: "pin_mismatch",
  HOSTNAME_MISMATCH: "wrong_name",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong_name",
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not_yet_valid",
  CERT_REVOKED: "revoked",
  CRL_HAS_EXPIRED: "crl_expired",
  UNABLE_TO_GET_CRL: "crl_missing",
  CRL_NOT_YET_VALID: "crl_unavailable",
  CRL_SIGNATURE_FAILURE: "crl_unavailable",
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: "crl_unavailable",
  ERROR_IN_CRL_LAST_UPDATE_FIELD: "crl_unavailable",
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: "crl_unavailable",
  INVALID_PURPOSE: "wrong_purpose",
  UNABLE_TO_GET_ISSUER_CERT: "wrong_ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "wrong_ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "wrong_ca",
  DEPTH_ZERO_SELF_SIGNED_CERT: "wrong_ca",
  SELF_SIGNED_CERT_IN_CHAIN: "wrong_ca",
  CERT_UNTRUSTED: "wrong_ca",
};

/** Why a certificate was refused, by the code of `authorizationError`. */
export function untrustedReason(code: unknown): UntrustedReason {
  return (typeof code === "string" && Object.hasOwn(REASONS, code) ? REASONS[code] : undefined) ?? "bad_chain";
}

/**
 * Alerts by which a server says that it wants a certificate of ours, or another one (RFC 8446 section 6.2). By the end of the code: what stands
 * in front of it changes with OpenSSL's versions (`ERR_SSL_SSLV3_ALERT_…`, `ERR_SSL_SSL/TLS_ALERT_…`).
 */
const CLIENT_ALERT =
  /_ALERT_(?:CERTIFICATE_REQUIRED|NO_CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED)$/;

/** What a TLS error says of our own certificate; null: it speaks of something else. `presented`: we have one. */
export function clientRefusal(code: string, presented: boolean): UntrustedReason | null {
  if (!CLIENT_ALERT.test(code)) return null;
  return presented ? "client_certificate_refused" : "no_client_certificate";
}
