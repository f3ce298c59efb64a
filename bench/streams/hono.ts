import { serve } from "@hono/node-server";
import { Hono } from "hono";

// What most would write first: Hono on @hono/node-server, handing each call on by `fetch` and its answer back as it comes.
// node bench/streams/hono.ts UPSTREAM_PORT LISTEN_PORT

const [upstreamPort, listenPort] = process.argv.slice(2).map(Number);
const app = new Hono();
app.get("/-/healthz", (context) => context.text("ok"));
app.all("*", async (context) => {
  const { raw } = context.req;
  const headers = new Headers(raw.headers);
  // Hop by hop, and `fetch` makes its own.
  for (const name of ["host", "connection", "content-length", "transfer-encoding", "expect"]) headers.delete(name);
  const init: RequestInit = { method: raw.method, headers, signal: raw.signal, redirect: "manual" };
  if (raw.body !== null) Object.assign(init, { body: raw.body, duplex: "half" });
  const answer = await fetch(`http://127.0.0.1:${upstreamPort}${new URL(raw.url).pathname}`, init);
  return new Response(answer.body, answer);
});
serve({ fetch: app.fetch, port: listenPort ?? 0, hostname: "127.0.0.1" });
