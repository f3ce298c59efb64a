import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { reply, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { chatAnswer, chatBody } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { rawCall, requestBytes } from "./raw-client.ts";

let world: HostileWorld;
/** Listens where the spellings lead. Nothing may ever arrive. */
let target: Upstream;
beforeAll(async () => {
  target = await startUpstream((socket) => void socket.write(reply(chatAnswer("reached"))));
  world = await startHostileWorld({ firstBackend: { models: '[{name: "*"}]' } });
});
afterAll(async () => {
  await world?.close();
  await target?.close();
});
beforeEach(() => world.reset());

/** Of this machine, each in another way; the last is a public name that leads here. */
const SPELLINGS: readonly string[] = [
  "localhost",
  "127.0.0.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "127.0.0.2",
  "0.0.0.0",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::]",
  "localhost.",
  "x.localhost",
  "api.openai.com@127.0.0.1",
  "127\u30020\u30020\u30021",
  "%6cocalhost",
  "localtest.me",
];

const AUTHORIZATION: readonly [string, string] = ["authorization", `Bearer ${CALLER_TOKEN}`];
const PATH = "/v1/chat/completions";

/** Every place where a gateway has ever taken its destination from. */
const INPUTS: Readonly<Record<string, (authority: string) => Buffer>> = {
  "the Host header": (authority) => requestBytes({ host: authority, headers: [AUTHORIZATION], body: chatBody() }),
  "the absolute form": (authority) => requestBytes({ path: `http://${authority}${PATH}`, headers: [AUTHORIZATION], body: chatBody() }),
  "the absolute form with Host to match": (authority) =>
    requestBytes({ path: `http://${authority}${PATH}`, host: authority, headers: [AUTHORIZATION], body: chatBody() }),
  "a path that begins with two slashes": (authority) => requestBytes({ path: `//${authority}${PATH}`, headers: [AUTHORIZATION], body: chatBody() }),
  "a path that holds a URL": (authority) => requestBytes({ path: `/http://${authority}${PATH}`, headers: [AUTHORIZATION], body: chatBody() }),
  "a path with userinfo": (authority) => requestBytes({ path: `/@${authority}${PATH}`, headers: [AUTHORIZATION], body: chatBody() }),
  "the query": (authority) =>
    requestBytes({ path: `${PATH}?api_base=http://${authority}&url=http://${authority}`, headers: [AUTHORIZATION], body: chatBody() }),
  "headers of other gateways": (authority) =>
    requestBytes({
      headers: [
        AUTHORIZATION,
        ...[
          "x-portkey-custom-host",
          "x-forwarded-host",
          "x-original-url",
          "x-rewrite-url",
          "x-host",
          "x-original-host",
          "forwarded",
          "x-upstream",
          "x-egress-backend",
          "x-egress-destination",
          "x-envoy-original-dst-host",
          "x-target-url",
        ].map((name): readonly [string, string] => [
          name,
          name === "forwarded" ? `host=${authority}` : name.endsWith("host") ? authority : `http://${authority}${PATH}`,
        ]),
      ],
      body: chatBody(),
    }),
  "the model": (authority) => requestBytes({ headers: [AUTHORIZATION], body: chatBody({ model: `http://${authority}/m#` }) }),
  "the model, as a name of a resource": (authority) => requestBytes({ headers: [AUTHORIZATION], body: chatBody({ model: `x@${authority}/x#/../..` }) }),
  "fields of the body": (authority) =>
    requestBytes({
      headers: [AUTHORIZATION],
      body: chatBody({
        api_base: `http://${authority}/v1`,
        base_url: `http://${authority}/v1`,
        custom_host: `http://${authority}`,
        url: `http://${authority}`,
        resourceName: `${authority}#`,
      }),
    }),
};

it.each(Object.entries(INPUTS))(
  "T1 B1: 0 of 18 spellings of this machine in %s lead there, and nothing but the configured destination sees the key",
  async (_name, request) => {
    for (const spelling of SPELLINGS) {
      world.reset();
      const answer = await rawCall(Buffer.from(request(`${spelling}:${target.port}`)), { port: world.port }).answer;
      expect([spelling, target.connections]).toEqual([spelling, 0]);
      expect(answer.body).not.toContain("reached");
      // Where the call went on it went to the one that the manifest names, and nothing that the caller wrote became its authority.
      for (const seen of world.first.seen) {
        expect(seen.headers.filter(([name]) => name === "host")).toEqual([["host", `first.provider.example:${world.first.port}`]]);
        expect(seen.target).toMatch(/^\//);
      }
    }
  },
);
