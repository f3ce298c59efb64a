import { describe, expect, it } from "vitest";
import { OTHER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { chat, type Installation, install, JSON_HEADERS } from "./installation.ts";

const LOCK = (target: string, more = "") =>
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: ${target.includes("kind: Gateway") ? "egress-system" : "team-a"}}\nspec:\n  targetRefs: [${target}]\n  allow: {jurisdictions: [EU]}\n${more}`;
const ROUTE = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}";

const backends = [
  { name: "first", port: 8001, region: "us-east-1", api: "OpenAI" as const },
  { name: "second", port: 8002, region: "eu-central-1", api: "OpenAI" as const },
  { name: "third", port: 8003, api: "OpenAI" as const },
  { name: "fourth", port: 8004, region: "eu-west-1", api: "OpenAI" as const },
];
const LOCKED: TestManifests = { backends, group: ["first", "second", "third", "fourth"], more: LOCK(ROUTE) };
const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);

describe("a locked route", () => {
  it("calls no backend outside it, nor one of unknown region, and the log says why", async () => {
    const one = install(LOCKED);
    await one.call(chat());
    expect(to(one)).toEqual(["second"]);
    expect(one.log[0]).toMatchObject({
      region: "eu-central-1",
      region_decision: "allow",
      excluded: [
        { backend: "XBackend/team-a/first", reason: "region" },
        { backend: "XBackend/team-a/third", reason: "region" },
      ],
    });
  });

  it("not by failover either: when those inside fail the call fails", async () => {
    const one = install(LOCKED);
    for (const name of ["second", "fourth"]) one.transport.script(name, { status: 500, body: "down" });
    expect((await one.call(chat())).received()?.status).toBe(500);
    expect(to(one)).toEqual(["second", "fourth"]);
  });

  it("nor when those inside are evicted", async () => {
    const one = install(LOCKED);
    for (const name of ["second", "fourth"]) one.transport.script(name, { kind: "connect", detail: "refused", message: "" });
    for (let call = 0; call < 3; call += 1) await one.call(chat());
    expect(new Set(to(one))).toEqual(new Set(["second", "fourth"]));
  });

  it.each([301, 302, 303, 307, 308])("a redirect (%i) is not handed on: it would send the caller elsewhere", async (status) => {
    const one = install(LOCKED);
    one.transport.script("second", { status, headers: ["location", "https://us.example/v1"], body: "over there" });
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(502);
    expect(caller.header("x-egress-error")).toEqual(["upstream_redirect"]);
    expect(caller.header("location")).toEqual([]);
    expect(one.transport.sent[0]?.answer?.over).toBe(true);
    expect(one.events.some((event) => event.type === "egress.denied" && event.data["code"] === "upstream_redirect")).toBe(true);
  });

  it("304 sends nobody elsewhere", async () => {
    const one = install(LOCKED);
    one.transport.script("second", { status: 304, headers: ["etag", '"1"'] });
    expect((await one.call({ target: "/v1/files/1" })).received()).toMatchObject({ status: 304, whole: true });
  });

  it("an unlocked one hands a redirect back, and does not follow it", async () => {
    const one = install({ backends });
    one.transport.script("first", { status: 302, headers: ["location", "https://elsewhere.example/"] });
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(302);
    expect(caller.header("location")).toEqual(["https://elsewhere.example/"]);
    expect(one.transport.sent).toHaveLength(1);
  });

  it("its JSON is written anew, so that nothing in it can be read in two ways", async () => {
    const one = install(LOCKED);
    await one.call({ ...chat(), body: '{ "model":"gpt-test",\n "messages":[], "x":{"region":"eu","region":"us"} }' });
    expect(one.transport.sent[0]?.body).toBe('{"model":"gpt-test","messages":[],"x":{"region":"us"}}');
    const unlocked = install({ backends });
    await unlocked.call({ ...chat(), body: '{ "model":"gpt-test",\n "messages":[] }' });
    expect(unlocked.transport.sent[0]?.body).toBe('{ "model":"gpt-test",\n "messages":[] }');
  });

  it("a body that cannot be read is refused", async () => {
    const one = install(LOCKED);
    const caller = await one.call({ ...chat({}, ["content-encoding", "gzip"]), body: "\u001f\u008b not really" });
    expect(caller.received()?.status).toBe(400);
    expect(one.transport.sent).toEqual([]);
  });
});

describe("a lock that leaves nobody", () => {
  it("is refused as region_locked, in the dialect's envelope, with the evidence in an event", async () => {
    // A policy on the caller's Namespace comes by `namespaceLocks`: the compiler cannot refuse the rule for everybody.
    const one = install({
      backends: [{ name: "first", port: 8001, region: "us-east-1", api: "OpenAI" }],
      more: LOCK('{group: "", kind: Namespace, name: team-b}').replace("namespace: team-a", "namespace: egress-system"),
    });
    expect((await one.call(chat())).received()?.status).toBe(200);
    const caller = await one.call({ ...chat(), headers: ["authorization", `Bearer ${OTHER_TOKEN}`, ...JSON_HEADERS] });
    expect(caller.received()?.status).toBe(403);
    expect(caller.header("x-egress-error")).toEqual(["region_locked"]);
    expect(JSON.parse(caller.received()?.body ?? "")).toMatchObject({ error: { message: expect.stringContaining("us-east-1") } });
    expect(to(one)).toEqual(["first"]);
    expect(one.events.find((event) => event.type === "egress.denied")).toMatchObject({
      data: { code: "region_locked", excluded: ["XBackend/team-a/first: region"] },
    });
  });

  it("a whole route is refused when it is compiled, and keeps its traffic", async () => {
    const one = install({ backends: [{ name: "first", port: 8001, region: "us-east-1", api: "OpenAI" }], more: LOCK(ROUTE) });
    const caller = await one.call(chat());
    expect([403, 500]).toContain(caller.received()?.status);
    expect(caller.header("x-egress-error")[0]).toMatch(/^(region_locked|route_rejected)$/);
    expect(one.transport.sent).toEqual([]);
  });
});
