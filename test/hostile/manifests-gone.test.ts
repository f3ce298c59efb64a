import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { afterEach, expect, it } from "vitest";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

let provider: Provider | null = null;
let served: ServedBroker | null = null;
afterEach(async () => {
  await served?.stop();
  await provider?.close();
});

it("F19: manifests that vanish are told of, and what was read last goes on serving", async () => {
  provider = await startProvider();
  const troubles: string[] = [];
  served = await serveManifests(testManifests({ backends: [{ name: "one", port: provider.port }] }), { onReadError: (error) => troubles.push(error.message) });
  const { port, file, server } = served;
  const call = () =>
    fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
      body: '{"model":"m","messages":[]}',
    }).then((answer) => answer.status);
  expect(await call()).toBe(200);
  await rm(dirname(file), { recursive: true });
  await expect.poll(() => troubles.length).toBeGreaterThan(0);
  expect([await call(), server.broker.ready()]).toEqual([200, true]);
});
