import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HttpEvent, readHttpEvent } from "../../../adapters/lambda/http-event.ts";

const v2 = (more: object = {}, context: object = {}) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: "/v1/models",
  rawQueryString: "",
  headers: { host: "abc.lambda-url.eu-central-1.on.aws", "x-forwarded-port": "443", "x-forwarded-proto": "https", "x-forwarded-for": "9.9.9.9" },
  requestContext: { domainName: "abc.lambda-url.eu-central-1.on.aws", http: { method: "GET", sourceIp: "9.9.9.9" }, ...context },
  isBase64Encoded: false,
  ...more,
});
const alb = (more: object = {}) => ({
  requestContext: { elb: { targetGroupArn: "arn" } },
  httpMethod: "GET",
  path: "/v1/models",
  queryStringParameters: {},
  headers: { host: "api.example.com", "x-forwarded-for": "1.1.1.1, 2.2.2.2", "x-forwarded-port": "80", "x-forwarded-proto": "http" },
  body: "",
  isBase64Encoded: false,
  ...more,
});
const v1 = (more: object = {}, context: object = {}) => ({
  resource: "/{proxy+}",
  path: "/v1/models",
  httpMethod: "GET",
  headers: {},
  multiValueHeaders: { Host: ["api.example.com"] },
  multiValueQueryStringParameters: null,
  requestContext: { domainName: "api.example.com", identity: { sourceIp: "3.3.3.3", userArn: null }, ...context },
  body: null,
  isBase64Encoded: false,
  ...more,
});

function read(event: unknown): HttpEvent {
  const found = readHttpEvent(event);
  if (found === null || "fault" in found) throw new Error(`no request but ${JSON.stringify(found)}`);
  return found;
}
function faultOf(event: unknown): string | null {
  const found = readHttpEvent(event);
  return found !== null && "fault" in found ? found.fault : null;
}

describe("an HTTP event", () => {
  it("of a function URL", () => {
    expect(read(v2())).toMatchObject({
      door: "v2",
      method: "GET",
      target: "/v1/models",
      authority: "abc.lambda-url.eu-central-1.on.aws",
      scheme: "https",
      port: 443,
      remoteAddress: "9.9.9.9",
      principal: null,
    });
    expect(read(v2({ rawPath: "/a%2Fb", rawQueryString: "x=%20&y" })).target).toBe("/a%2Fb?x=%20&y");
  });

  it("of a load balancer, whose last address is its own word", () => {
    const { door, scheme, port, remoteAddress, target } = read(alb({ queryStringParameters: { a: "%20b", c: "" } }));
    expect({ door, scheme, port, remoteAddress, target }).toEqual({
      door: "alb",
      scheme: "http",
      port: 80,
      remoteAddress: "2.2.2.2",
      target: "/v1/models?a=%20b&c=",
    });
    const multi = alb({
      headers: undefined,
      multiValueHeaders: { host: ["a.example"], accept: ["x", "y"] },
      multiValueQueryStringParameters: { a: ["1", "2"] },
    });
    expect(read(multi)).toMatchObject({ door: "alb-multi", target: "/v1/models?a=1&a=2", headers: ["host", "a.example", "accept", "x", "accept", "y"] });
  });

  it("of a REST API, which decodes parameters: they are encoded again", () => {
    const event = v1({ multiValueQueryStringParameters: { "a b": ["ü&=", "2"] }, queryStringParameters: { "a b": "2" } });
    expect(read(event)).toMatchObject({ door: "v1", target: "/v1/models?a%20b=%C3%BC%26%3D&a%20b=2", remoteAddress: "3.3.3.3", scheme: "https" });
  });

  it("is none for queues, buses and anything else", () => {
    for (const event of [
      null,
      1,
      "text",
      [],
      {},
      { Records: [{ eventSource: "aws:sqs" }] },
      { "detail-type": "x", source: "y", detail: {} },
      { version: "2.0" },
    ])
      expect(readHttpEvent(event)).toBeNull();
    fc.assert(fc.property(fc.jsonValue(), (value) => void readHttpEvent(value)));
  });

  it("has its body as bytes, and null where it cannot be", () => {
    expect(Buffer.from(read(v2({ body: "ü" })).body).toString("hex")).toBe("c3bc");
    expect(Buffer.from(read(v2({ body: "AP8=", isBase64Encoded: true })).body).toString("hex")).toBe("00ff");
    expect(read(v2()).body).toHaveLength(0);
    expect(faultOf(v2({ body: { a: 1 } }))).toContain("body");
  });
});

describe("what is refused", () => {
  it.each(["", "relative", "/a?b", "/a#b", "/100%", "/%zz"])("the path %j", (rawPath) => {
    expect(rawPath === "" ? readHttpEvent(v2({ rawPath })) : faultOf(v2({ rawPath }))).toEqual(rawPath === "" ? null : expect.any(String));
  });

  it("a path of an HTTP API that could have been another one before it was decoded", () => {
    const decoded = (rawPath: string) => faultOf(v2({ rawPath }, { domainName: "abc.execute-api.eu-central-1.amazonaws.com" }));
    expect([decoded("/a b"), decoded("/a%2Fb"), decoded("/ü")]).toEqual(Array(3).fill(expect.stringContaining("function URL")));
    expect(decoded("/model/name:1/invoke")).toBeNull();
    expect(faultOf(v1({ version: "1.0", path: "/a b" }))).toContain("function URL");
  });

  it("no Host, a strange one, or two", () => {
    expect(faultOf(v2({ headers: {} }, { domainName: "" }))).toContain("Host");
    expect(faultOf(v2({ headers: { host: "a/b" } }))).toContain("Host");
    expect(faultOf(v1({ multiValueHeaders: { host: ["a", "b"] } }))).toContain("host");
    expect(faultOf(v1({ multiValueHeaders: { host: ["a"], authorization: ["Bearer a"], Authorization: ["Bearer b"] } }))).toContain("authorization");
    expect(read(v2({ headers: {} })).authority).toBe("abc.lambda-url.eu-central-1.on.aws");
  });
});

describe("headers of the platform", () => {
  it("end here, and a caller's own go on", () => {
    const headers = {
      host: "abc.lambda-url.eu-central-1.on.aws",
      "x-amzn-trace-id": "Root=1",
      "X-Amzn-Oidc-Accesstoken": "token",
      "x-amzn-mtls-clientcert": "pem",
      "cloudfront-viewer-country": "DE",
      "x-amz-cf-id": "id",
      "x-amzn-bedrock-guardrailidentifier": "guard",
      via: "1.1 first, 2.0 abc.cloudfront.net (CloudFront)",
      authorization: "Bearer token",
    };
    expect(read(v2({ headers })).headers).toEqual([
      ...["host", "abc.lambda-url.eu-central-1.on.aws", "x-amzn-bedrock-guardrailidentifier", "guard", "via", "1.1 first", "authorization", "Bearer token"],
    ]);
    expect(read(v2({ headers: { host: "a", via: "2.0 abc.cloudfront.net (CloudFront)" } })).headers).toEqual(["host", "a"]);
  });

  it("cookies come from their own list, once", () => {
    expect(read(v2({ cookies: ["a=1", "b=2"], headers: { host: "a" } })).headers).toEqual(["host", "a", "cookie", "a=1; b=2"]);
    expect(read(v2({ cookies: ["a=1"], headers: { host: "a", cookie: "a=1" } })).headers).toEqual(["host", "a", "cookie", "a=1"]);
  });

  it("a signature counts only where IAM has checked it, and ends here then", () => {
    const signed = {
      host: "a",
      authorization: "AWS4-HMAC-SHA256 x",
      "x-amz-date": "d",
      "x-amz-security-token": "t",
      "x-amz-content-sha256": "h",
      "x-api-key": "k",
    };
    const userArn = "arn:aws:sts::123456789012:assumed-role/a/b";
    const byIam = read(v2({ headers: signed, rawQueryString: "a=1&X-Amz-Security-Token=t&X-Amz-Target=t" }, { authorizer: { iam: { userArn } } }));
    expect(byIam).toMatchObject({
      principal: { type: "AWSIAM", name: userArn },
      headers: ["host", "a", "x-api-key", "k"],
      target: "/v1/models?a=1&X-Amz-Target=t",
    });
    // Signed in the query, with a token for the broker.
    expect(read(v2({ headers: { host: "a", authorization: "Bearer token" } }, { authorizer: { iam: { userArn } } })).headers).toContain("Bearer token");
    const unchecked = read(v2({ headers: signed, rawQueryString: "X-Amz-Security-Token=t" }));
    expect(unchecked).toMatchObject({ principal: null, target: "/v1/models?X-Amz-Security-Token=t" });
    expect(unchecked.headers).toContain("AWS4-HMAC-SHA256 x");
    expect(read(v1({}, { identity: { userArn, sourceIp: "1.1.1.1" } })).principal).toEqual({ type: "AWSIAM", name: userArn });
    // A load balancer authenticates nobody by IAM.
    expect(read(alb({ requestContext: { elb: {}, identity: { userArn }, authorizer: { iam: { userArn } } } })).principal).toBeNull();
  });
});
