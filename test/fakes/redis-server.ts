import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import type { IssuedCertificate } from "./certificates.ts";

/** Of the machine, not of a package. */
const REDIS_SERVER = "redis-server";

export interface RedisServer {
  readonly port: number;
  /** Stops it from answering without closing anything, or lets it go on. */
  freeze(frozen: boolean): void;
  /** Ends it at once; what it held is gone, unless it writes to disk. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** Whether there is a redis-server on the PATH. */
export function hasRedis(): boolean {
  return spawnSync(REDIS_SERVER, ["--version"]).status === 0;
}

export interface RedisServerOptions {
  readonly password?: string;
  /** It speaks TLS only. */
  readonly certificate?: IssuedCertificate;
  /** Every write is in a file before it is answered, and there again after it was killed. */
  readonly durable?: boolean;
  /** A node of a cluster, which refuses scripts whose keys lie apart. It has no keys before somebody gives it a part of them. */
  readonly cluster?: boolean;
}

/** A real Redis on loopback; it keeps nothing on disk unless told so. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "redis-"));
  const settings = [
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    options.durable === true ? "yes" : "no",
    // Every second, the default, lets a killed server lose what it answered in the last one or two.
    "--appendfsync",
    "always",
    "--dir",
    folder,
    "--maxmemory-policy",
    "noeviction",
  ];
  if (options.cluster === true) settings.push("--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`);
  if (options.password !== undefined) settings.push("--requirepass", options.password);
  if (options.certificate === undefined) settings.push("--port", `${port}`);
  else {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await writeFile(cert, options.certificate.certPem);
    await writeFile(key, options.certificate.keyPem, { mode: 0o600 });
    settings.push("--port", "0", "--tls-port", `${port}`, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no");
    settings.push("--tls-ca-cert-file", cert);
  }
  let child: ChildProcess | null = null;
  // A test that fails before it closes the server must neither keep the run alive nor leave the server behind.
  const leave = () => void child?.kill("SIGKILL");
  process.once("exit", leave);

  async function start(): Promise<void> {
    if (child !== null) return;
    const started = spawn(REDIS_SERVER, settings, { stdio: ["ignore", "pipe", "inherit"] });
    child = started;
    started.unref();
    let log = "";
    await new Promise<void>((resolve, reject) => {
      started.stdout.setEncoding("utf8").on("data", (text: string) => {
        log = (log + text).slice(-4_000);
        if (!log.includes("Ready to accept connections")) return;
        // Redis goes on when nobody reads what it says.
        started.stdout.destroy();
        resolve();
      });
      started.on("exit", () => reject(new Error(`redis-server did not start: ${log}`)));
    });
  }

  async function kill(): Promise<void> {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null) return;
    ending.ref();
    const ended = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill("SIGKILL");
    await ended;
  }

  await start();
  return {
    port,
    freeze: (frozen) => void child?.kill(frozen ? "SIGSTOP" : "SIGCONT"),
    kill,
    start,
    async close() {
      await kill();
      process.off("exit", leave);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Redis takes no port 0: one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** A cluster of so many real nodes, which share the keys evenly. Takes some seconds to find itself. */
export async function startRedisCluster(count: number, options: { readonly password: string }): Promise<readonly RedisServer[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => startRedis({ ...options, cluster: true, durable: true })));
  const clients = nodes.map(({ port }) => new Redis({ host: "127.0.0.1", port, password: options.password }));
  try {
    const [first] = clients;
    const part = Math.ceil(16_384 / count);
    for (const [at, client] of clients.entries()) {
      await client.config("SET", "masterauth", options.password);
      await client.cluster("ADDSLOTSRANGE", at * part, Math.min(16_384, (at + 1) * part) - 1);
      const bus = (await client.config("GET", "cluster-port")) as string[]; // The name and the value of one setting.
      if (at > 0) await first?.cluster("MEET", "127.0.0.1", nodes[at]?.port ?? 0, Number(bus[1]));
    }
    const isWhole = async (client: Redis) => {
      const told = await client.cluster("INFO");
      return told.includes("cluster_state:ok") && told.includes(`cluster_known_nodes:${count}\r`);
    };
    while (!(await Promise.all(clients.map(isWhole))).every(Boolean)) await wait(50);
  } finally {
    for (const client of clients) client.disconnect();
  }
  return nodes;
}

/** A wire to a server which carries one more request there and then breaks before the answer, when told so. */
export interface BreakingWire {
  readonly port: number;
  breakNext: boolean;
  close(): Promise<void>;
}

/** `marks`: text by which the request that breaks the wire is known. */
export async function startBreakingWire(target: number, marks: RegExp): Promise<BreakingWire> {
  const sockets = new Set<Socket>();
  const wire = { breakNext: false };
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    let cut = false;
    sockets.add(near).add(far);
    near.on("data", (bytes) => {
      if (wire.breakNext && marks.test(bytes.toString("latin1"))) {
        wire.breakNext = false;
        cut = true;
      }
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      // The answer shows that the request was carried out.
      if (cut) near.destroy();
      else near.write(bytes);
    });
    const end = () => {
      near.destroy();
      far.destroy();
      sockets.delete(near);
      sockets.delete(far);
    };
    for (const socket of [near, far]) socket.on("error", end).on("close", end);
  });
  const port = await listen(server);
  return Object.assign(wire, {
    port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no TCP address"));
      else resolve(address.port);
    });
  });
}
