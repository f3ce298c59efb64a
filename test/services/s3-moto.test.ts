import { AwsV4Signer } from "aws4fetch";
import { describe, expect, it } from "vitest";
import { createS3Reader } from "../../adapters/aws/s3-object.ts";

const url = process.env["SPILLWAY_MOTO_URL"];
const missing = url === undefined || url === "";
if (missing) process.stderr.write("MISSING: moto. Start `moto_server -H 127.0.0.1 -p PORT` and set SPILLWAY_MOTO_URL=http://127.0.0.1:PORT\n");

const keys = { accessKeyId: "testing", secretAccessKey: "testing" };
const region = "eu-central-1";
const signal = new AbortController().signal;

async function put(path: string, body: string): Promise<void> {
  const signed = await new AwsV4Signer({ method: "PUT", url: `${url}${path}`, body, service: "s3", region, ...keys }).sign();
  const answer = await fetch(signed.url, { method: "PUT", headers: signed.headers, body });
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
}

describe.skipIf(missing)(`objects of S3 by moto${missing ? " (MISSING: SPILLWAY_MOTO_URL is not set)" : ""}`, () => {
  it("reads what was written, sees when it is unchanged, and when it is not", async () => {
    const bucket = `bundles-${process.pid}-${Date.now()}`;
    const reader = createS3Reader({ region, endpoint: url ?? "", credentials: async () => ({ ...keys, sessionToken: null }) });
    const configuration = `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`;
    await put(`/${bucket}`, configuration);
    await put(`/${bucket}/team%20a/bundle.json`, "one");
    const read = (ifNoneMatch: string | null) => reader.getObject(bucket, "team a/bundle.json", { ifNoneMatch, signal });
    const first = await read(null);
    if (first === "unchanged") return expect.unreachable("nothing was known before");
    expect(new TextDecoder().decode(first.bytes)).toBe("one");
    expect(await read(first.etag)).toBe("unchanged");
    await put(`/${bucket}/team%20a/bundle.json`, "two");
    const second = await read(first.etag);
    expect(second === "unchanged" ? "" : new TextDecoder().decode(second.bytes)).toBe("two");
    await expect(reader.getObject(bucket, "absent", { ifNoneMatch: null, signal })).rejects.toMatchObject({ code: "NoSuchKey", status: 404 });
    await expect(reader.getObject(`${bucket}-absent`, "x", { ifNoneMatch: null, signal })).rejects.toMatchObject({ code: "NoSuchBucket", status: 404 });
  });
});
