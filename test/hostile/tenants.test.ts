import { afterAll, beforeAll, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, OTHER_TOKEN, type TestBackend, testManifests } from "../fakes/manifests.ts";
import { reply, startUpstream, type Upstream } from "../fakes/upstream.ts";
import { chatAnswer, chatCall } from "./chat-bytes.ts";
import { rawCall } from "./raw-client.ts";

/** Answers with the credential that it saw. */
let upstream: Upstream;
let broker: BrokerProcess;
beforeAll(async () => {
  upstream = await startUpstream((socket, request) => {
    const key = request.headers.find(([name]) => name === "authorization")?.[1] ?? "none";
    setTimeout(() => socket.write(reply(chatAnswer(`saw ${key.replace("-key", "")}`))), Math.random() * 5);
  });
  // One destination, and a credential for each tenant.
  const backend = (name: string): TestBackend => ({ name, hostname: "shared.provider.example", port: upstream.port, key: `${name}-key`, api: "OpenAI" });
  const rule = (namespace: string, name: string) =>
    `  - name: of-${namespace}\n    matches: [{headers: [{name: x-tenant, value: ${namespace}}]}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n`;
  broker = await startBroker({ manifests: testManifests({ backends: [backend("of-a"), backend("of-b")], rules: `${rule("a", "of-a")}${rule("b", "of-b")}` }) });
});
afterAll(async () => {
  await broker?.stop();
  await upstream?.close();
});

it("T8 B5: 500 interleaved calls of two tenants, same body, same destination: none fails, none gets the other's answer", async () => {
  const port = Number(new URL(broker.url).port);
  const calls = Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? { tenant: "a", token: CALLER_TOKEN } : { tenant: "b", token: OTHER_TOKEN }));
  const crossed: string[] = [];
  let answered = 0;
  // 50 at a time, so that connections are shared and taken over.
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const call = calls[next++];
      if (call === undefined) return;
      const answer = await rawCall(chatCall({ token: call.token, headers: [["x-tenant", call.tenant]] }), { port }).answer;
      if (answer.status === 200 && answer.end === "clean") answered += 1;
      if (!answer.body.includes(`saw Bearer of-${call.tenant}"`)) crossed.push(answer.raw);
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  expect(crossed.slice(0, 2)).toEqual([]);
  expect(answered).toBe(500);
});
