import { type Context, Hono } from "hono";
import { authorityOf, headerListOf, readBodyWithin } from "../lib/web-request.ts";
import type { EventAnswer, EventPlatform, IncomingEvents } from "../model/cloud-event.ts";
import type { HeaderList } from "../model/http.ts";
import { LEDGER_PAGES, type PageAnswer, type PageRequest } from "../model/ledger-page.ts";

/** What the broker tells about itself under `/-/`. */
export interface AdminView {
  /** False while starting and from SIGTERM on. */
  ready(): boolean;
  status(): unknown;
  /** Prometheus text 0.0.4; null where metrics have a port of their own or the platform has none. */
  metrics(): string | null;
  /** True when the credential in these headers belongs to a caller of the Gateway's own namespace. Rejects never. */
  authorize(headers: HeaderList, authority: string): Promise<boolean>;
  /** Takes a message of events, of at most `MAX_EVENT_BYTES`; null: events are not taken here. Rejects never. */
  readonly takeEvents: ((message: IncomingEvents) => Promise<EventAnswer>) | null;
  /** What was used, by whom; null: no usage is kept here. Rejects never. */
  readonly usagePages: ((request: PageRequest) => Promise<PageAnswer>) | null;
}

export type AdminApp = Hono<{ Bindings: EventPlatform }>;

/** Of one message, a batch included. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;

/** What whoever is refused is told: the same words for nobody, for a stranger and for a plain caller. */
const OPERATORS_ONLY =
  "a credential of the Gateway's own namespace is needed: send a token of one of its ServiceAccounts, or an API key of that namespace, as Authorization: Bearer";

/** The broker's own paths. The second argument of `fetch` is what the platform knows of the very request; only `/-/events` needs it. Every one but the two probes and `/-/events`, which proves senders itself, stands behind `authorize`. */
export function createAdminApp(view: AdminView): AdminApp {
  const app = new Hono<{ Bindings: EventPlatform }>();
  app.get("/-/healthz", (context) => context.text("ok\n"));
  app.get("/-/readyz", (context) => (view.ready() ? context.text("ready\n") : context.text("not ready\n", 503)));

  /** The one way in which a page is added that tells of calls. `advice`: what else than a credential helps. */
  function forOperators(path: string, answer: (context: Context) => Response | Promise<Response>, advice = ""): void {
    app.get(path, async (context) => {
      const { raw } = context.req;
      if (await view.authorize(headerListOf(raw.headers), authorityOf(raw))) return await answer(context);
      const headers = { "www-authenticate": 'Bearer realm="spillway"', "x-egress-error": "identity_rejected" };
      return Response.json({ error: `${OPERATORS_ONLY}${advice}` }, { status: 401, headers });
    });
  }
  forOperators("/-/status", (context) => context.json(view.status()));
  forOperators(
    "/-/metrics",
    (context) => {
      const text = view.metrics();
      if (text === null) return context.text("metrics are served on the admin port, or not on this platform\n", 404);
      return context.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    },
    ". Or set SPILLWAY_ADMIN_PORT: that port serves metrics without a credential, to whoever the network lets reach it",
  );
  for (const page of LEDGER_PAGES) {
    forOperators(`/-/${page}`, async (context) => {
      if (view.usagePages === null) return context.text("no usage is kept here\n", 404);
      const search = new URL(context.req.url).searchParams;
      const { status, headers, body } = await view.usagePages({ page, search, accept: context.req.header("accept") ?? "" });
      return new Response(body, { status, headers });
    });
  }
  const { takeEvents } = view;
  app.post("/-/events", async (context) => {
    const { raw } = context.req;
    if (takeEvents === null) return context.text("events are not taken here\n", 404);
    const body = () => readBodyWithin(raw, MAX_EVENT_BYTES);
    const answer = await takeEvents({ headers: headerListOf(raw.headers), authority: authorityOf(raw), body, platform: context.env });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  });
  app.notFound((context) => context.text("no such page of the broker\n", 404));
  app.onError((_error, context) => context.text("the broker failed\n", 500, { "x-egress-error": "internal_error" }));
  return app;
}
