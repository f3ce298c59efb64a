import { createHash, X509Certificate } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import type { TlsProfile } from "../../src/index.ts";
import { PIN_MISMATCH, WRONG_NAME } from "./untrusted-reason.ts";

/** Carries the code by which the reason is told; Node shows it as the connection's `authorizationError`. */
class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly code: string;

  constructor(code: string) {
    super("the certificate does not show who it should");
    this.code = code;
  }
}

/**
 * The check of a certificate whose chain has been verified: undefined when it shows who it should, else an error.
 * Names come from subjectAltName only; the common name is never read (RFC 9525 section 2).
 * With `subjectAltNames` one of them must be there and `serverName` is SNI only (GEP-3155). With `pins` its key must be one of them too.
 */
export function createIdentityCheck(tls: TlsProfile): (hostname: string, certificate: PeerCertificate) => Error | undefined {
  const pins = new Set(tls.pins);
  return (_hostname, certificate) => {
    if (!showsName(tls, certificate)) return new IdentityError(WRONG_NAME);
    if (pins.size > 0 && !pins.has(keyDigest(certificate))) return new IdentityError(PIN_MISMATCH);
    return undefined;
  };
}

function showsName(tls: TlsProfile, certificate: PeerCertificate): boolean {
  const names = splitNames(certificate.subjectaltname ?? "");
  const wanted = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : [{ type: "Hostname" as const, value: tls.serverName }];
  return wanted.some(({ type, value }) => (type === "URI" ? names.includes(`URI:${value}`) : showsHostname(names, value, certificate)));
}

/** As RFC 7469 section 2.4 has it: SHA-256 over the DER of SubjectPublicKeyInfo. */
function keyDigest(certificate: PeerCertificate): string {
  const key = new X509Certificate(certificate.raw).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

function showsHostname(names: readonly string[], value: string, certificate: PeerCertificate): boolean {
  // A wildcard in the policy asks for that very wildcard in the certificate.
  if (value.startsWith("*.")) return names.includes(`DNS:${value}`);
  // Node's matcher follows RFC 6125; an empty subject keeps it from falling back to the common name.
  const bare = { ...certificate, subject: {} as PeerCertificate["subject"] }; // the type asks for fields that are there to be absent
  return names.some((name) => name.startsWith("DNS:")) && process.getBuiltinModule("node:tls").checkServerIdentity(value, bare) === undefined;
}

/** Node quotes an entry with special characters as JSON, so that it cannot pose as two entries (CVE-2021-44532). */
function splitNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const match of text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const value = match[2] ?? "";
    names.push(`${match[1] ?? ""}:${value.startsWith('"') ? unquote(value) : value}`);
  }
  return names;
}

function unquote(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}
