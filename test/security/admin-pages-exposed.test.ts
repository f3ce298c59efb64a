import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAdminApp } from "../../src/listener/admin-app.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

// An instance names the namespaces, models and backends of all its tenants in what it tells of itself. Whoever can make calls reaches these paths too.

const PROBES: ReadonlySet<string> = new Set(["/-/healthz", "/-/readyz"]);

const routes = createAdminApp({
  ready: () => true,
  status: () => ({}),
  metrics: () => null,
  authorize: async () => false,
  takeEvents: null,
  usagePages: null,
})
  .routes.filter((route) => route.method !== "ALL")
  .map(({ method, path }) => [method, path] as const);

let broker: ServedBroker;
beforeAll(async () => {
  broker = await serveManifests(testManifests({ backends: [{ name: "one", port: 9 }] }));
});
afterAll(() => broker?.stop());

const ask = (method: string, path: string, authorization: string | null, port = broker.port) =>
  fetch(`http://127.0.0.1:${port}${path}`, { method, ...(authorization === null ? {} : { headers: { authorization: `Bearer ${authorization}` } }) });

describe.each(routes.filter(([, path]) => !PROBES.has(path)))("T30: %s %s on the port of calls", (method, path) => {
  it.each([
    ["nobody", null],
    ["somebody unknown", "not-a-token-of-anybody"],
  ])("tells %s nothing", async (_who, token) => {
    const answer = await ask(method, path, token);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toMatch(/team-a|egress_/);
  });

  it("tells a caller of another namespace nothing of an operator's, and operators all", async () => {
    // Any caller may send events; whose they are decides what becomes of them.
    if (path !== "/-/events") expect((await ask(method, path, CALLER_TOKEN)).status).toBe(401);
    expect((await ask(method, path, ADMIN_TOKEN)).status).not.toBe(401);
  });
});

describe("the metrics", () => {
  it("T30: are for operators on the port of calls, and the refusal says what to do", async () => {
    const refused = await ask("GET", "/-/metrics", CALLER_TOKEN);
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="spillway"');
    expect(refused.headers.get("x-egress-error")).toBe("identity_rejected");
    expect(await refused.text()).toMatch(/namespace.*SPILLWAY_ADMIN_PORT/);
    const answer = await ask("GET", "/-/metrics", ADMIN_TOKEN);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(await answer.text()).toContain("egress_config_snapshot_age_seconds");
  });

  it("T30: stay behind the guard however their path is written", async () => {
    for (const target of ["/-/metrics?x=1", "/-/metrics/", "/-//metrics", "/-/%6detrics", "/-/status/../metrics", "http://other.example/-/metrics"]) {
      const text = await new Promise<string>((resolve, reject) => {
        // fetch would tidy the path.
        httpRequest({ host: "127.0.0.1", port: broker.port, path: target }, (answer) => {
          answer.setEncoding("utf8");
          let all = "";
          answer.on("data", (piece: string) => {
            all += piece;
          });
          answer.on("end", () => resolve(all));
        })
          .on("error", reject)
          .end();
      });
      expect([target, text]).toEqual([target, expect.not.stringContaining("egress_config")]);
    }
  });

  it("T30: have a port of their own where one is set, open to whoever the network lets there, and then none on the port of calls", async () => {
    const apart = await serveManifests(testManifests({ backends: [{ name: "one", port: 9 }] }), { adminPort: 0 });
    try {
      expect((await ask("GET", "/-/metrics", null, apart.port)).status).toBe(401);
      expect((await ask("GET", "/-/metrics", ADMIN_TOKEN, apart.port)).status).toBe(404);
      const own = apart.server.adminPort;
      expect(own).not.toBeNull();
      const answer = await ask("GET", "/-/metrics", null, own ?? 0);
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("egress_config_snapshot_age_seconds")]);
      expect((await ask("GET", "/-/status", ADMIN_TOKEN, own ?? 0)).status).toBe(404);
      // A probe there does not wait behind callers that connect.
      for (const [page, text] of [
        ["/-/healthz", "ok\n"],
        ["/-/readyz", "ready\n"],
      ] as const) {
        const probed = await ask("GET", page, null, own ?? 0);
        expect([probed.status, await probed.text()]).toEqual([200, text]);
      }
    } finally {
      await apart.stop();
    }
  });
});
