import type { TlsProfile } from "../model/backend.ts";
import type { BackendDraft } from "./backend-draft.ts";
import { compileClientCertificate } from "./compile-secret.ts";
import { readSecretKey } from "./core-secret.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import { type Manifest, namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import type { BackendValidation, XBackendSpec } from "./standard/x-backend.ts";

type AuthoredTls = NonNullable<XBackendSpec["tls"]>;

/** Who asks for TLS, and whose condition tells of what cannot be resolved. */
export interface TlsOwner {
  readonly manifest: Manifest;
  readonly parent: string | null;
  /** Where its `validation` stands, such as `tls`. */
  readonly field: string;
}

/** What a BackendConnectionPolicy asks of a handshake. */
export type TlsDemands = Pick<TlsProfile, "minVersion" | "pins" | "crl">;

type ClientCertificate = Pick<TlsProfile, "clientCertificate" | "clientCertificateBinding">;

const NO_CLIENT_CERTIFICATE: ClientCertificate = { clientCertificate: null, clientCertificateBinding: null };

const DNS_NAME = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** RFC 3986: a scheme, an authority, a path. The CRD asks the same. */
const URI = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#]+[^\s#]*$/i;

/**
 * The TLS side of an XBackend; null is plaintext, which had to be written out. Everything wrong goes to the draft, and the profile then is not used.
 * `ServerOnly` without `validation` is not defined by the standard: here it is the hostname and the system's roots.
 */
export function compileTls(
  context: LinkContext,
  draft: BackendDraft,
  backend: ManifestOf<"XBackend">,
  hostname: string,
  demands: TlsDemands,
): TlsProfile | null {
  const { tls } = backend.body.spec;
  if (tls === undefined) {
    draft.refuse("Invalid", "tls is missing, which would mean plaintext: write `tls: {mode: ServerOnly}`, or `tls: {mode: None}` if plaintext is really meant");
    return null;
  }
  if (tls.mode !== "None" && tls.mode !== "ServerOnly" && tls.mode !== "ClientAndServer") {
    draft.refuse("UnsupportedValue", `tls.mode ${tls.mode} is not supported: None, ServerOnly or ClientAndServer`);
    return null;
  }
  if (tls.mode === "None") {
    draft.need("plaintext", "tls.mode None");
    if (tls.validation !== undefined || tls.clientCertificateRef !== undefined)
      draft.refuse("Invalid", "tls.mode None goes with neither validation nor clientCertificateRef");
    return null;
  }
  const owner: TlsOwner = { manifest: backend, parent: null, field: "tls" };
  if (tls.validation !== undefined && tls.validation.hostname !== hostname) draft.need("sni", "tls.validation.hostname other than the hostname");
  const server: TlsProfile =
    tls.validation === undefined
      ? { serverName: hostname, ca: null, subjectAltNames: [], ...NO_CLIENT_CERTIFICATE, ...demands }
      : compileServerTls(context, draft, owner, tls.validation, demands);
  return { ...server, ...clientCertificate(context, draft, backend, tls) };
}

/** How the server proves itself, by what the standard calls BackendTLSPolicyValidation; no client certificate. */
export function compileServerTls(context: LinkContext, draft: BackendDraft, owner: TlsOwner, validation: BackendValidation, demands: TlsDemands): TlsProfile {
  const { hostname: serverName } = validation;
  if (!DNS_NAME.test(serverName) || serverName.startsWith("*."))
    draft.refuse("Invalid", `${owner.field}.validation.hostname must be a lower-case DNS name without wildcard`);
  return {
    serverName,
    ca: certificateAuthorities(context, draft, owner, validation),
    subjectAltNames: subjectAltNames(draft, owner, validation.subjectAltNames ?? []),
    ...NO_CLIENT_CERTIFICATE,
    ...demands,
  };
}

function certificateAuthorities(context: LinkContext, draft: BackendDraft, owner: TlsOwner, validation: BackendValidation): string | null {
  const field = `${owner.field}.validation`;
  const refs = validation.caCertificateRefs ?? [];
  const wellKnown = validation.wellKnownCACertificates;
  if (refs.length === 0 && wellKnown === undefined) {
    draft.refuse("Invalid", `${field} names no certificate authority: write caCertificateRefs or \`wellKnownCACertificates: System\``);
    return null;
  }
  if (refs.length > 0 && wellKnown !== undefined) {
    draft.refuse("Invalid", `${field} has both caCertificateRefs and wellKnownCACertificates: keep one`);
    return null;
  }
  if (wellKnown !== undefined) {
    if (wellKnown !== "System") draft.refuse("UnsupportedValue", `wellKnownCACertificates ${wellKnown} is not supported: System`);
    return null;
  }
  draft.need("custom-ca", `${field}.caCertificateRefs`);
  const bundles: string[] = [];
  for (const ref of refs) {
    const bundle = certificateBundle(context, namespaceOf(owner.manifest), ref);
    if (bundle.ok) bundles.push(bundle.value.trim());
    else {
      // Fewer authorities only trust less: the good ones go on, as BackendTLSPolicy has it, and the condition tells of the bad one.
      context.conditions.write(owner.manifest, owner.parent, { type: "ResolvedRefs", status: "False", reason: bundle.reason, message: bundle.message });
    }
  }
  if (bundles.length === 0) draft.refuse("NoValidCACertificate", `none of ${field}.caCertificateRefs holds a certificate`);
  return `${bundles.join("\n")}\n`;
}

function certificateBundle(
  context: LinkContext,
  namespace: string,
  ref: { readonly group: string; readonly kind: string; readonly name: string },
): Resolved<string> {
  const id = `${namespace}/${ref.name}`;
  if (ref.group !== "" || (ref.kind !== "ConfigMap" && ref.kind !== "Secret")) {
    return unresolved("InvalidKind", `${ref.kind} cannot hold a CA certificate: ConfigMap or Secret (core)`);
  }
  let pem: string | null = null;
  if (ref.kind === "ConfigMap") {
    const data = context.set.ConfigMap.get(id)?.body.data ?? {};
    pem = Object.hasOwn(data, "ca.crt") ? (data["ca.crt"] ?? null) : null;
  } else {
    const secret = context.set.Secret.get(id);
    const read = secret === undefined ? null : readSecretKey(secret, "ca.crt");
    pem = read?.ok ? read.value : null;
  }
  if (pem === null) return unresolved("InvalidCACertificateRef", `${ref.kind} ${id} is not among the manifests or has no key ca.crt`);
  const complete = /-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.test(pem);
  return complete ? resolved(pem) : unresolved("InvalidCACertificateRef", `key ca.crt of ${ref.kind} ${id} is not a PEM certificate`);
}

type SubjectAltName = TlsProfile["subjectAltNames"][number];

function subjectAltNames(draft: BackendDraft, owner: TlsOwner, authored: NonNullable<BackendValidation["subjectAltNames"]>): readonly SubjectAltName[] {
  // Only a platform that sees the certificate can look for a name of its own choice in it.
  if (authored.length > 0) draft.need("custom-ca", `${owner.field}.validation.subjectAltNames`);
  return authored.flatMap((name): SubjectAltName[] => {
    if (name.type === "Hostname" && name.hostname !== undefined && name.uri === undefined && DNS_NAME.test(name.hostname))
      return [{ type: "Hostname", value: name.hostname }];
    if (name.type === "URI" && name.uri !== undefined && name.hostname === undefined && URI.test(name.uri)) return [{ type: "URI", value: name.uri }];
    const known = name.type === "Hostname" || name.type === "URI";
    draft.refuse(
      known ? "Invalid" : "UnsupportedValue",
      known ? `a subjectAltName of type ${name.type} needs exactly its own, well-formed value` : `subjectAltName type ${name.type} is not supported`,
    );
    return [];
  });
}

function clientCertificate(context: LinkContext, draft: BackendDraft, backend: ManifestOf<"XBackend">, tls: AuthoredTls): ClientCertificate {
  if (tls.mode !== "ClientAndServer") {
    if (tls.clientCertificateRef !== undefined) draft.refuse("Invalid", "clientCertificateRef goes with tls.mode ClientAndServer only");
    return NO_CLIENT_CERTIFICATE;
  }
  if (tls.clientCertificateRef === undefined) {
    draft.refuse("Invalid", "tls.mode ClientAndServer needs clientCertificateRef");
    return NO_CLIENT_CERTIFICATE;
  }
  const certificate = compileClientCertificate(context, tls.clientCertificateRef, {
    group: backend.group,
    kind: backend.kind,
    namespace: namespaceOf(backend),
  });
  // A platform that makes the handshake itself keeps the certificate itself: the SecretSource names its binding, whose value nobody reads.
  if (certificate.ok && certificate.value.location.provider === "binding") {
    draft.need("client-cert-binding", "tls.mode ClientAndServer with a binding");
    return { clientCertificate: null, clientCertificateBinding: certificate.value.location.name };
  }
  draft.need("client-cert", "tls.mode ClientAndServer");
  if (certificate.ok) return { clientCertificate: certificate.value, clientCertificateBinding: null };
  draft.unresolvedRef(certificate);
  return NO_CLIENT_CERTIFICATE;
}
