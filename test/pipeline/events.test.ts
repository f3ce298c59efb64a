import { describe, expect, it } from "vitest";
import { ADMIN_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { installEvents, requestEvent } from "./event-desk.ts";
import { GOOD_STREAM, JSON_HEADERS, ONE, STREAM_HEADERS, TWO } from "./installation.ts";

const HELLO = {
  status: 200,
  headers: JSON_HEADERS,
  body: '{"choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":3,"completion_tokens":5}}',
} as const;
// A text of ours: the test looks at what it needs.
const replyOf = (answer: { readonly body: string | null }) => JSON.parse(answer.body ?? "null") as Record<string, never> & { data: Record<string, never> };

/** Digests are made by threads of their own, which no fake clock moves. */
const called = (one: ReturnType<typeof installEvents>, times: number) => expect.poll(() => one.transport.sent.length, { interval: 5 }).toBe(times);

describe("a call that comes as an event", () => {
  it("goes through the ten stages and comes back as the reply, correlated", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    const event = requestEvent({}, { subject: "invoice 7", correlationid: "saga-1", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
    const answer = await one.post(event);
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": expect.stringContaining("application/cloudevents+json") } });
    expect(replyOf(answer)).toMatchObject({
      specversion: "1.0",
      type: "dev.spillway.egress.response.v1",
      source: "/spillway/test",
      subject: "invoice 7",
      correlationid: "saga-1",
      causationid: event["id"],
      data: {
        request: { id: event["id"], source: "/team-a/jobs" },
        status: 200,
        truncated: false,
        error: null,
        body: { json: { usage: { completion_tokens: 5 } } },
      },
    });
    const [sent] = one.transport.sent;
    expect(sent?.body).toContain("gpt-test");
    expect(sent?.request.headers.join("\n")).toContain("Bearer only-key-value");
    one.broker.attribution.drain();
    expect(one.log.at(-1)).toMatchObject({
      namespace: "team-a",
      service_account: "assistant",
      outcome: "ok",
      output_tokens: 5,
      trace_id: "0af7651916cd43dd8448eb211c80319c",
    });
  });

  it("goes to the sink where nobody asked for a reply, and only then is acknowledged", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    const event = requestEvent();
    expect(await one.post(event, { reply: false })).toMatchObject({ status: 202, body: null });
    expect(one.published).toHaveLength(1);
    expect(one.published[0]).toMatchObject({ type: "dev.spillway.egress.response.v1", extensions: { causationid: event["id"] } });
  });

  it("is not called for twice: its second delivery is answered from the record, with the same id", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    const event = requestEvent();
    const first = replyOf(await one.post(event));
    const second = replyOf(await one.post(event));
    expect(second).toEqual(first);
    expect(await one.post(event, { reply: false })).toMatchObject({ status: 202 });
    expect(one.published.map(({ id }) => id)).toEqual([first["id"]]);
    expect(await one.post(event, { reply: false })).toMatchObject({ status: 202 });
    expect(one.published).toHaveLength(1);
    expect(one.transport.sent).toHaveLength(1);
  });

  it("that is still running elsewhere is put off, and not called for", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", "hang");
    const event = requestEvent();
    const running = one.post(event);
    await called(one, 1);
    expect(await one.post(event)).toMatchObject({ status: 409, headers: { "retry-after": expect.stringMatching(/^\d+$/) } });
    expect(one.transport.sent).toHaveLength(1);
    await one.clock.advance(5_000);
    expect((await running).status).toBe(503);
  });

  it("keeps its lease while it runs, however long", async () => {
    const one = installEvents({ ...ONE, backends: [{ name: "only", port: 8001, key: "k", api: "OpenAI", timeouts: "{firstByte: 10m}" }] });
    one.transport.script("only", "hang");
    const event = requestEvent();
    const running = one.post(event);
    await called(one, 1);
    for (let seconds = 0; seconds < 300; seconds += 20) {
      await one.clock.advance(20_000);
      expect((await one.post(event)).status).toBe(409);
    }
    expect(one.transport.sent).toHaveLength(1);
    await one.clock.advance(400_000);
    expect((await running).status).toBe(503);
  });

  it("stops as soon as its lease is lost, and leaves the answer to whoever has it", async () => {
    const one = installEvents({ ...ONE, backends: [{ name: "only", port: 8001, key: "k", api: "OpenAI", timeouts: "{firstByte: 10m}" }] });
    one.transport.script("only", "hang", HELLO);
    const event = requestEvent();
    const stuck = one.post(event);
    await called(one, 1);
    one.state.down = true;
    await one.clock.advance(40_000);
    expect((await stuck).status).toBe(503);
    one.state.down = false;
    expect((await one.post(event)).status).toBe(200);
    expect(one.transport.sent).toHaveLength(2);
    expect(one.transport.listening()).toBe(0);
  });

  it("collects a streamed answer whole, and cuts one that is too long, saying so", async () => {
    const one = installEvents(ONE);
    one.transport.script(
      "only",
      { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM },
      { status: 200, headers: ["content-type", "text/plain"], body: ["x".repeat(140 * 1024), "y".repeat(8 * 1024)] },
    );
    const streamed = replyOf(await one.post(requestEvent({ body: { json: { model: "m", stream: true, messages: [] } } })));
    expect(streamed.data).toMatchObject({ body: { text: GOOD_STREAM.join("") }, truncated: false });
    const cut = replyOf(await one.post(requestEvent({ url: "http://egress.example/plain" })));
    expect(cut.data).toMatchObject({ truncated: true, bytes: 148 * 1024 });
    expect(Buffer.from((cut.data["body"] as unknown as { base64: string }).base64, "base64").length).toBe(144 * 1024);
  });

  it("is told in an event of a bounded size, whatever its answer is made of", async () => {
    const one = installEvents(ONE);
    const bodies: [string, string, string][] = [
      ["text of nothing but escapes", "text/plain", "\u0001".repeat(140 * 1024)],
      ["quotes", "text/plain", '"'.repeat(144 * 1024)],
      ["more than fits", "application/octet-stream", "x".repeat(400 * 1024)],
    ];
    for (const [name, type, body] of bodies) {
      one.transport.script("only", {
        status: 200,
        headers: ["content-type", type, ...Array.from({ length: 40 }, (_, n) => [`x-long-${n}`, "h".repeat(1_000)]).flat()],
        body,
      });
      const answer = await one.post(requestEvent());
      expect(Buffer.byteLength(answer.body ?? ""), name).toBeLessThanOrEqual(208 * 1024);
      const { data } = replyOf(answer);
      expect(data, name).toMatchObject({ status: 200, bytes: body.length, headers: { "x-egress-backend": expect.any(String) } });
      const carried = data["body"] as unknown as { readonly base64: string };
      expect(Buffer.from(carried.base64, "base64").toString(), name).toBe(body.slice(0, 144 * 1024));
    }
  });

  it("that fails for now is delivered again: nothing is recorded, nothing is told", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", { status: 503, headers: ["retry-after", "90"] }, HELLO);
    const event = requestEvent();
    const put = await one.post(event, { reply: false });
    expect(put).toMatchObject({ status: 503 });
    expect(one.published).toEqual([]);
    expect(one.state.entries().size).toBe(0);
    await one.clock.advance(120_000);
    expect((await one.post(event, { reply: false })).status).toBe(202);
    expect(one.published).toHaveLength(1);
  });

  it.each([
    ["an answer that breaks off", { status: 200, headers: JSON_HEADERS, body: ["{"], ending: { kind: "reset", sent: true, message: "gone" } } as const],
    ["a stream without its end", { status: 200, headers: STREAM_HEADERS, body: [GOOD_STREAM[0] ?? ""] } as const],
    ["a destination that cannot be reached", { kind: "connect", detail: "refused", message: "no" } as const],
  ])("is delivered again after %s", async (_, step) => {
    const one = installEvents(ONE);
    one.transport.script("only", step);
    const answer = await one.post(requestEvent({ body: { json: { model: "m", stream: true, messages: [] } } }));
    expect([answer.status, one.state.entries().size]).toEqual([503, 0]);
  });

  it("fails over like any other call", async () => {
    const two = installEvents(TWO);
    two.transport.script("first", { status: 529 });
    two.transport.script("second", HELLO);
    expect(replyOf(await two.post(requestEvent())).data).toMatchObject({ status: 200, headers: { "x-egress-attempts": "2" } });
  });

  it("that policy refuses is answered with the refusal: to deliver it again would not help", async () => {
    const lock =
      "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  appliesTo: {namespaces: {matchLabels: {team: a}}}\n  allow: {jurisdictions: [EU]}";
    const one = installEvents({ backends: [{ name: "only", port: 8001, region: "us-east-1", api: "OpenAI" }], more: lock });
    expect(replyOf(await one.post(requestEvent())).data).toMatchObject({ status: 403, error: "region_locked" });
    expect(one.transport.sent).toEqual([]);
  });

  it("passes a 4xx of the destination on as an answer", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", { status: 422, headers: JSON_HEADERS, body: '{"error":"no"}' });
    expect(replyOf(await one.post(requestEvent())).data).toMatchObject({ status: 422, body: { json: { error: "no" } } });
  });
});

describe("on whose behalf", () => {
  it("the token inside counts, and a wrong one is poison", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    expect((await one.post(requestEvent({ token: OTHER_TOKEN }))).status).toBe(200);
    one.broker.attribution.drain();
    expect(one.log.at(-1)).toMatchObject({ namespace: "team-b", service_account: "worker" });
    expect((await one.post(requestEvent({ token: "stolen" }))).status).toBe(401);
    expect((await one.post(requestEvent({ headers: { "x-api-key": "stolen" } }))).status).toBe(401);
    expect(one.transport.sent).toHaveLength(1);
    expect(one.told()).not.toContain(OTHER_TOKEN);
  });

  it("an operator that delivers for others lends them nothing of its own", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    const refused = await one.post(requestEvent(), { token: ADMIN_TOKEN });
    expect(refused).toMatchObject({ status: 403, body: expect.stringContaining("data.token") });
    expect(one.transport.sent).toEqual([]);
    expect((await one.post(requestEvent({ token: OTHER_TOKEN }), { token: ADMIN_TOKEN })).status).toBe(200);
    one.broker.attribution.drain();
    expect(one.log.at(-1)).toMatchObject({ namespace: "team-b" });
  });

  it("nobody may send who is not proved", async () => {
    const one = installEvents(ONE);
    expect(await one.post(requestEvent(), { token: null })).toMatchObject({ status: 401, headers: { "www-authenticate": expect.stringContaining("Bearer") } });
    expect((await one.post(requestEvent(), { token: "wrong" })).status).toBe(401);
    expect((await one.post(requestEvent({ token: OTHER_TOKEN }), { token: null })).status).toBe(401);
    expect(one.transport.sent).toEqual([]);
    expect(one.reads.count).toBe(0);
  });

  it("a queue stands for the namespace that the manifests say, and one that they do not name for none", async () => {
    const principals = '  identity:\n    principals:\n    - {type: AWSSQS, name: "arn:aws:sqs:eu-central-1:123456789012:team-b", namespace: team-b}\n';
    const text = testManifests(ONE).replace(/ {2}identity: .*\n/, principals);
    const one = installEvents(text);
    one.transport.script("only", HELLO);
    const from = (name: string) => ({ token: null, platform: { principal: { type: "AWSSQS" as const, name } } });
    expect((await one.post(requestEvent(), from("arn:aws:sqs:eu-central-1:123456789012:team-b"))).status).toBe(200);
    one.broker.attribution.drain();
    expect(one.log.at(-1)).toMatchObject({ namespace: "team-b", proof: "platform" });
    expect((await one.post(requestEvent(), from("arn:aws:sqs:eu-central-1:123456789012:team-bb"))).status).toBe(401);
  });

  it("nobody is answered from the record of somebody else's call", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    const event = requestEvent();
    expect((await one.post(event)).status).toBe(200);
    expect((await one.post(event, { token: OTHER_TOKEN })).status).toBe(200);
    expect(one.transport.sent).toHaveLength(2);
  });

  it("an event that names a route is served by that route or not at all", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    const named = (route: string) => one.post(requestEvent({ url: undefined, route, path: "/v1/chat/completions" }));
    expect(replyOf(await named("team-a/route")).data).toMatchObject({ status: 200 });
    expect(replyOf(await named("team-a/other")).data).toMatchObject({ status: 404, error: "route_not_found" });
  });
});

describe("what is no good event", () => {
  const one = installEvents(ONE);
  it.each([
    ["nothing at all", undefined, /empty/],
    ["no CloudEvent", { hello: 1 }, /neither a CloudEvent/],
    ["another version", requestEvent({}, { specversion: "0.3" }), /specversion/],
    ["no id", requestEvent({}, { id: "" }), /attribute id/],
    ["a source with blanks", requestEvent({}, { source: "a b" }), /source/],
    ["an extension with an odd name", requestEvent({}, { "Odd-Name": "x" }), /extension/],
    ["a type of somebody else's", requestEvent({}, { type: "com.example.order" }), /egress\.request\.v1/],
    ["no data", requestEvent({}, { data: undefined }), /data of a request event/],
    ["data twice", requestEvent({}, { data_base64: "e30=" }), /data_base64/],
    ["a member with a slip of the pen", requestEvent({ metod: "GET" }), /data\.metod/],
    ["no place to call", requestEvent({ url: undefined }), /data\.url/],
    ["credentials in the URL", requestEvent({ url: "http://user:pass@egress.example/" }), /data\.url/],
    ["another scheme", requestEvent({ url: "ftp://egress.example/" }), /data\.url/],
    ["two places", requestEvent({ path: "/x" }), /together/],
    ["a header that frames", requestEvent({ headers: { "Content-Length": "3" } }), /content-length/],
    ["a header with a line break", requestEvent({ headers: { x: "a\r\nb: c" } }), /data\.headers\.x/],
    ["two bodies", requestEvent({ body: { json: 1, text: "x" } }), /data\.body/],
    ["bad base64", requestEvent({ body: { base64: "%%%" } }), /base64/],
    ["two tokens", requestEvent({ token: "t", headers: { Authorization: "Bearer u" } }), /together/],
    ["no route's name", requestEvent({ route: "../x" }), /data\.route/],
  ])("%s: 400, which senders do not repeat, with what is wrong", async (_, event, message) => {
    const answer = await one.post(event as object);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(message);
    expect(one.transport.sent).toEqual([]);
  });

  it("a dot segment in the URL is poison, for nothing is tidied up", async () => {
    expect((await one.post(requestEvent({ url: "http://egress.example/v1/../admin" }))).status).toBe(400);
    expect(one.transport.sent).toEqual([]);
  });
});

describe("a batch", () => {
  it("is answered as a batch, and retried as a whole while one of it must be", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO, { status: 503, headers: ["retry-after", "90"] }, HELLO);
    const batch = [requestEvent(), requestEvent()];
    expect(await one.post(batch)).toMatchObject({ status: 503 });
    await one.clock.advance(120_000);
    const answer = await one.post(batch);
    expect(answer.status).toBe(200);
    const replies = JSON.parse(answer.body ?? "[]") as { causationid: string }[];
    expect(replies.map(({ causationid }) => causationid)).toEqual(batch.map(({ id }) => id));
    expect(one.transport.sent).toHaveLength(3);
  });

  it("of nothing is acknowledged, of too many refused", async () => {
    const one = installEvents(ONE);
    expect((await one.post([])).status).toBe(202);
    expect((await one.post(Array.from({ length: 101 }, () => requestEvent()))).status).toBe(413);
  });
});

describe("without a place for answers", () => {
  it("no call is made, and the event stays with the platform", async () => {
    const one = installEvents(ONE, { withoutSink: true });
    const answer = await one.post(requestEvent(), { reply: false });
    expect(answer.status).toBe(503);
    expect(answer.body).toContain("SPILLWAY_ANSWER_SINK");
    expect(one.transport.sent).toEqual([]);
  });

  it("a sink that fails keeps the event until it is told; one that never takes it sends it to the dead letters", async () => {
    const one = installEvents(ONE);
    one.transport.script("only", HELLO);
    one.sink.fails = "retryable";
    const event = requestEvent();
    expect((await one.post(event, { reply: false })).status).toBe(503);
    one.sink.fails = null;
    expect((await one.post(event, { reply: false })).status).toBe(202);
    one.sink.fails = "never";
    expect((await one.post(requestEvent(), { reply: false })).status).toBe(400);
    expect(one.transport.sent).toHaveLength(2);
    expect(one.published).toHaveLength(1);
  });

  it("a ledger that cannot be reached puts events off: nobody would know whether they were called for", async () => {
    const one = installEvents(ONE);
    one.state.down = true;
    expect((await one.post(requestEvent())).status).toBe(503);
    expect(one.transport.sent).toEqual([]);
  });
});

describe("changes of the surroundings", () => {
  const changed = { specversion: "1.0", id: "c", source: "/ci", type: "dev.spillway.config.changed.v1" };

  it("are taken from operators only", async () => {
    const one = installEvents(ONE);
    expect((await one.post(changed)).status).toBe(403);
    expect((await one.post(changed, { token: null })).status).toBe(401);
    expect(one.reloads.count).toBe(0);
    expect((await one.post(changed, { token: ADMIN_TOKEN })).status).toBe(202);
    expect(one.reloads.count).toBe(1);
  });

  it("are taken from AWS's own events, whose source nobody else can write", async () => {
    const one = installEvents(ONE);
    const event = {
      version: "0",
      id: "e",
      "detail-type": "Object Created",
      source: "aws.s3",
      account: "123456789012",
      region: "eu-central-1",
      time: "2026-11-23T00:00:00Z",
      detail: {},
    };
    const from = (name: string) => ({ token: null, platform: { principal: { type: "AWSEventBridge" as const, name } } });
    expect((await one.post(event, from("123456789012/aws.s3"))).status).toBe(202);
    expect((await one.post(event, from("123456789012/mine"))).status).toBe(401);
    expect(one.reloads.count).toBe(1);
  });
});
