import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";

let provider: Provider;
let broker: BrokerProcess;
let linked = "";
let elsewhere = "";

const route = (paths: readonly string[]) =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: extra, namespace: team-a}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules:\n  - matches: [${paths.map((path) => `{path: {type: PathPrefix, value: ${path}}}`).join(", ")}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}]\n`;

beforeAll(async () => {
  provider = await startProvider({ behaviour: (_, response) => void response.writeHead(200).end("well") });
  linked = await mkdtemp(join(tmpdir(), "spillway-linked-"));
  elsewhere = await mkdtemp(join(tmpdir(), "spillway-elsewhere-"));
  // The file system tells of changes of the folder; what the link leads to is seen by a look every five seconds only.
  await writeFile(join(elsewhere, "route.yaml"), route(["/first"]));
  await symlink(join(elsewhere, "route.yaml"), join(linked, "route.yaml"));
  const reference = "{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}";
  const manifests = testManifests({
    backends: [{ name: "one", port: provider.port }],
    rules: `  - matches: [{path: {type: PathPrefix, value: /base}}]\n    backendRefs: [${reference}]\n`,
  });
  broker = await startBroker({ manifests, args: ["--manifests", linked, "--quiet"] });
});
afterAll(async () => {
  await broker?.stop();
  await provider?.close();
  for (const folder of [linked, elsewhere]) await rm(folder, { recursive: true, force: true });
});

async function statusOf(path: string): Promise<number> {
  const answer = await fetch(`${broker.url}${path}`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
  await answer.arrayBuffer();
  return answer.status;
}

async function tell(token: string): Promise<number> {
  const headers = {
    authorization: `Bearer ${token}`,
    "ce-specversion": "1.0",
    "ce-id": crypto.randomUUID(),
    "ce-source": "/ci",
    "ce-type": "dev.spillway.config.changed.v1",
  };
  const answer = await fetch(`${broker.url}/-/events`, { method: "POST", headers });
  await answer.arrayBuffer();
  return answer.status;
}

it("an edited manifest counts as soon as the event that tells of it is acknowledged", async () => {
  expect([await statusOf("/first"), await statusOf("/second")]).toEqual([200, 404]);
  const paths = ["/first", "/second"];
  const seenBefore = async (): Promise<boolean> => {
    await writeFile(join(elsewhere, "route.yaml"), route(paths));
    // A caller cannot say so.
    expect(await tell(CALLER_TOKEN)).toBe(403);
    return (await statusOf(paths.at(-1) ?? "")) !== 404;
  };
  // A look may come just after the edit, once: then the next edit is told of.
  for (let tries = 0; tries < 5 && (await seenBefore()); tries += 1) paths.push(`/once-more-${tries}`);
  expect(await statusOf(paths.at(-1) ?? "")).toBe(404);
  expect(await tell(ADMIN_TOKEN)).toBe(202);
  expect(await statusOf(paths.at(-1) ?? "")).toBe(200);
});

it("a bad manifest is not taken over, and what was served goes on", async () => {
  await writeFile(join(elsewhere, "route.yaml"), "kind: [");
  expect(await tell(ADMIN_TOKEN)).toBe(202);
  await broker.says("what was served before is still served");
  expect(await statusOf("/second")).toBe(200);
});

it("manifests that cannot be read at all keep the event with its sender", async () => {
  await rm(join(elsewhere, "route.yaml"));
  await rm(join(broker.folder, "manifests.yaml"));
  expect(await tell(ADMIN_TOKEN)).toBe(503);
  expect(await statusOf("/second")).toBe(200);
});
