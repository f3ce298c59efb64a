import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { hasRedis } from "../fakes/redis-server.ts";

const missing = !hasRedis();
if (missing) process.stderr.write("MISSING: redis-server. Install it (Debian: apt-get install redis-server) so that it is on the PATH\n");

const SOAK = resolve(import.meta.dirname, "../soak/soak.ts");

/** What the command prints, and how it ends. Its seed is in its first line. */
function soak(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((settle) => {
    execFile(process.execPath, [SOAK, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      settle({ code: error === null ? 0 : Number(error.code), said: out + err });
    });
  });
}

it.skipIf(missing)(
  `B15 F30 B18: a minute of mixed load while destinations, stores, collector, sink, configuration, clocks and instances break: nothing is wrong${missing ? " (MISSING: redis-server)" : ""}`,
  { timeout: 240_000 },
  async () => {
    const { code, said } = await soak("--minutes", "1.2", "--rate", "20", "--phase", "3.5");
    expect(said).toContain("nothing wrong");
    expect(code).toBe(0);
  },
);
