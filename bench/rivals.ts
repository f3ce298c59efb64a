import type { ChildProcess, StdioOptions } from "node:child_process";
import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BenchManifests, benchManifests } from "./broker-manifests.ts";
import { answers, freePort, startOn, stop } from "./processes.ts";

/** A proxy under measure. */
export interface Rival {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Its exit code once it has ended; null: a signal ended it. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

/** The broker as it is built, with telemetry on. Its access log is off, as nginx's is; `log` writes it to /dev/null; without `spans` no telemetry leaves. */
export async function startBroker(
  folder: string,
  upstreamPort: number,
  options: { readonly log: boolean; readonly spans: boolean },
): Promise<Rival & { readonly tokens: BenchManifests["tokens"] }> {
  const port = await freePort();
  const { text, tokens } = benchManifests(upstreamPort, (name, value) => {
    const path = join(folder, name);
    writeFileSync(path, value, { mode: 0o600 });
    return { file: { path } };
  });
  const manifests = join(folder, "bench.yaml");
  await writeFile(manifests, text);
  const spillway = fileURLToPath(new URL("../dist/spillway.js", import.meta.url));
  const args = [spillway, "serve", "--manifests", manifests, "--port", String(port), ...(options.log ? [] : ["--quiet"])];
  const collector = options.spans ? { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${upstreamPort}`, OTEL_SERVICE_NAME: "spillway-bench" } : {};
  const env = { ...process.env, ...collector };
  const child = startOn(0, process.execPath, args, { stdio: ["ignore", "ignore", "inherit"], env });
  return { ...(await rival("spillway", port, "/-/readyz", child)), tokens };
}

/**
 * `bench/bare.ts`: node:http and undici with nothing between. `bench/parts.ts`: the broker's server, exchange and transport with nothing between.
 * `bench/streams/hono.ts`: Hono and `fetch`.
 */
export async function startNode(name: "bare" | "parts" | "streams/hono", upstreamPort: number): Promise<Rival> {
  const port = await freePort();
  const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  // Hono's server writes a line for each caller that hangs up.
  const stdio: StdioOptions = ["ignore", "ignore", name === "streams/hono" ? "ignore" : "inherit"];
  const child = startOn(0, process.execPath, [program, String(upstreamPort), String(port)], { stdio });
  return rival(name === "streams/hono" ? "bare Hono" : `${name} node`, port, "/chat", child);
}

/** nginx with its documented settings for streams: keep-alive to the upstream, no buffering of answers, one worker, no log. */
export async function startNginx(nginx: string, folder: string, upstreamPort: number): Promise<Rival> {
  const port = await freePort();
  const configuration = join(folder, "proxy.conf");
  await writeFile(
    configuration,
    `worker_processes 1; daemon off; pid ${join(folder, "proxy.pid")}; error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_body_buffer_size 1m; client_max_body_size 64m; tcp_nodelay on;
  upstream provider { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 100000000; keepalive_timeout 600s; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`,
  );
  const child = startOn(0, nginx, ["-p", folder, "-c", configuration], { stdio: ["ignore", "ignore", "inherit"] });
  return rival("nginx", port, "/chat", child);
}

async function rival(name: string, port: number, probe: string, child: ChildProcess): Promise<Rival> {
  const url = `http://127.0.0.1:${port}`;
  const ended = new Promise<number | null>((settle) => child.once("exit", settle));
  await answers(url + probe);
  // A child that answers has a pid; taskset becomes the program that it starts, so the pid is the proxy's own.
  return { name, url, pid: child.pid ?? 0, ended, stop: () => stop(child) };
}
