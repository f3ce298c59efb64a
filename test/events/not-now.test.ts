import { expect, it } from "vitest";
import { testManifests } from "../fakes/manifests.ts";
import { installEvents, requestEvent } from "../pipeline/event-desk.ts";
import { JSON_HEADERS, ONE } from "../pipeline/installation.ts";

/** Statuses after which a sender of CloudEvents gives up: the event is then among the dead letters. */
const GIVEN_UP = [400, 401, 403];

it("an event that comes before any configuration is put off, not refused", async () => {
  const one = installEvents(null);
  const event = requestEvent();
  expect(await one.post(event)).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
  one.transport.script("only", { status: 200, headers: JSON_HEADERS, body: "{}" });
  one.load(ONE);
  expect((await one.post(event)).status).toBe(200);
});

it("an event whose sender cannot be checked, since the store of the keys is away, is put off; once it is back the sender is known or refused", async () => {
  const one = installEvents(testManifests(ONE));
  one.transport.script("only", { status: 200, headers: JSON_HEADERS, body: "{}" });
  one.secret("callers.json", "unavailable");
  const event = requestEvent();
  expect(GIVEN_UP).not.toContain((await one.post(event)).status);
  expect((await one.post({ ...event, type: "dev.spillway.config.changed.v1" })).status).toBe(503);
  expect(one.reloads.count).toBe(0);
  expect(one.transport.sent).toEqual([]);
  const fresh = installEvents(testManifests(ONE));
  expect((await fresh.post(event, { token: "stolen" })).status).toBe(401);
});

it("word of AWS itself that the configuration has changed is heard before there is any", async () => {
  const one = installEvents(null);
  const event = { version: "0", id: "e", "detail-type": "Object Created", source: "aws.s3", account: "123456789012", region: "eu-central-1", detail: {} };
  const principal = { type: "AWSEventBridge", name: "123456789012/aws.s3" } as const;
  expect((await one.post(event, { token: null, platform: { principal } })).status).toBe(202);
  expect(one.reloads.count).toBe(1);
});
