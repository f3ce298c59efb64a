import { describe, expect, it } from "vitest";
import { byName } from "../../../src/lib/by-name.ts";

describe("byName", () => {
  it("asks once for a name, and tells names apart by case", () => {
    const asked: string[] = [];
    const judge = byName((name) => {
      asked.push(name);
      return name.toUpperCase();
    });
    expect([judge("Host"), judge("host"), judge("Host")]).toEqual(["HOST", "HOST", "HOST"]);
    expect(asked).toEqual(["Host", "host"]);
  });

  it("remembers false too, and no long name", () => {
    let asked = 0;
    const judge = byName((name) => {
      asked += 1;
      return name === "yes";
    });
    expect([judge("no"), judge("no")]).toEqual([false, false]);
    expect(asked).toBe(1);
    judge("x".repeat(65));
    judge("x".repeat(65));
    expect(asked).toBe(3);
  });

  it("keeps a bounded number of names", () => {
    const asked: string[] = [];
    const judge = byName((name) => asked.push(name));
    judge("first");
    for (let at = 0; at < 511; at += 1) judge(`name-${at}`);
    judge("first");
    expect(asked.length).toBe(512);
    judge("one more");
    judge("first");
    expect(asked.at(-1)).toBe("first");
  });
});
