import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AuditChain, createAuditChain } from "../../src/attribution/audit-chain.ts";
import { type AuditReport, createAuditCheck } from "../../src/attribution/audit-check.ts";
import { sha256Hex } from "../../src/lib/sha-256.ts";
import { createFakeClock } from "../fakes/clock.ts";

const NOW = Date.UTC(2026, 10, 23);

function chainInto(lines: string[], instance: string, previous: string | null = null, room: () => boolean = () => true): AuditChain {
  return createAuditChain({
    clock: createFakeClock(),
    digest: sha256Hex,
    instance,
    version: "1.0.0",
    previous,
    write: (line) => room() && lines.push(line) > 0,
    publish: () => undefined,
    anchor: () => undefined,
  });
}

function check(lines: readonly string[], heads: { instance: string; seq: number; hash: string }[] = []): AuditReport {
  const reader = createAuditCheck({ mixed: false, heads });
  for (const [index, line] of lines.entries()) reader.line(line, `log:${index + 1}`);
  return reader.end();
}

const facts = fc.record({
  request: fc.uuid(),
  decision: fc.constantFrom("allow", "deny"),
  status: fc.nat(599),
  model: fc.string({ unit: "grapheme", maxLength: 12 }),
});

/** A whole log: one chain after the other, each going on from the one before, all but perhaps the last closed. */
const log = fc.array(fc.array(facts, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }).map((chains) => {
  const lines: string[] = [];
  let previous: string | null = null;
  for (const [index, calls] of chains.entries()) {
    const chain = chainInto(lines, `instance-${index}`, previous);
    for (const call of calls) chain.add("call", call, "snapshot", NOW);
    chain.close();
    previous = chain.head().hash;
  }
  return lines;
});

describe("the audit log", () => {
  it("is good as it was written", () => {
    fc.assert(
      fc.property(log, (lines) => {
        const report = check(lines);
        expect(report.faults).toEqual([]);
        expect(report.chains.every((chain) => chain.closed)).toBe(true);
        expect(report.chains.reduce((sum, chain) => sum + chain.records, 0)).toBe(lines.length);
      }),
    );
  });

  it("shows every line that was removed but for the last", () => {
    fc.assert(
      fc.property(log, fc.nat(), (lines, pick) => {
        const at = pick % (lines.length - 1);
        expect(check(lines.toSpliced(at, 1)).ok).toBe(false);
      }),
    );
  });

  it("shows that lines were cut off at its end, as a chain that was not closed, and against a head as a fault", () => {
    fc.assert(
      fc.property(log, fc.nat(), (lines, pick) => {
        const whole = check(lines).chains.at(-1);
        if (whole === undefined) throw new Error("a log has a chain");
        const cut = lines.slice(0, lines.length - 1 - (pick % (whole.records - 1)));
        expect(check(cut).chains.at(-1)?.closed).toBe(false);
        expect(check(cut, [{ instance: whole.instance, seq: whole.lastSeq, hash: whole.head }]).ok).toBe(false);
      }),
    );
  });

  it("shows every line that was edited, by a single character too", () => {
    fc.assert(
      fc.property(
        log,
        fc.nat(),
        fc.nat(),
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (lines, pickLine, pickPlace, text, insert) => {
          const index = pickLine % lines.length;
          const line = lines[index] ?? "";
          const at = pickPlace % line.length;
          const edited = line.slice(0, at) + text + line.slice(at + (insert ? 0 : text.length));
          fc.pre(edited !== line);
          const report = check(lines.with(index, edited));
          expect(report.ok).toBe(false);
          expect(report.faults[0]?.line).toBe(`log:${index + 1}`);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("shows every two lines that were swapped", () => {
    fc.assert(
      fc.property(log, fc.nat(), fc.nat(), (lines, one, other) => {
        const [from, to] = [one % lines.length, other % lines.length];
        fc.pre(from !== to);
        const swapped = lines.with(from, lines[to] ?? "").with(to, lines[from] ?? "");
        expect(check(swapped).ok).toBe(false);
      }),
    );
  });

  it("shows every line that was put in, a copy of one of its own and one with a good hash too", () => {
    fc.assert(
      fc.property(log, facts, fc.nat(), fc.nat(), fc.boolean(), (lines, call, pick, place, isCopy) => {
        const forged: string[] = [];
        const forger = chainInto(forged, "instance-0");
        for (let at = 0; at <= pick % 4; at += 1) forger.add("call", call, "snapshot", NOW);
        const extra = (isCopy ? lines : forged)[pick % (isCopy ? lines : forged).length] ?? "";
        // A forged genesis in front of everything is found by the genuine one behind it.
        expect(check(lines.toSpliced(place % (lines.length + 1), 0, extra)).ok).toBe(false);
      }),
    );
  });

  it("tells of what it could not write, whenever there is room again, and stays whole", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(facts, fc.boolean()), { minLength: 1, maxLength: 12 }), (calls) => {
        const lines: string[] = [];
        let room = true;
        const chain = chainInto(lines, "instance-0", null, () => room);
        for (const [call, hasRoom] of calls) {
          room = hasRoom;
          chain.add("call", call, "snapshot", NOW);
        }
        room = true;
        chain.close();
        const report = check(lines);
        expect(report.faults).toEqual([]);
        const lost = calls.filter(([, hasRoom]) => !hasRoom).length;
        expect(report.chains.reduce((sum, one) => sum + one.lost, 0)).toBe(lost);
        expect(report.chains.reduce((sum, one) => sum + one.calls, 0)).toBe(calls.length - lost);
      }),
    );
  });
});
