import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
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
  /** By which a revocation list names it. */
  readonly serial: Buffer;
  /** As `tls.pins` has it, without `sha256/`. */
  readonly pin: string;
}

/** What a list of revoked certificates says. `thisUpdate` and `nextUpdate` default to yesterday and tomorrow. */
export interface RevocationRequest {
  readonly revoked?: readonly { readonly serial: Buffer }[];
  readonly thisUpdate?: Date;
  /** Null leaves it out. */
  readonly nextUpdate?: Date | null;
}

export interface Authority {
  readonly caPem: string;
  readonly serial: Buffer;
  issue(request: CertificateRequest): IssuedCertificate;
  /** An authority below this one; its `caPem` belongs into the chain that a server shows. */
  subordinate(name: string): Authority;
  /** A list in PEM, signed by this authority. */
  revocationList(request?: RevocationRequest): string;
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
  crlNumber: "0603551d14",
  serverAuth: "06082b06010505070301",
  clientAuth: "06082b06010505070302",
} as const;

/** A certificate authority of the test's own, on ECDSA P-256 and written in DER by hand: nothing touches the disk. */
export function createAuthority(name = "Spillway test authority"): Authority {
  const keys = newKeys();
  return authority(name, keys, { name, keys });
}

interface Signer {
  readonly name: string;
  readonly keys: Keys;
}

function authority(name: string, keys: Keys, issuer: Signer): Authority {
  const validity = { notBefore: new Date(Date.now() - 365 * DAY), notAfter: new Date(Date.now() + 365 * DAY) };
  const extensions = [extension(OID.basicConstraints, sequence(der(0x01, [0xff])), true), extension(OID.keyUsage, der(0x03, [1, 0x06]), true)];
  const serial = newSerial();
  return {
    caPem: certificate({ subject: name, issuer: issuer.name, keys, signer: issuer.keys, serial, extensions, ...validity }),
    serial,
    issue: (request) => issue(request, name, keys),
    subordinate: (below) => authority(below, newKeys(), { name, keys }),
    revocationList: (request = {}) => revocationList(request, { name, keys }),
  };
}

/** RFC 5280, section 5.1. */
function revocationList({ revoked = [], thisUpdate, nextUpdate }: RevocationRequest, issuer: Signer): string {
  const end = nextUpdate === undefined ? new Date(Date.now() + DAY) : nextUpdate;
  const since = new Date(Date.now() - DAY);
  const toBeSigned = sequence(
    der(0x02, [1]),
    sequence(hex(OID.ecdsaWithSha256)),
    distinguishedName(issuer.name),
    time(thisUpdate ?? since),
    end === null ? Buffer.alloc(0) : time(end),
    revoked.length === 0 ? Buffer.alloc(0) : sequence(...revoked.map(({ serial }) => sequence(der(0x02, serial), time(since)))),
    der(0xa0, sequence(extension(OID.crlNumber, der(0x02, [1]), false))),
  );
  return signed(toBeSigned, issuer.keys, "X509 CRL");
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
  const serial = newSerial();
  return {
    certPem: certificate({ subject, issuer: issuer ?? subject, keys, signer: signer ?? keys, serial, extensions, notBefore, notAfter }),
    keyPem: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    serial,
    pin: createHash("sha256")
      .update(keys.publicKey.export({ type: "spki", format: "der" }))
      .digest("base64"),
  };
}

interface CertificateParts {
  readonly subject: string;
  readonly issuer: string;
  readonly keys: Keys;
  readonly signer: Keys;
  readonly serial: Buffer;
  readonly extensions: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** RFC 5280, section 4.1. */
function certificate(parts: CertificateParts): string {
  const toBeSigned = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, parts.serial),
    sequence(hex(OID.ecdsaWithSha256)),
    distinguishedName(parts.issuer),
    sequence(time(parts.notBefore), time(parts.notAfter)),
    distinguishedName(parts.subject),
    createPublicKey(parts.keys.publicKey.export({ type: "spki", format: "pem" })).export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...parts.extensions)),
  );
  return signed(toBeSigned, parts.signer, "CERTIFICATE");
}

function signed(toBeSigned: Buffer, { privateKey }: Keys, label: string): string {
  const signature = sign("sha256", toBeSigned, privateKey);
  const base64 = sequence(toBeSigned, sequence(hex(OID.ecdsaWithSha256)), der(0x03, Buffer.concat([Buffer.from([0]), signature]))).toString("base64");
  return `-----BEGIN ${label}-----\n${(base64.match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;
}

/** Positive, and never the same twice. */
function newSerial(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(15)]);
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
