import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chatBody } from "./chat-bytes.ts";
import { startLambdaWorld } from "./platform-world.ts";

let world: Awaited<ReturnType<typeof startLambdaWorld>>;
beforeAll(async () => {
  world = await startLambdaWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.reset());

const BODY = chatBody();
const HEADERS = { host: "abc.lambda-url.eu-central-1.on.aws", authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" };

/** A call by a function URL, good but for the changes. */
function event(changes: object = {}, http: object = {}): object {
  return {
    version: "2.0",
    rawPath: "/v1/chat/completions",
    rawQueryString: "",
    headers: HEADERS,
    requestContext: { domainName: "abc.lambda-url.eu-central-1.on.aws", http: { method: "POST", sourceIp: "203.0.113.9", ...http } },
    body: BODY,
    isBase64Encoded: false,
    ...changes,
  };
}

/** The status in the prelude of a streamed answer; null: the function said that it is no event for it. */
async function statusOf(sent: unknown): Promise<number | null> {
  const { body, errorType } = await world.lambda.invoke(sent);
  const end = body.indexOf(Buffer.alloc(8));
  if (end === -1) {
    expect(errorType).toBe("Error");
    return null;
  }
  return (JSON.parse(body.subarray(0, end).toString()) as { statusCode: number }).statusCode; // the shape that AWS documents
}

const many = (count: number, length = 1): object => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "a".repeat(length)]));

it("T19: a good event is a call", async () => {
  expect(await statusOf(event())).toBe(200);
  expect(await statusOf(event({ body: Buffer.from(BODY).toString("base64"), isBase64Encoded: true }))).toBe(200);
  expect(world.seen("first").map(({ body }) => body.toString())).toEqual([BODY, BODY]);
});

const refused: readonly (readonly [string, unknown])[] = [
  ["a path with a line break", event({ rawPath: "/v1/x HTTP/1.1\r\nx-smuggled: 1" })],
  ["a path with a space", event({ rawPath: "/v1/x y" })],
  ["a path with a NUL", event({ rawPath: "/v1/\0x" })],
  ["a query with a line break", event({ rawQueryString: "a=1 HTTP/1.1\r\nx-smuggled: 1" })],
  ["a fragment in its query", event({ rawQueryString: "a=1#b" })],
  ["a method with a line break", event({}, { method: "POST / HTTP/1.1\r\nx-smuggled: 1\r\n\r\nGET" })],
  ["a method with a space", event({}, { method: "PO ST" })],
  ["no method", event({}, { method: "" })],
  ["a method that is a number", event({}, { method: 5 })],
  ["CONNECT", event({}, { method: "CONNECT" })],
  ["a Host with a path", event({ headers: { ...HEADERS, host: "a/b" } })],
  ["a header with a line break", event({ headers: { ...HEADERS, "x-a": "1\r\nx-smuggled: 1" } })],
  ["a header with a NUL", event({ headers: { ...HEADERS, "x-a": "1\0" } })],
  ["a name with a line break", event({ headers: { ...HEADERS, "x-a\r\nx-smuggled": "1" } })],
  ["a name with a space", event({ headers: { ...HEADERS, "x a": "1" } })],
  ["an empty name", event({ headers: { ...HEADERS, "": "1" } })],
  ["two credentials by their case", event({ headers: { ...HEADERS, Authorization: `Bearer ${CALLER_TOKEN}` } })],
  ["a thousand headers", event({ headers: { ...HEADERS, ...many(1_000) } })],
  ["headers of a megabyte", event({ headers: { ...HEADERS, ...many(10, 100_000) } })],
  ["a body that is an object", event({ body: { model: "m" } })],
  ["a body that is a number", event({ body: 5 })],
  ["base64 that is none", event({ body: BODY, isBase64Encoded: true })],
  ["base64 that is cut", event({ body: Buffer.from(BODY).toString("base64").slice(0, -3), isBase64Encoded: true })],
  ["base64 with something behind it", event({ body: `${Buffer.from(BODY).toString("base64")}!!`, isBase64Encoded: true })],
  ["no token", event({ headers: { host: "a" } })],
  ["a token that is an object", event({ headers: { ...HEADERS, authorization: { Bearer: CALLER_TOKEN } } })],
  ["headers that are a text", event({ headers: `authorization: Bearer ${CALLER_TOKEN}` })],
  ["headers that are null", event({ headers: null })],
  [
    "an IAM principal that is no text",
    event({
      headers: { host: "a" },
      requestContext: { domainName: "a", authorizer: { iam: { userArn: ["arn:aws:iam::1:user/a"] } }, http: { method: "POST" } },
    }),
  ],
  ["null", null],
  ["a text", "event"],
  ["a number", 5],
  ["a list", []],
  ["nothing", {}],
  ["a context that is a text", event({ requestContext: "x" })],
  ["a context that is null", event({ requestContext: null })],
  ["a path that is an object", event({ rawPath: { a: 1 } })],
  ["a member __proto__", JSON.parse('{"__proto__":{"version":"2.0","rawPath":"/v1/x"},"requestContext":{"http":{"method":"GET"}}}')],
];
it.each(refused)("T19 T10 T11 B7: an event with %s reaches nobody, and the environment lives", async (_name, sent) => {
  const status = await statusOf(sent);
  if (status !== null) expect([400, 401, 404, 405, 413, 431]).toContain(status);
  expect([...world.seen("first"), ...world.seen("second")]).toEqual([]);
  expect(world.lambda.environments()).toBe(1);
});

it("T5 T21: headers that are no texts, and those of an object's prototype, are headers or nothing", async () => {
  const headers = JSON.parse(
    JSON.stringify({ ...HEADERS, "x-number": 5, "x-null": null, "x-list": ["a"], "x-object": {}, constructor: "c" }).replace("{", '{"__proto__":"p",'),
  ) as object; // as it comes
  const status = await statusOf(event({ headers }));
  expect([200, 400]).toContain(status);
  for (const { headers: got } of world.seen("first")) expect(got.flat().join("\n")).not.toMatch(/\[object|undefined|smuggled/);
});

it("T10: each front door refuses what its own parts say differently", async () => {
  const alb = { httpMethod: "POST", path: "/v1/chat/completions", requestContext: { elb: {} }, body: BODY, isBase64Encoded: false };
  expect(await statusOf({ ...alb, multiValueHeaders: { host: ["a"], authorization: [`Bearer ${CALLER_TOKEN}`, "Bearer other"] } })).toBe(400);
  expect(await statusOf({ ...alb, multiValueHeaders: { host: ["a", "b"] } })).toBe(400);
  expect(await statusOf({ ...alb, multiValueHeaders: { host: "a" } })).toBe(400);
  expect(await statusOf({ ...alb, path: "/v1/x\r\nx: y", headers: HEADERS })).toBe(400);
  expect(world.seen("first")).toEqual([]);
});
