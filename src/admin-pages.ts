import type { AdminApp, AdminView } from "./listener/admin-app.ts";
import type { EventPlatform } from "./model/cloud-event.ts";

/** Answers a request under `/-/`; `platform` is what the platform knows of this very request. Never rejects but where the pages cannot be loaded. */
export type AdminPages = (request: Request, platform: EventPlatform) => Promise<Response>;

/** The broker's own pages. They and their router load with the first request for one: no call needs them. */
export function createAdminPages(view: AdminView): AdminPages {
  let app: AdminApp | null = null;
  return async (request, platform) => {
    const { createAdminApp } = await import("./listener/admin-app.ts");
    // Not the promise is kept: on Workers one request must not wait for what another began.
    app ??= createAdminApp(view);
    return app.fetch(request, platform);
  };
}
