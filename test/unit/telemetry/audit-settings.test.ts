import { describe, expect, it } from "vitest";
import { readAuditSettings } from "../../../adapters/telemetry/audit-settings.ts";
import { createWorkerAudit } from "../../../adapters/telemetry/worker-audit.ts";

describe("SPILLWAY_AUDIT and SPILLWAY_AUDIT_LOG", () => {
  it.each([
    [{}, null],
    [{ SPILLWAY_AUDIT: "off", SPILLWAY_AUDIT_LOG: "/a" }, null],
    [{ SPILLWAY_AUDIT_LOG: "/a" }, { scope: "locked", log: "/a" }],
    [
      { SPILLWAY_AUDIT: "all", SPILLWAY_AUDIT_LOG: "-" },
      { scope: "all", log: "-" },
    ],
    [{ SPILLWAY_AUDIT: "locked" }, { scope: "locked", log: null }],
  ])("%j asks for %j", (environment, settings) => {
    expect(readAuditSettings(environment, true)).toEqual(settings);
  });

  it("refuse to start on a word that nobody knows, and where records would go nowhere", () => {
    expect(() => readAuditSettings({ SPILLWAY_AUDIT: "yes" }, true)).toThrow("SPILLWAY_AUDIT must be");
    expect(() => readAuditSettings({ SPILLWAY_AUDIT: "all" }, false)).toThrow("nowhere to write to");
  });

  it("name no file in a Worker", () => {
    expect(() => createWorkerAudit({ SPILLWAY_AUDIT_LOG: "/a" }, () => {})).toThrow("no files");
    expect(() => createWorkerAudit({ SPILLWAY_AUDIT: "all" }, () => {})).toThrow("nowhere to write to");
    expect(createWorkerAudit({ SPILLWAY_AUDIT: "all", SPILLWAY_SINK: { sendBatch: () => {} } }, () => {})).toMatchObject({ scope: "all", write: null });
  });
});
