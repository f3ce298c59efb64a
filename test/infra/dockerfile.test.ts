import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { validate } from "dockerfile-utils";
import { describe, expect, it } from "vitest";
import { root } from "./objects.ts";

const text = readFileSync(join(root, "Dockerfile"), "utf8");
const ignored = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
const instructions = text
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n\s*/g, " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => {
    const [, name = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    return { name: name.toUpperCase(), rest };
  });
const all = (name: string) => instructions.filter((one) => one.name === name).map(({ rest }) => rest);
const stages = all("FROM").map((rest) => /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest));

describe("the Dockerfile", () => {
  it("has nothing that the linter dislikes", () => {
    expect(validate(text).map(({ range, message }) => `line ${range.start.line + 1}: ${message}`)).toEqual([]);
    expect(validate("FROM node\nRUNN x\n").length).toBeGreaterThan(0);
  });

  it("names its base images exactly: a tag or a digest, never `latest`", () => {
    expect(stages.length).toBe(2);
    for (const stage of stages) expect(stage?.[1]).toMatch(/@sha256:[0-9a-f]{64}$|:(?!latest$)[\w.-]+$/);
  });

  it("runs as a number that is not root, without a shell", () => {
    expect(all("USER")).toEqual(["65532:65532"]);
    const last = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM"));
    for (const { name, rest } of last) if (["RUN", "CMD", "ENTRYPOINT"].includes(name)) expect(rest).toMatch(/^\[".*"\]$/);
    expect(last.findIndex(({ name }) => name === "USER")).toBeLessThan(last.findIndex(({ name }) => name === "RUN"));
  });

  it("copies what is there, and what is sent to the build", () => {
    const copies = all("COPY");
    expect(copies.length).toBeGreaterThan(6);
    for (const copy of copies) {
      const from = /--from=(\S+)/.exec(copy)?.[1];
      const paths = copy.split(/\s+/).filter((word) => !word.startsWith("--"));
      if (from !== undefined) expect(stages.map((stage) => stage?.[2])).toContain(from);
      else
        for (const path of paths.slice(0, -1)) {
          expect([path, existsSync(join(root, path))]).toEqual([path, true]);
          expect(ignored).toContain(`!${path}`);
        }
    }
    expect(ignored.find((line) => line !== "" && !line.startsWith("#"))).toBe("*");
  });

  it("takes in no packages: the bundle leaves none outside", () => {
    expect(readFileSync(join(root, "scripts/build.ts"), "utf8")).not.toMatch(/external:/);
    expect(all("COPY").filter((copy) => copy.includes("node_modules"))).toEqual([]);
  });

  it("starts the command that the build makes, with options that it knows", () => {
    const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: Record<string, string> }; // npm's own format
    expect(bin["spillway"]).toBe("dist/spillway.js");
    expect(all("ENTRYPOINT")).toEqual(['["/nodejs/bin/node", "/app/spillway.js"]']);
    const serve = readFileSync(join(root, "cli/serve.ts"), "utf8");
    for (const option of JSON.parse(all("CMD")[0] ?? "[]") as string[]) if (option.startsWith("--")) expect(serve).toContain(option); // a JSON list of words
  });
});
