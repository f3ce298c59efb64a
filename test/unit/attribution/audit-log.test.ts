import { describe, expect, it } from "vitest";
import { createAuditCheck } from "../../../src/attribution/audit-check.ts";
import { type AuditLog, createAuditLog } from "../../../src/attribution/audit-log.ts";
import { createAttribution } from "../../../src/attribution/create-attribution.ts";
import type { AuditRecord, AuditScope } from "../../../src/model/audit.ts";
import type { EgressEvent } from "../../../src/model/event.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { attemptOf, denied, recordOf } from "./fixtures.ts";

function start(scope: AuditScope = "locked") {
  const lines: string[] = [];
  const events: EgressEvent[] = [];
  const log: string[] = [];
  const clock = createFakeClock();
  const audit: AuditLog = createAuditLog({
    scope,
    instance: "instance-1",
    version: "1.2.3",
    previous: null,
    write: (line) => lines.push(line) > 0,
    clock,
    sink: { emit: (event) => events.push(event) },
    log: (line) => log.push(line),
  });
  const records = (): AuditRecord[] => lines.map((line) => JSON.parse(line) as AuditRecord); // written by the code under test
  return { audit, lines, events, log, clock, records };
}

describe("the audit log of a broker", () => {
  it("begins with who writes it, since when and with which manifests", () => {
    const { audit, records } = start();
    audit.settled(recordOf(), 0);
    expect(records()[0]).toMatchObject({ kind: "genesis", seq: 0, previous: "0".repeat(64), instance: "instance-1" });
    expect(records()[0]?.facts).toEqual({ version: "1.2.3", snapshot: "abc123", startedAt: "2026-11-22T12:00:00.000Z" });
  });

  it("tells of a call under a lock where each attempt went and how that is known, and nothing that was said", () => {
    const { audit, records, lines } = start();
    audit.settled(recordOf({ path: "/v1/secret-path", userAgent: "agent/9", authority: "inside.example" }), 0);
    expect(records()[1]?.facts).toMatchObject({
      request: "req-1",
      namespace: "team-a",
      lock: ["egress-system/eu-only"],
      decision: "allow",
      attempts: [
        { backend: "XBackend/team-a/openai-eu", host: "eu.api.openai.com", decision: "allow", countries: ["DE"], policies: ["egress-system/eu-only"] },
      ],
    });
    for (const kept of ["secret-path", "agent/9", "inside.example"]) expect(lines.join()).not.toContain(kept);
  });

  it("says deny of a denial, and violated when one answer came from outside", () => {
    const { audit, records } = start();
    const [region] = recordOf().attempts.map((attempt) => attempt.region);
    if (region === null || region === undefined) throw new Error("the fixture has evidence");
    audit.settled(denied(), 0);
    audit.settled(recordOf({ attempts: [attemptOf({ region: { ...region, decision: "violated" } })] }), 0);
    expect(records().flatMap(({ kind, facts }) => (kind === "call" ? [facts["decision"]] : []))).toEqual(["deny", "violated"]);
  });

  it("leaves out calls that no lock binds unless all are wanted", () => {
    const locked = start();
    locked.audit.settled(recordOf({ lock: [] }), 0);
    expect(locked.lines).toEqual([]);
    locked.audit.close();
    expect(locked.lines).toEqual([]);
    const all = start("all");
    all.audit.settled(recordOf({ lock: [] }), 0);
    expect(all.records()[1]?.facts["decision"]).toBe("unlocked");
  });

  it("gives the sink the very records, in events that can be checked by themselves", () => {
    const { audit, events, lines } = start();
    audit.settled(recordOf(), 0);
    audit.close();
    expect(events.map(({ type, data }) => [type, data])).toEqual(lines.map((line) => ["audit", JSON.parse(line)]));
    const check = createAuditCheck({ mixed: false, heads: [] });
    for (const [index, event] of events.entries())
      check.line(JSON.stringify({ specversion: "1.0", type: `dev.spillway.${event.type}.v1`, data: event.data }), `event ${index}`);
    expect(check.end()).toMatchObject({ ok: true, faults: [] });
  });

  it("sets a checkpoint once a minute while it grows, and tells its head in the other log", async () => {
    const { audit, records, clock, log } = start();
    audit.settled(recordOf(), 0);
    await clock.advance(60_000);
    audit.settled(recordOf(), 0);
    audit.settled(recordOf(), 0);
    expect(records().map(({ kind }) => kind)).toEqual(["genesis", "call", "call", "checkpoint", "call"]);
    expect(log).toHaveLength(1);
    expect(JSON.parse(log[0] ?? "")).toMatchObject({ msg: "audit head", seq: 3, hash: records()[3]?.hash, lost: 0 });
  });

  it("counts the calls that a full queue dropped before they came to it", () => {
    const { audit, records, clock } = start();
    const work: (() => void)[] = [];
    const attribution = createAttribution({
      clock,
      tracer: null,
      sink: { emit: () => {} },
      log: null,
      schedule: (job) => work.push(job),
      queueBound: 2,
      audit,
    });
    for (let call = 0; call < 5; call += 1) attribution.settle(recordOf());
    attribution.close();
    attribution.settle(recordOf());
    expect(records().map(({ kind }) => kind)).toEqual(["genesis", "gap", "call", "call", "close"]);
    expect(records()[1]?.facts).toEqual({ lost: 3 });
    expect(records().at(-1)?.facts).toEqual({ records: 4, lost: 3 });
  });
});
