import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createTokenIssuer } from "../fakes/token-issuer.ts";
import { at, listAt, readObjects, root, textAt } from "./objects.ts";

/** The issuer that infra/config/manifests/02-identity.yaml names. */
const CLUSTER = "https://kubernetes.default.svc.cluster.local";
const container = at(readObjects(["infra/kubernetes/deployment.yaml"])[0]?.value, "spec", "template", "spec", "containers", 0);
const issuer = createTokenIssuer();

/** A token as the cluster makes it for a service account. */
function token(namespace: string, serviceAccount: string, audience = "spillway"): string {
  const claims = issuer.claims(Math.floor(Date.now() / 1000), {
    iss: CLUSTER,
    aud: [audience],
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    "kubernetes.io": { namespace, serviceaccount: { name: serviceAccount, uid: "u1" } },
  });
  return issuer.token(claims);
}

/** The built broker with the pod's own arguments, variables, manifests and Secrets, but for folders and ports of this test. */
describe("the pod of infra/kubernetes", () => {
  let folder = "";
  let broker: BrokerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spillway-pod-"));
    const secrets = { "cluster-keys/jwks.json": JSON.stringify(issuer.jwks()), "openai/apiKey": "a key that is nobody's" };
    for (const [path, value] of Object.entries(secrets)) {
      const file = join(folder, "egress-system", path);
      await mkdir(join(file, ".."), { recursive: true });
      await writeFile(file, value);
    }
    const source = join(root, "infra/config/manifests");
    const texts = await Promise.all((await readdir(source)).map((name) => readFile(join(source, name), "utf8")));
    const env: Record<string, string> = {};
    for (const one of listAt(container, "env")) if (textAt(one, "value") !== "") env[textAt(one, "name")] = textAt(one, "value");
    expect(Object.keys(env)).toEqual(expect.arrayContaining(["PORT", "SPILLWAY_MANIFESTS", "SPILLWAY_SECRETS_DIR", "SPILLWAY_REGION", "SPILLWAY_ADMIN_PORT"]));
    const args = listAt(container, "args").map(String);
    expect(args[0]).toBe("serve");
    broker = await startBroker({
      manifests: texts.join("\n---\n"),
      env: { ...env, SPILLWAY_SECRETS_DIR: folder, SPILLWAY_ADMIN_PORT: "0", KUBERNETES_SERVICE_HOST: "10.96.0.1" },
      args: args.slice(1),
    });
  });
  afterAll(async () => {
    if (broker?.child.exitCode === null) await broker.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const address = () => broker.url.replace("0.0.0.0", "127.0.0.1");
  const post = (path: string, headers: Readonly<Record<string, string>>, body: unknown) =>
    fetch(`${address()}${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const change = { specversion: "1.0", id: "1", source: "/apis/v1", type: "dev.knative.apiserver.ref.update" };
  const secret = { ...change, data: { kind: "Secret", apiVersion: "v1", namespace: "egress-system", name: "openai" } };
  const asEvent = { "content-type": "application/cloudevents+json" };

  it("is probed where it answers, listens for others, and shows callers no metrics", async () => {
    expect(broker.url).toContain("0.0.0.0");
    await broker.says("metrics and probes at port ");
    const own = /metrics and probes at port (\d+)/.exec(broker.stderr())?.[1] ?? "";
    const ports: Readonly<Record<string, string>> = { http: address(), metrics: `http://127.0.0.1:${own}` };
    for (const probe of ["readinessProbe", "startupProbe", "livenessProbe"]) {
      const [port, path] = ["port", "path"].map((field) => textAt(container, probe, "httpGet", field));
      expect([probe, (await fetch(`${ports[port ?? ""]}${path}`)).status]).toEqual([probe, 200]);
    }
    expect((await fetch(`${ports["metrics"]}/-/metrics`)).status).toBe(200);
    expect((await fetch(`${address()}/-/metrics`)).status).toBe(401);
    // Not even to operators: they have a port of their own.
    const operator = { authorization: `Bearer ${token("egress-system", "operator")}` };
    expect((await fetch(`${address()}/-/metrics`, { headers: operator })).status).toBe(404);
  });

  it("knows callers by the keys in the mounted Secret", async () => {
    const ask = (authorization: string) => post("/v2/none", { authorization }, {});
    expect((await ask("Bearer nobody")).status).toBe(401);
    expect((await ask(`Bearer ${token("team-a", "assistant", "another-service")}`)).status).toBe(401);
    // Known, and no route for it.
    expect((await ask(`Bearer ${token("team-a", "assistant")}`)).status).toBe(404);
  });

  it("hears of changes from senders of its own namespace, and of nobody else", async () => {
    const tell = (namespace: string | null) =>
      post("/-/events", { ...asEvent, ...(namespace === null ? {} : { authorization: `Bearer ${token(namespace, "oidc-trigger")}` }) }, secret);
    expect((await tell(null)).status).toBe(401);
    expect((await tell("team-a")).status).toBe(403);
    expect((await tell("egress-system")).status).toBe(202);
  });

  it("ends cleanly on SIGTERM", async () => {
    expect(await broker.stop()).toBe(0);
  });
});
