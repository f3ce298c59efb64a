import { describe, expect, it } from "vitest";
import { CALLER_TOKEN, OTHER_TOKEN } from "../fakes/manifests.ts";
import { chat, type Installation, install, TWO } from "./installation.ts";

const HOUR_MS = 3_600_000;

/** TWO with a window that ends so long after the clock of the installation begins. */
function debugged(endsInMs: number, more = ""): Installation {
  const start = install(TWO).clock.now();
  const until = new Date(start + endsInMs).toISOString().replace(".000Z", "Z");
  return install({ ...TWO, broker: `  debug: {until: "${until}"${more}}\n` });
}

const told = (one: Installation) => one.log.filter(({ msg }) => msg === "debug");

describe("T28: the decisions on calls, told while a window is open", () => {
  it("are one more line a call, with who goes where and why, and times", async () => {
    const one = debugged(HOUR_MS);
    one.transport.script("first", { status: 503, body: "" });
    await one.call(chat());
    expect(told(one)).toEqual([
      expect.objectContaining({
        request_id: one.log[0]?.["request_id"],
        namespace: "team-a",
        route: "team-a/route",
        operation: "chat",
        header_names: expect.arrayContaining(["authorization"]),
        candidates: ["XBackend/team-a/first", "XBackend/team-a/second"],
        lock: [],
        attempts: [
          expect.objectContaining({ backend: "XBackend/team-a/first", outcome: "answer", status: 503, failover: "status_503", started_ms: expect.any(Number) }),
          expect.objectContaining({ backend: "XBackend/team-a/second", outcome: "answer", status: 200, credential: expect.stringContaining(":") }),
        ],
        outcome: "ok",
        planned_ms: expect.any(Number),
      }),
    ]);
    expect(one.log.map(({ msg }) => msg)).toEqual(["egress", "debug"]);
  });

  it("B2: hold no value of a header, a query, a body, a token or a key, whatever the caller or the destination sends", async () => {
    const canary = "sk-canary-7f31";
    const one = debugged(HOUR_MS);
    one.secret("first.key", `${canary}-key`);
    one.transport.script("first", { status: 503, body: `${canary}-answer`, headers: ["x-echo", `${canary}-echo`] });
    const call = chat({ messages: [{ role: "user", content: `${canary}-prompt` }] }, [
      "x-note",
      `${canary}-header`,
      `x_${canary}`,
      "1",
      "cookie",
      `${canary}-cookie`,
    ]);
    await one.call({ ...call, target: `/v1/chat/completions?key=${canary}-query` });
    expect(told(one)).toHaveLength(1);
    expect(JSON.stringify(told(one))).not.toContain(canary);
    expect(JSON.stringify(told(one))).not.toContain(CALLER_TOKEN);
    // A name that is not as names are may be a value that slipped.
    expect(told(one)[0]?.["header_names"]).toEqual(expect.arrayContaining(["x-note", "cookie", "(other)"]));
  });

  it("are told of refused calls too, once their caller is known", async () => {
    const one = debugged(HOUR_MS);
    await one.call({ target: "/v1/chat/completions", method: "POST", headers: ["authorization", "Bearer nobody"] });
    expect(told(one)).toEqual([]);
    one.transport.script("first", { status: 503, body: "" });
    one.transport.script("second", { status: 503, body: "" });
    await one.call(chat());
    expect(told(one)).toMatchObject([{ status: 503 }]);
  });

  it("end by themselves, and begin at most a day before", async () => {
    const one = debugged(HOUR_MS);
    await one.clock.advance(HOUR_MS);
    await one.call(chat());
    expect(told(one)).toEqual([]);
    const early = debugged(25 * HOUR_MS);
    await early.call(chat());
    expect(told(early)).toEqual([]);
    await early.clock.advance(HOUR_MS);
    await early.call(chat());
    expect(told(early)).toHaveLength(1);
  });

  it("are told for the namespaces that are named, and for no others", async () => {
    const one = debugged(HOUR_MS, ", namespaces: [team-b]");
    await one.call(chat());
    await one.call({ ...chat(), headers: ["authorization", `Bearer ${OTHER_TOKEN}`, "content-type", "application/json"] });
    expect(told(one).map(({ namespace }) => namespace)).toEqual(["team-b"]);
  });

  it("are at most twenty a second", async () => {
    const one = debugged(HOUR_MS);
    for (let index = 0; index < 30; index += 1) await one.call(chat());
    expect(told(one)).toHaveLength(20);
    await one.clock.advance(1_000);
    await one.call(chat());
    expect(told(one)).toHaveLength(21);
  });

  it("are nobody's without a window", async () => {
    const one = install(TWO);
    await one.call(chat());
    expect(told(one)).toEqual([]);
  });

  it.each(["2026-11-23", "2026-11-23T12:00:00+01:00", "2026-13-01T00:00:00Z", "tomorrow"])("want an end that is a time of UTC, and %s is none", (until) => {
    const { faults } = install(null).load({ ...TWO, broker: `  debug: {until: "${until}"}\n` });
    expect(faults).toMatchObject([{ message: expect.stringContaining("must be a time of UTC") }]);
  });
});
