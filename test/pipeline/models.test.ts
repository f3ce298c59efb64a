import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { CALLER_TOKEN, type TestBackend } from "../fakes/manifests.ts";
import { type Installation, install, JSON_HEADERS } from "./installation.ts";

/** What models there are, as the policies of the caller's route say, read by the official SDKs. */

const backend = (name: string, port: number, more: Partial<TestBackend> = {}): TestBackend => ({ name, port, key: `${name}-key`, api: "OpenAI", ...more });

function fetchOf(one: Installation) {
  return async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = [...new Headers(init?.headers)].flat();
    const caller = await one.call({ target: `${url.pathname}${url.search}`, method: init?.method ?? "GET", headers });
    const received = caller.received();
    return new Response(received?.body ?? "", { status: received?.status ?? 500, headers: { "content-type": caller.header("content-type")[0] ?? "" } });
  };
}

const openai = (one: Installation): OpenAI => new OpenAI({ apiKey: CALLER_TOKEN, baseURL: "http://broker/v1", maxRetries: 0, fetch: fetchOf(one) });
const anthropic = (one: Installation): Anthropic => new Anthropic({ apiKey: CALLER_TOKEN, baseURL: "http://broker", maxRetries: 0, fetch: fetchOf(one) });
const ids = async (list: AsyncIterable<{ readonly id: string }>): Promise<readonly string[]> => {
  const found: string[] = [];
  for await (const { id } of list) found.push(id);
  return found;
};

const TWO_LISTS = install({
  backends: [
    backend("first", 8001, { models: '[{name: smart, upstream: gpt-6}, {name: "ft:*"}, {name: vendor/small}]' }),
    backend("second", 8002, { api: "Anthropic", models: "[{name: smart, upstream: claude-x}, {name: claude}]" }),
  ],
  group: ["first", "second"],
});

describe("a list of models", () => {
  it("is that of all backends of the route, each name once, and patterns are no names", async () => {
    expect(await ids(openai(TWO_LISTS).models.list())).toEqual(["smart", "vendor/small", "claude"]);
    expect(await ids(anthropic(TWO_LISTS).models.list())).toEqual(["smart", "vendor/small", "claude"]);
    expect(TWO_LISTS.transport.sent).toHaveLength(0);
    expect(TWO_LISTS.log.at(-1)).toMatchObject({ status: 200, outcome: "ok" });
  });

  it("one model can be asked for, also one that only a pattern lets through", async () => {
    expect(await openai(TWO_LISTS).models.retrieve("smart")).toMatchObject({ id: "smart", object: "model", owned_by: "first" });
    expect(await openai(TWO_LISTS).models.retrieve("vendor/small")).toMatchObject({ id: "vendor/small" });
    expect(await openai(TWO_LISTS).models.retrieve("ft:mine")).toMatchObject({ id: "ft:mine" });
    expect(await anthropic(TWO_LISTS).models.retrieve("claude")).toMatchObject({ type: "model", id: "claude", display_name: "claude" });
    await expect(openai(TWO_LISTS).models.retrieve("other")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(anthropic(TWO_LISTS).models.retrieve("other")).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  it("leaves out what the caller's lock denies", async () => {
    const one = install({
      backends: [
        backend("first", 8001, { region: "us-east-1", models: "[{name: far}]" }),
        backend("second", 8002, { region: "eu-central-1", models: "[{name: near}]" }),
      ],
      group: ["first", "second"],
      more: "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}",
    });
    expect(await ids(openai(one).models.list())).toEqual(["near"]);
    await expect(openai(one).models.retrieve("far")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it("needs an identity, as everything does", async () => {
    const caller = await TWO_LISTS.call({ target: "/v1/models", headers: [] });
    expect(caller.received()?.status).toBe(401);
  });
});

describe("a provider is asked for its own list", () => {
  it.each([
    ["where the backend lists none", backend("first", 8001), "/v1/models"],
    ["where it lists patterns only", backend("first", 8001, { models: '[{name: "gpt-*"}]' }), "/v1/models"],
    ["where no policy says what it speaks", { name: "first", port: 8001, key: "k" }, "/v1/models/x"],
    ["in Google's form", backend("first", 8001, { api: "Gemini", models: "[{name: gemini}]" }), "/v1beta/models"],
  ])("%s", async (_, first, target) => {
    const one = install({ backends: [first] });
    one.transport.script("first", { status: 200, headers: JSON_HEADERS, body: '{"theirs":1}' });
    const caller = await one.call({ target, headers: ["authorization", `Bearer ${CALLER_TOKEN}`] });
    expect(caller.received()?.body).toBe('{"theirs":1}');
    expect(one.transport.sent.map((sent) => sent.request.path)).toEqual([target]);
  });
});
