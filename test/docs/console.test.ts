import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileAll } from "../unit/config/compile-text.ts";

const path = join(import.meta.dirname, "../../docs/console.md");
const text = readFileSync(path, "utf8");

describe("docs/console.md", () => {
  it("shows a BrokerConfig that can be read", () => {
    const blocks = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = ""]) => yaml);
    expect(blocks).toHaveLength(1);
    expect(compileAll(blocks).faults).toEqual([]);
  });

  it("shows pictures that are there", () => {
    const pictures = [...text.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file = ""]) => file);
    expect(pictures.length).toBeGreaterThan(3);
    for (const file of pictures)
      expect(
        readFileSync(join(dirname(path), file))
          .subarray(1, 4)
          .toString(),
        file,
      ).toBe("PNG");
  });
});
