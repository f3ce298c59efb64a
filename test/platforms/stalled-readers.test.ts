import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const READERS = 50;
/** What is on its way to the caller, which is one read of the answer; RSS is more, and depends on when the collector last ran. */
const HELD_KIB = 56;
const EVENT = `data: ${"x".repeat(4_090)}\n\n`;
/** In the broker's process: tells what is held in buffers, garbage aside. */
const TELL = 'process.on("SIGUSR2",()=>{gc();setImmediate(()=>{gc();console.log("held "+process.memoryUsage().arrayBuffers)})})';

async function freePort(): Promise<number> {
  const probe = createTcpServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo; // a server that listens on TCP has one
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Waits until the value is as wanted, or has not changed for a second where nothing is wanted. */
async function settled(value: () => number, wanted: number | null = null): Promise<number> {
  for (let last = Number.NaN, same = 0, looks = 0; looks < 400 && same < 20; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (value() === wanted) break;
    same = wanted === null && value() === last ? same + 1 : 0;
    last = value();
  }
  return value();
}

describe("callers that stop reading", () => {
  it("F16 F36 B13 T24: hold little memory, stop the destination, and leave nothing behind", async () => {
    let sent = 0;
    let open = 0;
    const upstream = createServer((request, response) => {
      if (request.url === "/warm") return void response.end("ok");
      open += 1;
      response.on("close", () => {
        open -= 1;
      });
      response.writeHead(200, { "content-type": "text/event-stream" });
      const pump = (): void => {
        while (!response.destroyed) {
          sent += EVENT.length;
          if (!response.write(EVENT)) return void response.once("drain", pump);
        }
      };
      pump();
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const upstreamPort = (upstream.address() as AddressInfo).port; // a server that listens on TCP has one
    const port = await freePort();
    const parts = fileURLToPath(new URL("../../bench/parts.ts", import.meta.url));
    const args = ["--expose-gc", "--import", `data:text/javascript,${encodeURIComponent(TELL)}`, parts, `${upstreamPort}`, `${port}`];
    const broker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    broker.stdout.on("data", (bytes: Buffer) => {
      output += bytes.toString();
    });
    const held = async (): Promise<number> => {
      output = "";
      broker.kill("SIGUSR2");
      await settled(() => (output.endsWith("\n") ? 1 : 0), 1);
      return Number(/held (\d+)/.exec(output)?.[1]);
    };
    const readers: Socket[] = [];
    try {
      for (let tries = 0; tries < 600; tries += 1) {
        const answer = await fetch(`http://127.0.0.1:${port}/warm`).catch(() => null);
        if ((await answer?.text()) === "ok") break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const before = await held();
      for (let index = 0; index < READERS; index += 1) {
        const reader = connect(port, "127.0.0.1");
        reader.on("error", () => {});
        reader.once("data", () => reader.pause());
        reader.write("GET /stream HTTP/1.1\r\nhost: b.test\r\n\r\n");
        readers.push(reader);
      }
      await expect.poll(() => open).toBe(READERS);
      await settled(() => sent);
      expect(((await held()) - before) / READERS / 1_024).toBeLessThan(HELD_KIB);
      const stopped = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(sent).toBe(stopped);
      for (const reader of readers) reader.destroy();
      expect(await settled(() => open, 0)).toBe(0);
    } finally {
      for (const reader of readers) reader.destroy();
      broker.kill("SIGKILL");
      upstream.closeAllConnections();
      upstream.close();
    }
  });
});
