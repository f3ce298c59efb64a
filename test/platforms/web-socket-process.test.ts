import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

it("the built broker carries WebSockets, and tells both sides 1001 when its grace after SIGTERM is over", async () => {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  const upstreamClosed = new Promise<number>((resolve) => {
    sockets.on("connection", (opened) => {
      opened.on("message", (data) => opened.send(`heard ${String(data)}`));
      opened.on("close", resolve);
    });
  });
  await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => http.close());
  // The server listens on TCP.
  const { port } = http.address() as AddressInfo;
  const broker = await startBroker({ manifests: testManifests({ backends: [{ name: "one", port }] }), args: ["--grace", "1"] });
  cleanUp.push(() => broker.stop());
  const caller = new WebSocket(`${broker.url.replace("http:", "ws:")}/chat`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
  cleanUp.push(() => caller.terminate());
  const said = new Promise<string>((resolve) => caller.on("message", (data) => resolve(String(data))));
  const closed = new Promise<number>((resolve) => caller.on("close", resolve));
  await new Promise((resolve, reject) => caller.on("open", resolve).on("error", reject));
  caller.send("you");
  expect(await said).toBe("heard you");
  const stopping = broker.stop();
  expect(await closed).toBe(1001);
  expect(await upstreamClosed).toBe(1001);
  await stopping;
  expect(broker.calls().at(-1)).toMatchObject({ status: 101, outcome: "truncated" });
});
