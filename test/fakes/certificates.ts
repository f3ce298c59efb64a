import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv6 } from "node:net";

/** What a test certificate says. `notBefore` and `notAfter` default to yesterday and tomorrow. */
export interface CertificateRequest {
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** `leaf` by default: it must never count as a name. */
  readonly commonName?: string;
  /** True: for a client; else for a server. */
  readonly client?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface IssuedCertificate {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export interface Authority {
  readonly caPem: string;
  issue(request: CertificateRequest): IssuedCertificate;
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const DAY = 86_400_000;
const OID = {
  ecdsaWithSha256: "06082a8648ce3d040302",
  commonName: "0603550403",
  basicConstraints: "0603551d13",
  keyUsage: "0603551d0f",
  extendedKeyUsage: "0603551d25",
  subjectAltName: "0603551d11",
  serverAuth: "06082b06010505070301",
  clientAuth: "06082b06010505070302",
} as const;

/** A certificate authority of the test's own, on ECDSA P-256 and written in DER by hand: nothing touches the disk. */
export function createAuthority(name = "Spillway test authority"): Authority {
  const keys = newKeys();
  const validity = { notBefore: new Date(Date.now() - 365 * DAY), notAfter: new Date(Date.now() + 365 * DAY) };
  const extensions = [extension(OID.basicConstraints, sequence(der(0x01, [0xff])), true), extension(OID.keyUsage, der(0x03, [1, 0x06]), true)];
  return {
    caPem: certificate({ subject: name, issuer: name, keys, signer: keys, extensions, ...validity }),
    issue: (request) => issue(request, name, keys),
  };
}

/** A server certificate that no authority has signed. */
export function selfSigned(request: CertificateRequest): IssuedCertificate {
  return issue(request, null, null);
}

function issue(request: CertificateRequest, issuer: string | null, signer: Keys | null): IssuedCertificate {
  const keys = newKeys();
  const subject = request.commonName ?? "leaf";
  const names = [
    ...(request.dnsNames ?? []).map((value) => der(0x82, Buffer.from(value, "latin1"))),
    ...(request.uris ?? []).map((value) => der(0x86, Buffer.from(value, "latin1"))),
    ...(request.ipAddresses ?? []).map((value) => der(0x87, addressBytes(value))),
  ];
  const extensions = [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, der(0x03, [7, 0x80]), true),
    extension(OID.extendedKeyUsage, sequence(hex(request.client === true ? OID.clientAuth : OID.serverAuth)), false),
    ...(names.length > 0 ? [extension(OID.subjectAltName, sequence(...names), false)] : []),
  ];
  const notBefore = request.notBefore ?? new Date(Date.now() - DAY);
  const notAfter = request.notAfter ?? new Date(Date.now() + DAY);
  return {
    certPem: certificate({ subject, issuer: issuer ?? subject, keys, signer: signer ?? keys, extensions, notBefore, notAfter }),
    keyPem: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

interface CertificateParts {
  readonly subject: string;
  readonly issuer: string;
  readonly keys: Keys;
  readonly signer: Keys;
  readonly extensions: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** RFC 5280, section 4.1. */
function certificate(parts: CertificateParts): string {
  const algorithm = sequence(hex(OID.ecdsaWithSha256));
  const toBeSigned = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    distinguishedName(parts.issuer),
    sequence(time(parts.notBefore), time(parts.notAfter)),
    distinguishedName(parts.subject),
    createPublicKey(parts.keys.publicKey.export({ type: "spki", format: "pem" })).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...parts.extensions)),
  );
  const signature = sign("sha256", toBeSigned, parts.signer.privateKey);
  const base64 = sequence(toBeSigned, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature]))).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${(base64.match(/.{1,64}/g) ?? []).join("\n")}\n-----END CERTIFICATE-----\n`;
}

function newKeys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(hex(OID.commonName), der(0x0c, Buffer.from(commonName)))));
}

function extension(oid: string, value: Buffer, critical: boolean): Buffer {
  return sequence(hex(oid), critical ? der(0x01, [0xff]) : Buffer.alloc(0), der(0x04, value));
}

/** UTCTime, good until 2049. */
function time(date: Date): Buffer {
  return der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
}

function addressBytes(address: string): Buffer {
  if (isIPv6(address)) throw new Error("the test authority writes IPv4 addresses only");
  return Buffer.from(address.split(".").map(Number));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

function der(tag: number, content: Uint8Array | readonly number[]): Buffer {
  const bytes = Buffer.from(content);
  const length = bytes.length < 128 ? [bytes.length] : bytes.length < 256 ? [0x81, bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}
