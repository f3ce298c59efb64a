import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { LoggedCall } from "../../examples/quickstart/logged-call.ts";
import type { StoryResult } from "../../examples/quickstart/story.ts";

interface Demo {
  readonly ok: boolean;
  readonly stories: readonly StoryResult[];
  readonly calls: readonly LoggedCall[];
}

let demo: Demo;
let exitCode: number | null;

/** The demo as a user runs it: a process of its own, with the built broker and the official SDKs. */
beforeAll(async () => {
  expect(existsSync(resolve(import.meta.dirname, "../../dist/spillway.js")), "npm run build comes first").toBe(true);
  const child = spawn(process.execPath, [resolve(import.meta.dirname, "../../examples/quickstart/demo.ts"), "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  exitCode = await new Promise((done) => child.once("close", done));
  // The shape that demo.ts prints; each test below looks at the parts.
  demo = JSON.parse(output) as Demo;
});

describe("npm run demo", () => {
  it("tells every user story as it should go", () => {
    const wrong = demo.stories.filter((story) => !story.ok);
    expect(wrong.flatMap((story) => [story.title, ...story.lines])).toEqual([]);
    expect(demo.stories).toHaveLength(10);
    expect(exitCode).toBe(0);
  });

  it("loses none of the fifty calls of the rotation", () => {
    const rotated = demo.calls.filter((call) => call.caller === "team-a/app" && call.path === "/v1/chat/completions" && call.status === 200);
    expect(rotated.length).toBeGreaterThanOrEqual(50);
  });

  it("never sends a locked team out of its region", () => {
    const attempts = demo.calls.filter((call) => call.caller === "team-b/app").flatMap((call) => call.attempts);
    expect(attempts.length).toBeGreaterThan(0);
    expect(attempts.map((attempt) => attempt.backend)).not.toContain("openai-us");
  });

  it("shows no token and no key", () => {
    expect(JSON.stringify(demo)).not.toMatch(/demo-token-|sk-(ant-)?demo-/);
  });
});
