import type { IncomingMessage } from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

export const AWS_ACCESS_KEY_ID = "AKIDEXAMPLE";
export const AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

export interface SignatureScope {
  readonly region: string;
  readonly service: string;
  /** The server's clock, in milliseconds; the machine's when left out. */
  readonly now?: () => number;
}

/** AWS refuses what was signed longer ago, or further ahead. Milliseconds. */
const TOLERANCE_MS = 300_000;

/** Signs what was signed once more, by AWS's own code, with the secret key that only the two sides know. */
export async function isSigned(request: IncomingMessage, body: string, scope: SignatureScope): Promise<boolean> {
  const { region, service, now = Date.now } = scope;
  const authorization = request.headers.authorization ?? "";
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  const signingDate = signingDateOf(request);
  if (parts === null || signingDate === null) return false;
  const [, keyId, , scopeRegion, scopeService, signedHeaders = ""] = parts;
  if (keyId !== AWS_ACCESS_KEY_ID || scopeRegion !== region || scopeService !== service) return false;
  if (Math.abs(now() - signingDate.getTime()) > TOLERANCE_MS) return false;
  const names = signedHeaders.split(";");
  // What AWS asks for: without these somebody on the way could change the operation or the token.
  const required = ["host", ...Object.keys(request.headers).filter((name) => name.startsWith("x-amz-"))];
  if (!required.every((name) => names.includes(name))) return false;
  const headers: Record<string, string> = {};
  for (const name of names) if (name !== "x-amz-date") headers[name] = String(request.headers[name]);
  const signer = new SignatureV4({
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
    region,
    service,
    sha256: Sha256,
    // S3 alone takes the path as it is.
    uriEscapePath: service !== "s3",
    applyChecksum: false,
  });
  const url = new URL(request.url ?? "", "http://127.0.0.1");
  const [path = ""] = (request.url ?? "").split("?", 1);
  const again = await signer.sign(
    { method: request.method ?? "", protocol: "http:", hostname: "127.0.0.1", path, query: Object.fromEntries(url.searchParams), headers, body },
    { signingDate },
  );
  return again.headers["authorization"] === authorization;
}

/** What the request says it was signed at; null: it does not. */
export function signingDateOf(request: IncomingMessage): Date | null {
  const date = request.headers["x-amz-date"];
  const parts = typeof date === "string" ? /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) : null;
  return parts === null ? null : new Date(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`);
}
