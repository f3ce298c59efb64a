import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answers, freePort, startOn, stop } from "./processes.ts";
import { SCENES } from "./scenes.ts";

export interface Upstream {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * The provider of the bench: nginx, which answers fixed bytes by the header `x-bench-scene`. Each event of the stream is a file
 * of its own, included by SSI and sent without being held back, so that a proxy sees as many chunks as events. It also takes the
 * broker's telemetry at /v1/traces and /v1/metrics.
 */
export async function startUpstream(nginx: string, folder: string): Promise<Upstream> {
  const port = await freePort();
  const www = join(folder, "www");
  await mkdir(join(www, "part"), { recursive: true });
  for (const scene of SCENES) {
    if (scene.answer === "chat") {
      await writeFile(join(www, "chat"), scene.answerParts.join(""));
      continue;
    }
    await Promise.all(scene.answerParts.map((part, index) => writeFile(join(www, "part", String(index)), part)));
    await writeFile(join(www, "stream"), scene.answerParts.map((_, index) => `<!--# include virtual="/part/${index}" wait="yes" -->`).join(""));
  }
  const configuration = join(folder, "upstream.conf");
  await writeFile(
    configuration,
    `worker_processes 1; daemon off; pid ${join(folder, "upstream.pid")}; error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; postpone_output 0; client_body_buffer_size 1m; tcp_nodelay on;
  open_file_cache max=500 inactive=600s; open_file_cache_valid 600s; etag off; client_max_body_size 64m;
  map $http_x_bench_scene $answer { stream /stream; default /chat; }
  server {
    listen 127.0.0.1:${port}; root ${www};
    # A POST to a file is 405; this turns it into a GET of the scene's answer.
    location = /v1/chat/completions { error_page 405 =200 $answer; return 405; }
    location = /chat { default_type application/json; }
    location = /stream { default_type text/event-stream; ssi on; ssi_types text/event-stream; }
    location = /v1/traces { default_type application/json; return 200 '{}'; }
    location = /v1/metrics { default_type application/json; return 200 '{}'; }
  }
}
`,
  );
  const child = startOn(1, nginx, ["-p", folder, "-c", configuration], { stdio: ["ignore", "ignore", "inherit"] });
  await answers(`http://127.0.0.1:${port}/chat`);
  return { port, stop: () => stop(child) };
}
