import type { PeerCertificate } from "node:tls";
import type { TlsProfile } from "../../src/index.ts";

/**
 * The check of a certificate whose chain has been verified: undefined when it shows who it should, else an error.
 * Names come from subjectAltName only; the common name is never read (RFC 9525 section 2).
 * With `subjectAltNames` one of them must be there and `serverName` is SNI only (GEP-3155).
 */
export function createIdentityCheck(tls: TlsProfile): (hostname: string, certificate: PeerCertificate) => Error | undefined {
  return (_hostname, certificate) => {
    const names = splitNames(certificate.subjectaltname ?? "");
    const wanted = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : [{ type: "Hostname" as const, value: tls.serverName }];
    for (const { type, value } of wanted) {
      if (type === "URI" ? names.includes(`URI:${value}`) : showsHostname(names, value, certificate)) return undefined;
    }
    return new Error("the certificate is for another name");
  };
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
