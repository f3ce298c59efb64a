import { find, remove } from "../lib/header-list.ts";
import type { HeaderList, Origin } from "../model/http.ts";
import type { AwsKeys } from "./aws-keys.ts";

/** A request whose bytes are final: nothing may change them after it is signed. */
export interface SignableRequest {
  readonly origin: Origin;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Host included. */
  readonly headers: HeaderList;
  /** Null: none. */
  readonly body: Uint8Array | null;
}

export interface SigningScope {
  readonly service: string;
  readonly region: string;
  /** False: `UNSIGNED-PAYLOAD` stands in place of the body's digest. */
  readonly signsBody: boolean;
}

/** Signs requests by AWS Signature Version 4, and learns how far AWS's clock is from ours. */
export interface AwsSigner {
  /** The path and the headers to send in place of the request's own. */
  sign(request: SignableRequest, keys: AwsKeys, scope: SigningScope): Promise<{ readonly path: string; readonly headers: HeaderList }>;
  /** Takes in an answer that refused the signature. True: the clocks are apart, so that the same request may be signed anew. */
  learn(hostname: string, answer: { readonly status: number; readonly headers: HeaderList }): boolean;
}

/** A day's keys of some roles; more are temporary ones whose end is near anyway. */
const MAX_SIGNING_KEYS = 64;
const MAX_HOSTS = 256;
/** Clocks that are nearer than this are not why a signature was refused: AWS takes five minutes. Milliseconds. */
const NOTABLE_SKEW_MS = 60_000;

/** Written anew for every signature; a caller's own would be signed in our name. */
const OWN: ReadonlySet<string> = new Set(["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]);

export function createAwsSigner(now: () => number): AwsSigner {
  const signingKeys = new Map<string, ArrayBuffer>();
  const skews = new Map<string, number>();
  let library: typeof import("aws4fetch") | null = null;

  return {
    async sign(request, keys, scope) {
      library ??= await import("aws4fetch");
      if (signingKeys.size > MAX_SIGNING_KEYS) signingKeys.clear();
      const host = find(request.headers, "host") ?? "";
      const url = new URL(`${request.origin.scheme}://${host}${withoutSignature(request.path)}`);
      const headers = remove(request.headers, OWN);
      // S3 wants it said beside the signature; for the other services the signature alone says it.
      const digest = !scope.signsBody ? "UNSIGNED-PAYLOAD" : scope.service === "s3" ? await sha256(request.body) : null;
      const signed = await new library.AwsV4Signer({
        method: request.method,
        url: url.href,
        headers: { ...signedHeaders(headers), ...(digest === null ? {} : { "x-amz-content-sha256": digest }) },
        allHeaders: true,
        service: scope.service,
        region: scope.region,
        accessKeyId: keys.accessKeyId,
        secretAccessKey: keys.secretAccessKey,
        cache: signingKeys,
        datetime: amzDate(now() + (skews.get(request.origin.hostname) ?? 0)),
        ...(request.body === null || !scope.signsBody ? {} : { body: request.body as Uint8Array<ArrayBuffer> }), // as: the bytes of a message never lie in shared memory
        ...(keys.sessionToken === null ? {} : { sessionToken: keys.sessionToken }),
      }).sign();
      const added = [...OWN].flatMap((name) => {
        const value = signed.headers.get(name);
        return value === null ? [] : [name, value];
      });
      return { path: `${url.pathname}${url.search}`, headers: [...headers, ...added] };
    },
    learn(hostname, { status, headers }) {
      if (status !== 400 && status !== 401 && status !== 403) return false;
      const skew = Date.parse(find(headers, "date") ?? "") - now();
      // A date that is none gives NaN, of which no comparison holds.
      if (!(Math.abs(skew - (skews.get(hostname) ?? 0)) > NOTABLE_SKEW_MS)) return false;
      if (skews.size >= MAX_HOSTS) skews.clear();
      skews.set(hostname, skew);
      return true;
    },
  };
}

const SIGNATURE_PARAMETER = /^x-amz-(?:algorithm|credential|date|expires|signedheaders|signature|security-token|content-sha256)(?:=|$)/i;

/** A caller's own presigned query would stand beside our signature, and a service might believe it. */
function withoutSignature(path: string): string {
  const mark = path.indexOf("?");
  if (mark === -1) return path;
  const kept = path
    .slice(mark + 1)
    .split("&")
    .filter((part) => !SIGNATURE_PARAMETER.test(part));
  return kept.length === 0 ? path.slice(0, mark) : `${path.slice(0, mark)}?${kept.join("&")}`;
}

/** What AWS asks for (Host is added by the library): `content-type` and everything of its own. Headers of one hop, or that a proxy may touch, stay out. */
function signedHeaders(headers: HeaderList): Readonly<Record<string, string>> {
  const signed: Record<string, string> = {};
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at]?.toLowerCase() ?? "";
    if (name !== "content-type" && !name.startsWith("x-amz")) continue;
    const value = (headers[at + 1] ?? "").trim();
    signed[name] = Object.hasOwn(signed, name) ? `${signed[name]},${value}` : value;
  }
  return signed;
}

async function sha256(body: Uint8Array | null): Promise<string> {
  // as: the same.
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", (body ?? new Uint8Array(0)) as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function amzDate(time: number): string {
  return new Date(time).toISOString().replace(/[:-]|\.\d{3}/g, "");
}
