import { AwsError } from "./aws-error.ts";
import { awsHost, readEndpoint } from "./endpoints.ts";
import { createSignedExchange, type SignedExchangeOptions } from "./signed-exchange.ts";

export interface S3ReaderOptions extends Omit<SignedExchangeOptions, "service"> {
  /** Address in place of S3's own; the bucket then stands in the path. */
  readonly endpoint?: string | null;
  /** A longer object is refused; 16 MiB when left out. */
  readonly maxBytes?: number;
}

export interface S3Object {
  /** With its quotes, as S3 gives it; to be sent back as it is. */
  readonly etag: string;
  readonly bytes: Uint8Array;
}

/** Reads objects of S3. */
export interface S3Reader {
  /** `unchanged`: its ETag is still `ifNoneMatch` (null: none is known). Rejects with `AwsError`, such as `NoSuchKey`. */
  getObject(bucket: string, key: string, options: { readonly ifNoneMatch: string | null; readonly signal: AbortSignal }): Promise<S3Object | "unchanged">;
}

const MAX_OBJECT_BYTES = 16 * 1024 * 1024;
const BUCKET = /^[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]$/;

/** Throws at once on a region or an endpoint that is none. */
export function createS3Reader(options: S3ReaderOptions): S3Reader {
  const { region, endpoint = null, maxBytes = MAX_OBJECT_BYTES } = options;
  const host = awsHost("s3", region);
  const base = endpoint === null ? null : readEndpoint(endpoint);
  const exchange = createSignedExchange({ ...options, service: "s3" });

  function urlOf(bucket: string, key: string): string {
    // A URL's parser takes `.` and `..` out, encoded or not: another object would be read.
    const segments = key.split("/");
    if (!BUCKET.test(bucket) || key === "" || segments.some((segment) => segment === "." || segment === "..")) {
      throw new AwsError("s3", "InvalidName", { status: null, retryable: false, attempts: 0 });
    }
    // As it is signed: all but RFC 3986's unreserved characters encoded.
    const path = segments
      .map(encodeURIComponent)
      .join("/")
      .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
    if (base !== null) return `${base}/${bucket}/${path}`;
    // The certificate's `*` covers one label only.
    return bucket.includes(".") ? `https://${host}/${bucket}/${path}` : `https://${bucket}.${host}/${path}`;
  }

  return {
    async getObject(bucket, key, { ifNoneMatch, signal }) {
      const headers = ifNoneMatch === null ? {} : { "if-none-match": ifNoneMatch };
      const answer = await exchange({ method: "GET", url: urlOf(bucket, key), headers, body: null, maxBytes, signal });
      if (answer.status === 304) return "unchanged";
      const etag = answer.headers.get("etag");
      if (answer.status !== 200 || etag === null) throw new AwsError("s3", "Malformed", { status: answer.status, retryable: false, attempts: answer.attempts });
      return { etag, bytes: answer.bytes };
    },
  };
}
