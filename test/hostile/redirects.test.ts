import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Upstream } from "../fakes/upstream.ts";
import { reply, startUpstream } from "../fakes/upstream.ts";
import { chatAnswer, chatCall } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { headerOf, rawCall } from "./raw-client.ts";

const CODES = [301, 302, 303, 307, 308];
const LOCK =
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}";

/** Where the redirects lead. Nothing may ever arrive. */
let collector: Upstream;
beforeAll(async () => {
  collector = await startUpstream((socket) => void socket.write(reply(chatAnswer("stolen"))));
});
afterAll(() => collector?.close());

describe.each([
  ["a bearer token", {}],
  ["an API key in a header", { keyHeader: "x-api-key" }],
] as const)("a destination that is called with %s and redirects to a collector", (_name, firstBackend) => {
  let world: HostileWorld;
  beforeAll(async () => {
    world = await startHostileWorld({ firstBackend });
  });
  afterAll(() => world?.close());

  it.each(CODES)("T3 B1: %i is handed back, never followed, and never with the broker's key in it", async (code) => {
    world.reset();
    const location = `http://127.0.0.1:${collector.port}/stolen?key=first-canary-key`;
    world.firstDoes((socket) => void socket.write(`HTTP/1.1 ${code} Elsewhere\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`));
    const answer = await rawCall(chatCall(), { port: world.port }).answer;
    expect(answer).toMatchObject({ status: code, end: "clean" });
    expect(answer.raw).not.toContain("first-canary-key");
    expect([world.first.seen.length, collector.connections]).toEqual([1, 0]);
  });
});

describe("a route that is locked to a region", () => {
  let world: HostileWorld;
  beforeAll(async () => {
    world = await startHostileWorld({ firstBackend: { region: "eu-central-1" }, manifests: { more: LOCK } });
  });
  afterAll(() => world?.close());

  it.each(CODES)("T3 T16: %i is 502 upstream_redirect without a Location", async (code) => {
    world.firstDoes((socket) => void socket.write(`HTTP/1.1 ${code} Elsewhere\r\nlocation: http://127.0.0.1:${collector.port}/\r\ncontent-length: 0\r\n\r\n`));
    const answer = await rawCall(chatCall(), { port: world.port }).answer;
    expect([answer.status, headerOf(answer, "x-egress-error"), headerOf(answer, "location")]).toEqual([502, "upstream_redirect", null]);
    expect(collector.connections).toBe(0);
  });
});
