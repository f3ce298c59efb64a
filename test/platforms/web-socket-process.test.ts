import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { serveManifests } from "../fakes/served-broker.ts";

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

it("an HTTPS listener carries them by wss, and a handshake for another listener's name is misdirected", async () => {
  const http = createServer();
  new WebSocketServer({ server: http }).on("connection", (opened) => opened.on("message", (data) => opened.send(`heard ${String(data)}`)));
  await new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => http.close());
  const authority = createAuthority();
  const indented = (pem: string) => pem.trim().replaceAll("\n", "\n    ");
  const { certPem, keyPem } = authority.issue({ dnsNames: ["egress.example", "other.example"] });
  const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: cert, namespace: egress-system}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    ${indented(certPem)}\n  tls.key: |\n    ${indented(keyPem)}`;
  const listener = (name: string, host: string) =>
    `  - {name: ${name}, port: 443, protocol: HTTPS, hostname: ${host}, tls: {certificateRefs: [{name: cert}]}, allowedRoutes: {namespaces: {from: All}}}\n`;
  // The server listens on TCP.
  const manifests = testManifests({ backends: [{ name: "one", port: (http.address() as AddressInfo).port }], more: secret });
  const served = await serveManifests(
    manifests.replace(/ {2}listeners:\n.*\n/, `  listeners:\n${listener("one", "egress.example")}${listener("two", "other.example")}`),
    { tlsPort: 0 },
  );
  cleanUp.push(() => served.stop());
  const open = (host: string) => {
    // `servername` goes on to node:tls, and is not in the library's type.
    const options = { headers: { authorization: `Bearer ${CALLER_TOKEN}`, host }, servername: "egress.example", ca: authority.caPem };
    return new WebSocket(`wss://127.0.0.1:${served.tlsPort ?? 0}/chat`, options);
  };
  const caller = open("egress.example");
  cleanUp.push(() => caller.terminate());
  await new Promise((resolve, reject) => caller.on("open", resolve).on("error", reject));
  const said = new Promise<string>((resolve) => caller.on("message", (data) => resolve(String(data))));
  caller.send("you");
  expect(await said).toBe("heard you");
  const astray = open("other.example");
  const status = await new Promise((resolve) => astray.on("unexpected-response", (_request, response) => resolve(response.statusCode)).on("error", () => {}));
  expect(status).toBe(421);
});
