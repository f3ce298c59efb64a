import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, write } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLogWriter } from "../../../adapters/telemetry/log-writer.ts";
import type { Write } from "../../../adapters/telemetry/standard-output.ts";

describe("the log writer", () => {
  it("writes whole lines in order to a real file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "spillway-log-"));
    const descriptor = openSync(join(folder, "log"), "w");
    const writer = createLogWriter({ write: (bytes, done) => write(descriptor, bytes, (error, written) => done(error, written)) });
    const lines = Array.from({ length: 5_000 }, (_, index) => `{"n":${index},"text":"grüße"}`);
    for (const line of lines) writer.log(line);
    await writer.flush();
    expect(readFileSync(join(folder, "log"), "utf8")).toBe(`${lines.join("\n")}\n`);
    expect(writer.dropped()).toBe(0);
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  });

  it("takes no more than its bound while the reader stalls, counts the rest, and goes on afterwards", async () => {
    let release = () => {};
    let text = "";
    let stalled = true;
    const stalling: Write = (bytes, done) => {
      text += Buffer.from(bytes).toString("utf8");
      if (stalled) release = () => done(null, bytes.byteLength);
      else setImmediate(() => done(null, bytes.byteLength));
    };
    const writer = createLogWriter({ write: stalling, maxCharacters: 1_000 });
    writer.log("first");
    await new Promise(setImmediate);
    for (let index = 0; index < 10_000; index += 1) writer.log("123456789");
    expect(writer.dropped()).toBe(9_900);
    stalled = false;
    release();
    await writer.flush();
    expect(text.split("\n")).toHaveLength(102);
    writer.log("last");
    await writer.flush();
    expect(text.endsWith("last\n")).toBe(true);
  });

  it("finishes a line of which only a part was taken, and tries again while the pipe is full", async () => {
    let text = "";
    let full = 2;
    const grudging: Write = (bytes, done) => {
      if (full > 0) {
        full -= 1;
        setImmediate(() => done(Object.assign(new Error("full"), { code: "EAGAIN" }), 0));
        return;
      }
      text += Buffer.from(bytes.subarray(0, 3)).toString("utf8");
      setImmediate(() => done(null, Math.min(3, bytes.byteLength)));
    };
    const writer = createLogWriter({ write: grudging });
    writer.log("a line of some length");
    await writer.flush();
    expect(text).toBe("a line of some length\n");
  });

  it("neither stalls nor holds up the exit of a process whose log nobody reads", async () => {
    const module = join(import.meta.dirname, "../../../adapters/telemetry/log-writer.ts");
    const program = `
      import { createLogWriter } from ${JSON.stringify(module)};
      const writer = createLogWriter();
      for (let index = 0; index < 30_000; index += 1) writer.log("x".repeat(99));
      setTimeout(() => { process.stderr.write(String(writer.dropped())); process.exit(0); }, 50);`;
    // A real pipe whose other end is open and never read: the shell makes it, because Node gives its children sockets.
    const pipeline = '("$0" --input-type=module -e "$1"; echo " exit $?" >&2) | exec sleep 30';
    const shell = spawn("sh", ["-c", pipeline, process.execPath, program], { stdio: ["ignore", "ignore", "pipe"], detached: true });
    const told = await new Promise<string>((resolve) => {
      let text = "";
      shell.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.includes("exit")) resolve(text);
      });
    });
    // The group that this test began: the shell and its sleep.
    if (shell.pid !== undefined) process.kill(-shell.pid);
    expect(told).toMatch(/^\d{5} exit 0\n$/);
  });

  it("goes quiet when its reader is gone", async () => {
    const writer = createLogWriter({ write: (_bytes, done) => setImmediate(() => done(Object.assign(new Error("gone"), { code: "EPIPE" }), 0)) });
    writer.log("one");
    writer.log("two");
    await writer.flush();
    writer.log("three");
    expect(writer.dropped()).toBe(3);
  });
});
