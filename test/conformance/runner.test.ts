import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { platform, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNotOnWorkers, withoutServices } from "../../scripts/conformance-workers.ts";

/** The runner of request tables, on a table of our own with one case of each kind: a good one, a wrong one and one that is not data. */
const BASE = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shared, namespace: infra}
spec:
  gatewayClassName: "{GATEWAY_CLASS_NAME}"
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: v1
kind: Service
metadata: {name: one, namespace: infra}
spec: {ports: [{port: 38080}]}
`;
const ROUTE = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: infra}
spec:
  parentRefs: [{name: shared}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /to}}]
    backendRefs: [{name: one, port: 38080}]
`;
const to = (path: string, more: object = {}) => ({ gateway: "shared", Request: { Path: path, Host: "asked.example" }, Namespace: "infra", ...more });
const CASES = [
  {
    test: "Ours",
    features: ["HTTPRoute"],
    manifest: "ours.yaml",
    provisional: false,
    cases: [
      to("/to/one", { Backend: "one" }),
      to("/nowhere", { Response: { StatusCode: 404 } }),
      to("/to/one", { TestCaseName: "wrong", Backend: "two", Response: { Headers: { "x-missing": "1" } } }),
      to("/to/one", { Request: { Path: { $expr: [] } } }),
    ],
  },
];

// Other systems have one loopback address only.
describe.runIf(platform() === "linux")("npm run conformance", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spillway-tables-"));
    await mkdir(join(folder, "tests"));
    await writeFile(join(folder, "base.yaml"), BASE);
    await writeFile(join(folder, "tests", "ours.yaml"), ROUTE);
    await writeFile(join(folder, "cases.json"), JSON.stringify(CASES));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (...args: readonly string[]) =>
    new Promise<{ readonly code: number | null; readonly output: string }>((ended) => {
      const child = spawn(process.execPath, [resolve(import.meta.dirname, "../../scripts/conformance.ts"), folder, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.on("data", (bytes: Buffer) => {
        output += bytes.toString();
      });
      child.once("exit", (code) => ended({ code, output }));
    });

  it("says what passes and what does not, and why", async () => {
    const { code, output } = await run("--json");
    expect(code).toBe(1);
    expect(JSON.parse(output)).toEqual([
      {
        test: "Ours",
        features: ["HTTPRoute"],
        passed: 2,
        skipped: 1,
        cannot: null,
        failed: [{ name: "wrong", faults: ["one-0 answered, not two", "x-missing: absent, not 1"] }],
      },
    ]);
  });

  it("runs one feature alone, for people", async () => {
    expect(await run("--feature", "Nothing")).toEqual({ code: 0, output: "\n" });
  });
});

describe("the tables on Workers", () => {
  const services = [{ namespace: "infra", name: "one", ports: [{ port: 38_080, h2c: false }] }];

  it("turn each Service into an XBackend, and every reference to one, in mirrors too", () => {
    const route = {
      kind: "HTTPRoute",
      metadata: { name: "r", namespace: "infra" },
      spec: {
        rules: [
          {
            backendRefs: [
              { name: "one", port: 38_080, weight: 3 },
              { group: "example.com", kind: "Magic", name: "m", port: 1 },
            ],
            filters: [{ type: "RequestMirror", requestMirror: { backendRef: { name: "one", port: 38_080 } } }],
          },
        ],
      },
    };
    const [translated, backend, ...more] = withoutServices([{ kind: "Service", metadata: { name: "one" } }, route], services);
    const ref = { group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "one-38080" };
    expect(translated).toMatchObject({
      spec: {
        rules: [
          {
            backendRefs: [
              { ...ref, weight: 3 },
              { kind: "Magic", name: "m" },
            ],
            filters: [{ requestMirror: { backendRef: ref } }],
          },
        ],
      },
    });
    expect(backend).toMatchObject({ kind: "XBackend", metadata: { name: "one-38080", namespace: "infra" }, spec: { port: { port: 38_080 } } });
    expect(more).toEqual([]);
  });

  it("name what a Worker cannot do", () => {
    expect(whyNotOnWorkers(["Gateway", "HTTPRoute"])).toBeNull();
    expect(whyNotOnWorkers(["HTTPRoute", "HTTPRouteHostRewrite"])).toBe("Workers cannot do HTTPRouteHostRewrite");
  });
});
