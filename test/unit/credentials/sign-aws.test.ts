import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAwsSigner, type SignableRequest } from "../../../src/credentials/sign-aws.ts";
import { find, findAll } from "../../../src/lib/header-list.ts";

const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: null };
const AT = Date.UTC(2015, 7, 30, 12, 36, 0);
const SCOPE = { service: "service", region: "us-east-1", signsBody: true };
const origin = { scheme: "https", hostname: "example.amazonaws.com", port: 443 } as const;
const bytes = (text: string) => new TextEncoder().encode(text);
const request = (overrides: Partial<SignableRequest> = {}): SignableRequest => ({
  origin,
  method: "GET",
  path: "/",
  headers: ["host", "example.amazonaws.com"],
  body: null,
  ...overrides,
});
const signatureOf = (headers: readonly string[]) => /Signature=([0-9a-f]{64})/.exec(find(headers, "authorization") ?? "")?.[1];

describe("AWS's published test suite for Signature Version 4", () => {
  it.each([
    ["get-vanilla", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    ["get-vanilla-query-order-key-case", { path: "/?Param2=value2&Param1=value1" }, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"],
    [
      "get-vanilla-query-unreserved",
      {
        path: "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
      },
      "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ],
    ["get-vanilla-utf8-query", { path: "/?%E1%88%B4=bar" }, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"],
    [
      "get-unreserved",
      { path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" },
      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ],
    ["post-vanilla", { method: "POST" }, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
    [
      "post-x-www-form-urlencoded",
      {
        method: "POST",
        headers: ["Host", "example.amazonaws.com", "Content-Type", "application/x-www-form-urlencoded"],
        body: bytes("Param1=value1"),
      },
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ],
  ] as const)("%s", async (_, overrides, signature) => {
    const signed = await createAwsSigner(() => AT).sign(request(overrides), KEYS, SCOPE);
    expect(signatureOf(signed.headers)).toBe(signature);
    expect(find(signed.headers, "x-amz-date")).toBe("20150830T123600Z");
  });
});

/** The same request signed by AWS's own code for JavaScript. */
async function bySmithy(path: string, headers: Readonly<Record<string, string>>, body: string, service: string, region: string): Promise<string | undefined> {
  const [pathname = "", query = ""] = path.split("?", 2);
  const signer = new SignatureV4({ credentials: { ...KEYS, sessionToken: "session/token==" }, region, service, sha256: Sha256, applyChecksum: false });
  const signed = await signer.sign(
    {
      method: "POST",
      protocol: "https:",
      hostname: headers["host"] ?? "",
      path: pathname,
      query: Object.fromEntries(new URLSearchParams(query)),
      headers: { ...headers },
      body,
    },
    { signingDate: new Date(AT) },
  );
  return signed.headers["authorization"];
}

async function both(path: string, service = "bedrock", more: Readonly<Record<string, string>> = {}) {
  const region = "eu-central-1";
  const host = `bedrock-runtime.${region}.amazonaws.com`;
  const headers = { host, "content-type": "application/json", ...more };
  const body = '{"messages":[{"role":"user","content":[{"text":"Grüße"}]}]}';
  const signed = await createAwsSigner(() => AT).sign(
    { origin: { ...origin, hostname: host }, method: "POST", path, headers: Object.entries(headers).flat(), body: bytes(body) },
    { ...KEYS, sessionToken: "session/token==" },
    { service, region, signsBody: true },
  );
  expect(signed.path).toBe(path);
  return { ours: find(signed.headers, "authorization"), theirs: await bySmithy(path, headers, body, service, region) };
}

describe("byte equality with AWS's own signer", () => {
  it.each([
    "/model/anthropic.claude-3-haiku-20240307-v1:0/converse",
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
    "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream",
    "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
    "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aprovisioned-model%2Fabc123/invoke",
    "/guardrail/g-1/version/DRAFT/apply?a=b&z=1",
    "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-central-1%3A1%3Aruntime%2Fx/invocations?qualifier=DEFAULT",
  ])("%s", async (path) => {
    const { ours, theirs } = await both(path);
    expect(ours).toBe(theirs);
  });

  it.each(["bedrock", "bedrock-mantle", "aws-external-anthropic", "bedrock-agentcore"])("service %s", async (service) => {
    const { ours, theirs } = await both("/v1/messages", service, { "x-amzn-bedrock-trace": "ENABLED", "x-amz-target": "a.b" });
    expect(ours).toBe(theirs);
  });

  it("any model's name, as clients encode it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 40 }), async (model) => {
        const segment = encodeURIComponent(model);
        fc.pre(segment !== "." && segment !== "..");
        const { ours, theirs } = await both(`/model/${segment}/converse`);
        expect(ours).toBe(theirs);
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is signed", () => {
  it("nothing of a caller's own signature survives, in headers or in the query", async () => {
    const path = "/model/m/converse?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&keep=1&X-Amz-Signature=00&x-amz-security-token=t";
    const headers = ["Host", "example.amazonaws.com", "Authorization", "AWS4-HMAC-SHA256 Credential=THEIRS/…", "X-Amz-Date", "19990101T000000Z"];
    const signed = await createAwsSigner(() => AT).sign(
      request({ path, headers: [...headers, "x-amz-content-sha256", "00", "x-amz-security-token", "theirs"] }),
      KEYS,
      SCOPE,
    );
    expect(signed.path).toBe("/model/m/converse?keep=1");
    expect(findAll(signed.headers, "authorization")).toHaveLength(1);
    expect(findAll(signed.headers, "x-amz-date")).toEqual(["20150830T123600Z"]);
    expect(JSON.stringify(signed)).not.toMatch(/THEIRS|theirs|19990101/);
  });

  it("hop headers and what proxies touch stay out; AWS's own headers and content-type stand in it", async () => {
    const headers = ["host", "example.amazonaws.com", "via", "1.1 spillway", "user-agent", "sdk", "content-type", "application/json", "x-amz-target", "t"];
    const signed = await createAwsSigner(() => AT).sign(request({ headers }), KEYS, SCOPE);
    expect(find(signed.headers, "authorization")).toContain("SignedHeaders=content-type;host;x-amz-date;x-amz-target,");
  });

  it("S3 gets the digest beside the signature, or is told that there is none", async () => {
    const signer = createAwsSigner(() => AT);
    const s3 = { ...SCOPE, service: "s3" };
    const whole = await signer.sign(request({ method: "PUT", body: bytes("x") }), KEYS, s3);
    expect(find(whole.headers, "x-amz-content-sha256")).toBe("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    const open = await signer.sign(request({ method: "PUT" }), KEYS, { ...s3, signsBody: false });
    expect(find(open.headers, "x-amz-content-sha256")).toBe("UNSIGNED-PAYLOAD");
  });

  it("learns of a clock that is wrong from the answer that refuses, once", async () => {
    const signer = createAwsSigner(() => AT);
    const answer = { status: 403, headers: ["Date", new Date(AT + 3_600_000).toUTCString()] };
    expect(signer.learn("other.example", { ...answer, status: 200 })).toBe(false);
    expect(signer.learn(origin.hostname, { status: 403, headers: ["date", "yesterday"] })).toBe(false);
    expect(signer.learn(origin.hostname, answer)).toBe(true);
    expect(signer.learn(origin.hostname, answer)).toBe(false);
    expect(find((await signer.sign(request(), KEYS, SCOPE)).headers, "x-amz-date")).toBe("20150830T133600Z");
  });
});
