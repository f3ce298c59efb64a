import type { Broker } from "../broker.ts";
import type { ConsolePage } from "../console/create-console.ts";
import type { PageFiles } from "../console/page-files.ts";
import type { AdminApp, AdminView } from "../listener/admin-app.ts";
import type { EventPlatform } from "../model/cloud-event.ts";

/** Answers a request under `/-/`; `platform` is what the platform knows of this very request. Never rejects but where the pages cannot be loaded. */
export type AdminPages = (request: Request, platform: EventPlatform) => Promise<Response>;

/** What the platform adds to what the broker tells of itself. */
export interface PageSources extends Pick<AdminView, "metrics"> {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Of the page at `/-/console`. */
  readonly files: PageFiles;
}

/** What the page reads with the cookie of its session, beside its own paths. */
const READ_BY_PAGE: ReadonlySet<string> = new Set(["/-/usage", "/-/incidents", "/-/limits"]);

/** The broker's own pages. They and their router load with the first request for one: no call needs them. */
export function createAdminPages(broker: Broker, { metrics, now, files }: PageSources): AdminPages {
  const { ready, status, authorize, events, usagePages } = broker;
  const view: Omit<AdminView, "status"> = { ready, metrics, authorize, takeEvents: events?.takeMessage ?? null, usagePages };
  let app: AdminApp | null = null;
  let page: ConsolePage | null = null;

  async function readPage(): Promise<ConsolePage> {
    const [{ createConsole }, { consoleProof, consoleState }, { describeStatus }] = await Promise.all([
      import("../console/create-console.ts"),
      import("./console-data.ts"),
      import("./describe-status.ts"),
    ]);
    page ??= createConsole({
      authorize,
      now,
      files,
      data: {
        state: async () => consoleState(broker.loaded(), describeStatus(status()), now()),
        proof: async (place) => consoleProof(broker.loaded(), place, now()),
      },
    });
    return page;
  }

  return async (request, platform) => {
    const path = new URL(request.url).pathname;
    // Off: there is no such page, and no cookie counts.
    const isOn = broker.loaded()?.snapshot?.gateways.some((gateway) => gateway.console) ?? false;
    if (isOn && /^\/-\/console(?:\/|$)/.test(path)) return (await readPage()).answer(request, platform.place);
    const asked = isOn && READ_BY_PAGE.has(path) && request.headers.has("cookie") ? (await readPage()).withSession(request) : request;
    const [{ createAdminApp }, { describeStatus }] = await Promise.all([import("../listener/admin-app.ts"), import("./describe-status.ts")]);
    // Not the promise is kept: on Workers one request must not wait for what another began.
    app ??= createAdminApp({ ...view, status: () => describeStatus(status()) });
    const answer = await app.fetch(asked, platform);
    return asked === request ? answer : guarded(answer);
  };
}

/** What was read with a cookie stays in no cache, and is nothing to be run or framed. */
function guarded(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.set("cache-control", "no-store");
  headers.set("x-content-type-options", "nosniff");
  headers.set("cross-origin-resource-policy", "same-origin");
  headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  return new Response(answer.body, { status: answer.status, headers });
}
