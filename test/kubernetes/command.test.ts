import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KubernetesApi, startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { eventually } from "../fakes/kubernetes-api-clock.ts";
import { CLUSTER, route } from "../fakes/kubernetes-api-manifests.ts";

const BINARY = resolve(import.meta.dirname, "../../dist/spillway.js");
const BASE = {
  SPILLWAY_OVERLOAD: "off",
  PATH: process.env["PATH"] ?? "",
  HOME: "/nowhere",
  METADATA_SERVER_DETECTION: "none",
  AWS_EC2_METADATA_DISABLED: "true",
};

let api: KubernetesApi;
let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  api = await startKubernetesApi({ tls: true });
  folder = await mkdtemp(join(tmpdir(), "spillway-cluster-"));
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

function run(
  args: readonly string[],
  environment: Record<string, string> = api.environment,
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((settle) => {
    const child = execFile(process.execPath, [BINARY, ...args], { env: { ...BASE, ...environment } }, (_error, out, err) => {
      settle({ code: child.exitCode ?? -1, out, err });
    });
  });
}

interface Served {
  readonly url: () => string;
  readonly err: () => string;
  stop(): Promise<number | null>;
}

async function serve(...args: readonly string[]): Promise<Served> {
  const child = spawn(process.execPath, [BINARY, "serve", "--port", "0", "--grace", "1", "--kubernetes", ...args], {
    env: { ...BASE, ...api.environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  let err = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    err += bytes.toString();
  });
  const url = () => /listening on (http:\S+)/.exec(err)?.[1] ?? "";
  await eventually(() => url() !== "" || child.exitCode !== null, "the listening line");
  return {
    url,
    err: () => err,
    stop: () =>
      new Promise((settle) => {
        child.once("exit", settle);
        child.kill("SIGTERM");
      }),
  };
}

/** A call that needs no upstream: a redirect of the route's own. */
const REDIRECT = "filters: [{type: RequestRedirect, requestRedirect: {hostname: there.example, statusCode: 301}}]";
const call = async (served: Served, host: string) => {
  const { request } = await import("node:http");
  return new Promise<{ readonly status: number; readonly error: unknown }>((settle, reject) => {
    request(served.url(), { headers: { host }, agent: false }, (response) => {
      response.resume();
      settle({ status: response.statusCode ?? 0, error: response.headers["x-egress-error"] });
    })
      .on("error", reject)
      .end();
  });
};

describe("the built command and a cluster (HTTPS, HTTP/2)", () => {
  it("check reads it, says where faults stand, and ends with 1", async () => {
    api.apply(CLUSTER);
    const good = await run(["check", "--kubernetes"]);
    expect([good.code, good.err]).toEqual([0, ""]);
    expect(good.out).toContain("check: good");
    expect([...api.protocols]).toEqual(["2.0"]);
    api.apply(route("bad", "bad.egress.local", "unheardOf: true"));
    const bad = await run(["check", "--kubernetes"]);
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/kubernetes:HTTPRoute\/team-a\/bad:\d+:\d+: error: .*unheardOf/);
  });

  it("explain reads it", async () => {
    api.apply(CLUSTER);
    const { code, out } = await run(["explain", "--kubernetes", "--as", "team-a/x", "GET", "http://llm.egress.local/"]);
    expect(out).toContain("team-a/llm/all");
    expect(code).toBe(0);
  });

  it("says what is wrong with the cluster in words", async () => {
    api.forbidden.add("list xbackends");
    const forbidden = await run(["check", "--kubernetes"]);
    expect(forbidden.code).toBe(1);
    expect(forbidden.err).toContain("may not list xbackends.gateway.networking.x-k8s.io in the whole cluster; its Role needs the verb list there");
    const none = await run(["check", "--kubernetes"], {});
    expect(none.err).toContain("no Kubernetes cluster to talk to: set KUBECONFIG");
    await writeFile(join(folder, "config"), "token: hidden\n: [");
    const broken = await run(["serve", "--kubernetes"], { KUBECONFIG: join(folder, "config") });
    expect(broken.code).toBe(1);
    expect(broken.err).toMatch(/the kubeconfig .*config \(KUBECONFIG\) cannot be read/);
    expect(broken.err).not.toContain("hidden");
    const both = await run(["check", "--kubernetes", "x.yaml"]);
    expect(both.err).toContain("either --kubernetes or files");
    expect(both.code).toBe(2);
  });

  it("serve takes up the cluster, writes statuses, follows changes, and lets go of the Lease on SIGTERM", async () => {
    api.apply(CLUSTER);
    api.apply(route("jump", "jump.egress.local", REDIRECT));
    const served = await serve();
    await eventually(() => served.err().includes("1 Gateway"));
    expect(await call(served, "jump.egress.local")).toMatchObject({ status: 301 });
    await eventually(() => api.find("HTTPRoute", "team-a/jump")?.status);
    expect(await call(served, "new.egress.local")).toMatchObject({ status: 404 });
    // The refusal is an Event of the Gateway.
    const event = await eventually(() => api.store.list("events")[0]);
    expect(event).toMatchObject({ reason: "EgressDenied", action: "RouteNotFound", regarding: { kind: "Gateway", name: "egress", uid: expect.any(String) } });
    api.apply(route("new", "new.egress.local", REDIRECT));
    await eventually(() => api.find("HTTPRoute", "team-a/new")?.status);
    expect(await call(served, "new.egress.local")).toMatchObject({ status: 301 });
    expect(await served.stop()).toBe(0);
    expect(api.find("Lease", "egress-system/spillway")?.spec).toMatchObject({ holderIdentity: "" });
  });

  it("serves a bundle while the API is away, takes up the cluster when it comes, and serves on when it goes", async () => {
    // No bundle holds a Secret's value.
    const files = CLUSTER.split("---")
      .filter((document) => !document.includes("kind: Secret\n"))
      .join("---");
    await writeFile(join(folder, "all.yaml"), `${files}---${route("jump", "jump.egress.local", REDIRECT)}`);
    const bundle = join(folder, "bundle.json");
    expect(await run(["compile", "-m", join(folder, "all.yaml"), "-o", bundle], {})).toMatchObject({ code: 0 });
    api.setAway(true);
    const served = await serve("--bundle", bundle);
    expect(await call(served, "jump.egress.local")).toMatchObject({ status: 301 });
    await eventually(() => served.err().includes("gave no answer"));
    api.apply(CLUSTER);
    api.apply(route("live", "live.egress.local", REDIRECT));
    api.setAway(false);
    await eventually(() => api.find("HTTPRoute", "team-a/live")?.status, "the status of the live route");
    expect(await call(served, "live.egress.local")).toMatchObject({ status: 301 });
    expect(await call(served, "jump.egress.local")).toMatchObject({ status: 404 });
    api.setAway(true);
    expect(await call(served, "live.egress.local")).toMatchObject({ status: 301 });
    await served.stop();
  });

  it("without anything to serve it is not ready, and says why", async () => {
    api.setAway(true);
    const served = await serve();
    expect(served.err()).toContain("not ready");
    expect(await call(served, "jump.egress.local")).toMatchObject({ status: 503, error: "not_ready" });
    api.apply(CLUSTER);
    api.setAway(false);
    await eventually(() => served.err().includes("1 Gateway"), "the manifests");
  });
});
