import fc from "fast-check";
import { expect, it } from "vitest";
import { find } from "../../src/lib/header-list.ts";
import { type TestManifests, testManifests } from "../fakes/manifests.ts";
import type { AnswerStep, Step } from "../fakes/scripted-transport.ts";
import { chat, GOOD_STREAM, install, JSON_HEADERS, STREAM_HEADERS } from "./installation.ts";

const NAMES = ["inside-a", "outside", "inside-b", "unknown"] as const;
const REGIONS: Readonly<Record<string, string>> = { "inside-a": "eu-central-1", outside: "us-east-1", "inside-b": "eu-west-1" };

const LOCK =
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}";

function manifests(locked: boolean, retry: boolean): TestManifests {
  return {
    backends: NAMES.map((name, index) => ({
      name,
      port: 8001 + index,
      key: `key-of-${name}`,
      timeouts: "{firstByte: 2s, streamIdle: 3s}",
      ...(REGIONS[name] === undefined ? {} : { region: REGIONS[name] }),
    })),
    group: NAMES,
    rule: `    timeouts: {request: 9s}\n${retry ? "    retry: {codes: [500], attempts: 4, backoff: 100ms}" : ""}`,
    ...(locked ? { more: LOCK } : {}),
  };
}

const TEXTS = {
  plain: testManifests(manifests(false, false)),
  retry: testManifests(manifests(false, true)),
  locked: testManifests(manifests(true, false)),
  lockedRetry: testManifests(manifests(true, true)),
};

const failure = fc.constantFrom<Step>(
  { kind: "connect", detail: "refused", message: "" },
  { kind: "untrusted", reason: "wrong_ca", message: "" },
  { kind: "timeout", phase: "connect", message: "" },
  { kind: "reset", sent: true, message: "" },
  { kind: "reset", sent: false, message: "" },
  { kind: "protocol", message: "" },
  "hang",
);
const ending = fc.constantFrom<NonNullable<AnswerStep["ending"]>>("end", "hang", { kind: "reset", sent: true, message: "" }, { kind: "protocol", message: "" });
const answer = fc
  .record({
    status: fc.constantFrom(200, 200, 200, 204, 302, 304, 400, 401, 403, 404, 408, 429, 500, 503, 529),
    headers: fc.constantFrom<readonly string[]>(
      [],
      JSON_HEADERS,
      STREAM_HEADERS,
      [...JSON_HEADERS, "retry-after", "1"],
      [...STREAM_HEADERS, "content-encoding", "gzip"],
    ),
    body: fc.oneof(
      fc.constantFrom<readonly string[]>(GOOD_STREAM, GOOD_STREAM.slice(0, 1), ['data: {"error":{"message":"no"}}\n\n'], [": ping\n\n"], []),
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 6 }),
      fc.constant(["x".repeat(70_000)]),
    ),
    ending,
  })
  .map((step): Step => step);
const scripts = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.array(fc.oneof(failure, answer), { minLength: 1, maxLength: 4 })])));
const secret = fc.constantFrom("good", "good", "good", "unavailable", "denied", "hang", "two\nlines");

it("whatever happens: one answer, one log line, nothing left open, and nothing outside the lock", async () => {
  await fc.assert(
    fc.asyncProperty(
      scripts,
      fc.array(secret, { minLength: NAMES.length, maxLength: NAMES.length }),
      fc.record({
        locked: fc.boolean(),
        retry: fc.boolean(),
        inference: fc.boolean(),
        method: fc.constantFrom("GET", "HEAD", "POST"),
        leaves: fc.option(fc.nat(10_000), { nil: null }),
        large: fc.boolean(),
      }),
      async (script, secrets, how) => {
        const one = install(how.locked ? (how.retry ? TEXTS.lockedRetry : TEXTS.locked) : how.retry ? TEXTS.retry : TEXTS.plain);
        for (const [name, steps] of Object.entries(script)) one.transport.script(name, ...steps);
        for (const [index, said] of secrets.entries()) {
          const file = `${NAMES[index] ?? ""}.key`;
          one.secret(file, said === "good" ? `key-of-${NAMES[index] ?? ""}` : said);
        }
        const call = how.inference
          ? chat({ stream: true })
          : { target: "/things", method: how.method, ...(how.method === "POST" ? { body: "x".repeat(how.large ? 70_000 : 10) } : {}) };
        const { fake, done } = one.begin(call);
        let settled = false;
        void done.then(() => {
          settled = true;
        });
        if (how.leaves !== null) {
          await one.clock.advance(how.leaves);
          fake.leave();
        }
        await one.clock.advance(10_000);
        // Bounded by timeouts.request, which is 9 s.
        expect(settled).toBe(true);
        one.broker.attribution.drain();
        // A body that is passed over has a second to end.
        await one.clock.advance(6_000);

        expect(one.log).toHaveLength(1);
        expect(fake.answers()).toBeLessThanOrEqual(1);
        if (how.leaves === null) expect(fake.answers()).toBe(1);
        const line = one.log[0] ?? {};
        expect(line["status"]).toBe(fake.received()?.status ?? 0);
        expect(line["response_bytes"]).toBe(line["refusal"] === null ? Buffer.byteLength(fake.received()?.body ?? "") : 0);
        // SDKs hang up at the end marker: that is a whole answer too.
        if (line["outcome"] === "ok") expect(fake.received()?.whole === true || fake.received()?.body.includes("[DONE]")).toBe(true);
        expect(one.events.filter((event) => event.type === "egress.completed").length).toBeLessThanOrEqual(1);

        for (const sent of one.transport.sent) {
          if (sent.answer !== null) {
            expect(sent.answer.over, `${sent.to} was left open`).toBe(true);
            expect(sent.answer.consumed || sent.answer.cancelled, `${sent.to} was neither consumed nor cancelled`).toBe(true);
          }
          if (how.locked) expect(["inside-a", "inside-b"]).toContain(sent.to);
          // Each backend gets its own key and nobody else's.
          expect(find(sent.request.headers, "authorization")).toBe(`Bearer key-of-${sent.to}`);
        }
        expect(one.transport.listening()).toBe(0);
        expect(fake.listening()).toBe(0);
        expect(one.clock.pending()).toBe(0);
      },
    ),
    { numRuns: process.env["SPILLWAY_LONG"] === undefined ? 50 : 2_000 },
  );
});
