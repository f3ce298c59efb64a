import type { ServerResponse } from "node:http";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AwsClientOptions, AwsError, createAwsClient } from "../../../adapters/aws/aws-client.ts";
import { type AwsRequest, awsAnswer, awsError, type FakeAwsService, startFakeAwsService } from "../../fakes/aws-service.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../../fakes/aws-signature.ts";

const SESSION_TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN";
const held = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: SESSION_TOKEN };
const VALUE = "sk-held-in-the-body";
const open = new AbortController().signal;
/** Timers that are due at once: pauses pass, and time limits must not be among what is tried. */
const impatient = { now: Date.now, after: afterShort };

function afterShort(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms >= 3_000 ? ms : 1);
  return () => clearTimeout(timer);
}

describe("the AWS client", () => {
  let aws: FakeAwsService;
  let serverAheadMs = 0;
  const client = (options: Partial<AwsClientOptions> = {}) =>
    createAwsClient({
      service: "dynamodb",
      region: "eu-central-1",
      credentials: async () => held,
      endpoint: aws.url,
      clock: impatient,
      ...options,
    });
  const call = (options: Partial<AwsClientOptions> = {}, signal: AbortSignal = open) =>
    client(options).call("DynamoDB_20120810.PutItem", { Item: VALUE }, { signal, maxBytes: 1_000 });
  const failure = async (options: Partial<AwsClientOptions> = {}, signal: AbortSignal = open): Promise<AwsError> => {
    const error = await call(options, signal).then(
      () => expect.unreachable("it answered"),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof AwsError)) throw error;
    const told = inspect(error, { depth: 9, showHidden: true });
    for (const secret of [AWS_SECRET_ACCESS_KEY, SESSION_TOKEN, VALUE, "told by the fake"]) expect(told).not.toContain(secret);
    return error;
  };

  beforeEach(async () => {
    serverAheadMs = 0;
    aws = await startFakeAwsService({ region: "eu-central-1", service: "dynamodb", now: () => Date.now() + serverAheadMs });
  });
  afterEach(() => aws.close());

  it("sends what AWS's own code would sign the same way", async () => {
    aws.script = [awsAnswer({ Attributes: { n: 1 } })];
    expect(await call()).toEqual({ Attributes: { n: 1 } });
    expect(aws.requests).toHaveLength(1);
    expect(aws.requests[0]).toMatchObject({ method: "POST", url: "/", signed: true, body: JSON.stringify({ Item: VALUE }) });
    expect(aws.requests[0]?.headers).toMatchObject({
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.PutItem",
      "x-amz-security-token": SESSION_TOKEN,
    });
  });

  it("signs for an endpoint with a path, for JSON 1.1, and without a session", async () => {
    const prefixed = client({ endpoint: `${aws.url}/a b/`, credentials: async () => ({ ...held, sessionToken: null }) });
    await prefixed.call("AWSEvents.PutEvents", { detail: "pässwörd-日本" }, { signal: open, contentType: "application/x-amz-json-1.1" });
    expect(aws.requests[0]).toMatchObject({ url: "/a%20b/", signed: true });
    expect(aws.requests[0]?.headers).toMatchObject({ "content-type": "application/x-amz-json-1.1" });
    expect(aws.requests[0]?.headers).not.toHaveProperty("x-amz-security-token");
  });

  it("is refused with another key, another region or another service", async () => {
    for (const wrong of [{ credentials: async () => ({ ...held, secretAccessKey: "another" }) }, { region: "eu-west-1" }, { service: "sqs" }]) {
      expect(await failure(wrong)).toMatchObject({ code: "InvalidSignatureException", status: 403, retryable: false, attempts: 1 });
    }
    expect(aws.requests).toHaveLength(3);
  });

  it("asks for the keys anew for each call", async () => {
    let secretAccessKey = "before the rotation";
    const one = client({ credentials: async () => ({ ...held, secretAccessKey }) });
    await expect(one.call("x.Y", {}, { signal: open })).rejects.toMatchObject({ code: "InvalidSignatureException" });
    secretAccessKey = AWS_SECRET_ACCESS_KEY;
    expect(await one.call("x.Y", {}, { signal: open })).toEqual({});
  });

  it.each([
    ["throttling", awsError("ThrottlingException")],
    ["too much for the table", awsError("ProvisionedThroughputExceededException")],
    ["429", awsError("SomethingNew", 429)],
    ["500", awsError("InternalServerError", 500)],
    ["a 503 of something in between", (_: AwsRequest, response: ServerResponse) => response.writeHead(503).end("<html>")],
    ["a connection that breaks", (_: AwsRequest, response: ServerResponse) => response.destroy()],
  ])("sends again after %s", async (_, reply) => {
    aws.script = [reply, reply, awsAnswer({ done: true })];
    expect(await call()).toEqual({ done: true });
    expect(aws.requests).toHaveLength(3);
  });

  it("gives up after the last attempt, and says that it may be tried again", async () => {
    aws.script = [awsError("ThrottlingException")];
    expect(await failure()).toMatchObject({ code: "ThrottlingException", status: 400, retryable: true, attempts: 3 });
    expect(aws.requests).toHaveLength(3);
    expect(await failure({ attempts: 1 })).toMatchObject({ attempts: 1 });
  });

  it("waits between attempts, longer each time, and never in step with others", async () => {
    aws.script = [awsError("ThrottlingException")];
    const pauses: number[] = [];
    const after = (ms: number, callback: () => void) => {
      if (ms < 3_000) pauses.push(ms);
      return afterShort(ms, callback);
    };
    await failure({ attempts: 8, random: () => 0.5, clock: { now: Date.now, after } });
    expect(pauses).toEqual([75, 150, 300, 600, 1_200, 1_500, 1_500]);
  });

  it("does not send again what is refused", async () => {
    aws.script = [awsError("ConditionalCheckFailedException")];
    expect(await failure()).toMatchObject({ code: "ConditionalCheckFailedException", status: 400, retryable: false });
    aws.script = [(_, response) => response.writeHead(413, { "x-amzn-errortype": "TooMuchException:http://internal.amazon.com/" }).end()];
    expect(await failure()).toMatchObject({ code: "TooMuchException", status: 413, retryable: false });
    aws.script = [(_, response) => response.writeHead(404).end("{{")];
    expect(await failure()).toMatchObject({ code: "Http404", retryable: false });
    aws.script = [awsError("quoting\nwhat was sent")];
    expect(await failure()).toMatchObject({ code: "Http400", retryable: false });
    expect(aws.requests).toHaveLength(4);
  });

  it("bounds a server that hangs, before the head and in the middle of the body", async () => {
    const clock = { now: Date.now, after: (_: number, callback: () => void) => afterShort(20, callback) };
    aws.script = [() => {}];
    expect(await failure({ clock, attempts: 2 })).toMatchObject({ code: "TimeLimit", status: null, retryable: true, attempts: 2 });
    expect(aws.requests.length).toBeLessThanOrEqual(2);
    aws.script = [(_, response) => response.writeHead(200).write("{")];
    expect(await failure({ timeoutMs: 1_000, attempts: 1, clock: { now: Date.now, after: realAfter } })).toMatchObject({ code: "TimeLimit" });
  });

  it("bounds keys that do not come, and does not tell why they do not", async () => {
    const never = { credentials: () => new Promise<never>(() => {}), timeoutMs: 20, attempts: 1, clock: { now: Date.now, after: realAfter } };
    expect(await failure(never)).toMatchObject({ code: "TimeLimit" });
    const broken = { credentials: () => Promise.reject(new Error(`no ${AWS_SECRET_ACCESS_KEY}`)) };
    expect(await failure(broken)).toMatchObject({ code: "CredentialsUnavailable", retryable: true });
    expect(aws.requests).toEqual([]);
  });

  it("leaves when the asker leaves: before, while it is sent, and between attempts", async () => {
    expect(await failure({}, AbortSignal.abort())).toMatchObject({ code: "Aborted" });
    expect(aws.requests).toEqual([]);
    const asker = new AbortController();
    const gone = new Promise<void>((resolve) => {
      aws.script = [
        (_, response) => {
          response.on("close", resolve);
          asker.abort();
        },
      ];
    });
    expect(await failure({}, asker.signal)).toMatchObject({ code: "Aborted", attempts: 1 });
    await gone;
    aws.script = [awsError("ThrottlingException")];
    const second = new AbortController();
    const after = (ms: number, callback: () => void) => {
      if (ms < 3_000) second.abort();
      return realAfter(ms < 3_000 ? 60_000 : ms, callback);
    };
    expect(await failure({ clock: { now: Date.now, after } }, second.signal)).toMatchObject({ code: "Aborted" });
    expect(aws.requests).toHaveLength(2);
  });

  it("signs once more by the server's clock, keeps to it, and does not do so twice", async () => {
    serverAheadMs = 20 * 60_000;
    const one = client();
    expect(await one.call("x.Y", {}, { signal: open })).toEqual({});
    expect(aws.requests.map((request) => request.signed)).toEqual([false, true]);
    expect(await one.call("x.Y", {}, { signal: open })).toEqual({});
    expect(aws.requests.map((request) => request.signed)).toEqual([false, true, true]);
    serverAheadMs = -40 * 60_000;
    expect(await one.call("x.Y", {}, { signal: open })).toEqual({});
    aws.requests.length = 0;
    // A server whose clock runs away would have it sign for ever.
    aws.script = [
      (request, response) => {
        serverAheadMs += 600_000;
        response.setHeader("date", new Date(Date.now() + serverAheadMs).toUTCString());
        awsError("InvalidSignatureException", 403)(request, response);
      },
    ];
    await expect(one.call("x.Y", {}, { signal: open })).rejects.toMatchObject({ code: "InvalidSignatureException" });
    expect(aws.requests).toHaveLength(2);
  });

  it("follows no redirect", async () => {
    aws.script = [(_, response) => response.writeHead(307, { location: `${aws.url}/elsewhere` }).end()];
    expect(await failure()).toMatchObject({ code: "Redirected", status: 307, retryable: false });
    expect(aws.requests).toHaveLength(1);
  });

  it("refuses an answer that is too long, that is no JSON, or an error without end", async () => {
    aws.script = [awsAnswer({ long: "x".repeat(1_000) })];
    expect(await failure()).toMatchObject({ code: "TooLarge", status: 200, retryable: false });
    aws.script = [(_, response) => response.end(`<html>${VALUE}`)];
    expect(await failure()).toMatchObject({ code: "Malformed", status: 200, retryable: false });
    aws.script = [(_, response) => response.writeHead(400).end("x".repeat(1_000_000))];
    expect(await failure()).toMatchObject({ code: "Http400", status: 400 });
    aws.script = [(_, response) => response.end()];
    expect(await call()).toBeNull();
  });

  it("says when nobody is there", async () => {
    const { url } = aws;
    await aws.close();
    expect(await failure({ endpoint: url })).toMatchObject({ code: "NoAnswer", status: null, retryable: true, attempts: 3 });
  });
});

function realAfter(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
