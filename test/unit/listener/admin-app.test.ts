import { describe, expect, it } from "vitest";
import { type AdminView, createAdminApp } from "../../../src/listener/admin-app.ts";

function view(changes: Partial<AdminView> = {}): AdminView {
  return {
    ready: () => true,
    status: () => ({ secret: "of the state" }),
    metrics: () => "metric 1\n",
    authorize: async () => false,
    takeEvents: null,
    usagePages: async () => ({ status: 200, headers: {}, body: "of the state" }),
    ...changes,
  };
}

/** Open by design: the two probes. Events prove their sender themselves (test/pipeline/events.test.ts). */
const OPEN: ReadonlySet<string> = new Set(["/-/healthz", "/-/readyz", "/-/events"]);

describe("every route but the open ones", () => {
  const routes = createAdminApp(view()).routes.filter((route) => route.method !== "ALL");

  it("T30: there are some, all of them under /-/, and the open ones are those three", () => {
    expect(routes.length).toBeGreaterThan(OPEN.size);
    expect(routes.filter((route) => !route.path.startsWith("/-/"))).toEqual([]);
    expect(new Set(routes.map(({ path }) => path).filter((path) => OPEN.has(path)))).toEqual(OPEN);
  });

  it.each(routes.filter((route) => !OPEN.has(route.path)).map((route) => [route.method, route.path]))(
    "T30: %s %s stands behind authorize",
    async (method, path) => {
      const asked: unknown[] = [];
      const closed = createAdminApp(
        view({
          authorize: async (headers, authority) => {
            asked.push([headers, authority]);
            return false;
          },
        }),
      );
      const response = await closed.request(path, { method, headers: { host: "egress.example", "x-api-key": "k" } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
      expect(response.headers.get("x-egress-error")).toBe("identity_rejected");
      expect(await response.text()).not.toContain("of the state");
      expect(asked).toHaveLength(1);
      expect(JSON.stringify(asked)).toContain('"x-api-key","k"');
      expect(JSON.stringify(asked)).toContain("egress.example");
      const open = await createAdminApp(view({ authorize: async () => true })).request(path, { method });
      expect(open.status).toBe(200);
    },
  );

  it("an authorization that fails opens nothing", async () => {
    const response = await createAdminApp(view({ authorize: () => Promise.reject(new Error("broken: of the state")) })).request("/-/status");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("of the state");
  });
});

describe("the pages of usage", () => {
  const open = { authorize: async () => true };

  it("get the parameters and what is accepted, and answer as they like", async () => {
    const asked: unknown[] = [];
    const app = createAdminApp(
      view({
        ...open,
        usagePages: async ({ page, search, accept }) => {
          asked.push([page, [...search], accept]);
          return { status: 400, headers: { "x-egress-error": "request_malformed" }, body: "no" };
        },
      }),
    );
    const answer = await app.request("/-/usage?since=7d&by=model%2Cnamespace", { headers: { accept: "text/csv" } });
    expect([answer.status, answer.headers.get("x-egress-error"), await answer.text()]).toEqual([400, "request_malformed", "no"]);
    await app.request("/-/limits");
    expect(asked).toEqual([
      [
        "usage",
        [
          ["since", "7d"],
          ["by", "model,namespace"],
        ],
        "text/csv",
      ],
      ["limits", [], ""],
    ]);
  });

  it("are not there where no usage is kept", async () => {
    for (const page of ["usage", "incidents", "limits"])
      expect((await createAdminApp(view({ ...open, usagePages: null })).request(`/-/${page}`)).status).toBe(404);
  });
});

describe("the probes and the metrics", () => {
  it("healthz is alive whatever else is", async () => {
    expect((await createAdminApp(view({ ready: () => false })).request("/-/healthz")).status).toBe(200);
  });

  it("readyz follows the broker", async () => {
    expect((await createAdminApp(view()).request("/-/readyz")).status).toBe(200);
    expect((await createAdminApp(view({ ready: () => false })).request("/-/readyz")).status).toBe(503);
  });

  it("metrics are Prometheus text, or elsewhere", async () => {
    const authorize = async () => true;
    const here = await createAdminApp(view({ authorize })).request("/-/metrics");
    expect(here.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await here.text()).toBe("metric 1\n");
    expect((await createAdminApp(view({ authorize, metrics: () => null })).request("/-/metrics")).status).toBe(404);
  });

  it("nothing else is there", async () => {
    for (const path of ["/-/", "/-/status/", "/-/../v1", "/v1/models"]) expect((await createAdminApp(view()).request(path)).status).toBe(404);
    expect((await createAdminApp(view()).request("/-/healthz", { method: "POST" })).status).toBe(404);
  });
});
