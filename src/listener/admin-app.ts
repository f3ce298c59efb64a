import { Hono } from "hono";
import type { HeaderList } from "../model/http.ts";

/** What the broker tells about itself under `/-/`. */
export interface AdminView {
  /** False while starting and from SIGTERM on. */
  ready(): boolean;
  status(): unknown;
  /** Prometheus text 0.0.4; null where metrics have a port of their own or the platform has none. */
  metrics(): string | null;
  /** True when the credential in these headers belongs to a caller of the Gateway's own namespace. Rejects never. */
  authorize(headers: HeaderList, authority: string): Promise<boolean>;
}

/** The broker's own paths. Every one but the two probes and, on Node, the metrics stands behind `authorize`. */
export function createAdminApp(view: AdminView): Hono {
  const app = new Hono();
  app.get("/-/healthz", (context) => context.text("ok\n"));
  app.get("/-/readyz", (context) => (view.ready() ? context.text("ready\n") : context.text("not ready\n", 503)));
  app.get("/-/metrics", (context) => {
    const text = view.metrics();
    if (text === null) return context.text("metrics are served on the admin port\n", 404);
    return context.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  app.get("/-/status", async (context) => {
    const headers: string[] = [];
    for (const [name, value] of context.req.raw.headers) headers.push(name, value);
    const allowed = await view.authorize(headers, context.req.header("host") ?? "");
    if (!allowed) {
      return context.json({ error: "a credential of the Gateway's own namespace is needed" }, 401, {
        "www-authenticate": 'Bearer realm="spillway"',
        "x-egress-error": "identity_rejected",
      });
    }
    return context.json(view.status());
  });
  app.notFound((context) => context.text("no such page of the broker\n", 404));
  app.onError((_error, context) => context.text("the broker failed\n", 500, { "x-egress-error": "internal_error" }));
  return app;
}
