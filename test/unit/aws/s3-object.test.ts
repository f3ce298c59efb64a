import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createS3Reader, type S3ReaderOptions } from "../../../adapters/aws/s3-object.ts";
import { type FakeAwsService, startFakeAwsService } from "../../fakes/aws-service.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../../fakes/aws-signature.ts";

const signal = new AbortController().signal;
const region = "eu-central-1";
const credentials = async () => ({ accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: null });
const BUNDLE = "the compiled bundle";
const ETAG = `"${createHash("md5").update(BUNDLE).digest("hex")}"`;

describe("the S3 reader", () => {
  let s3: FakeAwsService;
  beforeEach(async () => {
    s3 = await startFakeAwsService({ region, service: "s3" });
    s3.script = [
      (request, response) => {
        if (request.headers["if-none-match"] === ETAG) response.writeHead(304, { etag: ETAG }).end();
        else response.writeHead(200, { etag: ETAG }).end(BUNDLE);
      },
    ];
  });
  afterEach(() => s3.close());
  const reader = (options: Partial<S3ReaderOptions> = {}) => createS3Reader({ region, credentials, endpoint: s3.url, ...options });

  it("gives the object, and says when it is unchanged", async () => {
    const first = await reader().getObject("config-bucket", "spillway/bundle.json", { ifNoneMatch: null, signal });
    if (first === "unchanged") return expect.unreachable("nothing was known before");
    expect(new TextDecoder().decode(first.bytes)).toBe(BUNDLE);
    expect(first.etag).toBe(ETAG);
    expect(await reader().getObject("config-bucket", "spillway/bundle.json", { ifNoneMatch: first.etag, signal })).toBe("unchanged");
    expect(await reader().getObject("config-bucket", "spillway/bundle.json", { ifNoneMatch: '"another"', signal })).toMatchObject({ etag: ETAG });
    expect(s3.requests.map(({ method, url, signed }) => `${method} ${url} ${signed}`)).toEqual(Array(3).fill("GET /config-bucket/spillway/bundle.json true"));
  });

  it.each(["a b+c%2F&=?#.json", "pässe/日本.json", "/leading//double/", "it's (odd)!*.json", "a:b@c,d;e$f"])("names and signs the key %j", async (key) => {
    await reader().getObject("config-bucket", key, { ifNoneMatch: null, signal });
    const path = s3.requests[0]?.url ?? "";
    expect(decodeURIComponent(path)).toBe(`/config-bucket/${key}`);
    expect(s3.requests[0]?.signed).toBe(true);
  });

  it.each([
    ["config-bucket", "../other-bucket/secret"],
    ["config-bucket", "a/./b"],
    ["config-bucket", ""],
    ["a/b", "key"],
    ["..", "key"],
    ["evil.example.com#", "key"],
  ])("refuses the name of another object: %s %s", async (bucket, key) => {
    await expect(reader().getObject(bucket, key, { ifNoneMatch: null, signal })).rejects.toMatchObject({ code: "InvalidName", retryable: false });
    expect(s3.requests).toEqual([]);
  });

  it("addresses AWS by the bucket's host, or by path where the certificate would not fit", async () => {
    const urls: string[] = [];
    const fetch: typeof globalThis.fetch = async (input) => {
      urls.push(String(input));
      return new Response(BUNDLE, { headers: { etag: ETAG } });
    };
    const real = reader({ endpoint: null, fetch });
    await real.getObject("config-bucket", "a/b.json", { ifNoneMatch: null, signal });
    await real.getObject("config.bucket", "a/b.json", { ifNoneMatch: null, signal });
    await reader({ endpoint: null, fetch, region: "cn-north-1" }).getObject("config-bucket", "b", { ifNoneMatch: null, signal });
    await reader({ endpoint: null, fetch, region: "eusc-de-east-1" }).getObject("config-bucket", "b", { ifNoneMatch: null, signal });
    expect(urls).toEqual([
      "https://config-bucket.s3.eu-central-1.amazonaws.com/a/b.json",
      "https://s3.eu-central-1.amazonaws.com/config.bucket/a/b.json",
      "https://config-bucket.s3.cn-north-1.amazonaws.com.cn/b",
      "https://config-bucket.s3.eusc-de-east-1.amazonaws.eu/b",
    ]);
  });

  it("says what S3 says: nothing there, another region, an object that is too long", async () => {
    const failure = (options: Partial<S3ReaderOptions> = {}) => reader(options).getObject("config-bucket", "k", { ifNoneMatch: null, signal });
    s3.script = [(_, response) => response.writeHead(404).end('<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code><Key>k</Key></Error>')];
    await expect(failure()).rejects.toMatchObject({ code: "NoSuchKey", status: 404, retryable: false });
    s3.script = [(_, response) => response.writeHead(301, { location: "http://127.0.0.1:1/" }).end("<Error><Code>PermanentRedirect</Code></Error>")];
    await expect(failure()).rejects.toMatchObject({ code: "PermanentRedirect", status: 301, retryable: false });
    s3.script = [(_, response) => response.writeHead(200, { etag: ETAG }).end(BUNDLE)];
    await expect(failure({ maxBytes: BUNDLE.length - 1 })).rejects.toMatchObject({ code: "TooLarge" });
    expect(await failure({ maxBytes: BUNDLE.length })).toMatchObject({ etag: ETAG });
    s3.script = [(_, response) => response.writeHead(200).end("from something that is not S3")];
    await expect(failure()).rejects.toMatchObject({ code: "Malformed" });
  });
});
