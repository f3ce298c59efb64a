import { createServer as createH2cServer, createSecureServer, type Http2SecureServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(manifests: string): Promise<BrokerProcess> {
  const broker = await startBroker({ manifests });
  closing.push(() => broker.stop());
  return broker;
}

async function provider(tls?: Parameters<typeof startProvider>[0]): Promise<Provider> {
  const started = await startProvider(tls);
  closing.push(() => started.close());
  return started;
}

async function listen(server: Http2Server | Http2SecureServer): Promise<number> {
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port; // listening on TCP
}

const get = (broker: BrokerProcess) => fetch(`${broker.url}/v1/models`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
const indented = (pem: string) => pem.trim().replaceAll("\n", "\n    ");

describe("a backend that asks for a client certificate (ClientAndServer)", () => {
  it("gets the one of the manifest, and a backend of another authority is not trusted", async () => {
    const authority = createAuthority();
    const { certPem, keyPem } = authority.issue({ dnsNames: ["mutual.provider.example"] });
    const client = authority.issue({ commonName: "broker", uris: ["spiffe://cluster/ns/egress-system/sa/broker"], client: true });
    const upstream = await provider({ tls: { certPem, keyPem, ca: authority.caPem } });
    const plain = testManifests({ backends: [{ name: "mutual", port: upstream.port, caPem: authority.caPem }] });
    const mutual = plain
      .replace("{mode: ServerOnly,", "{mode: ClientAndServer, clientCertificateRef: {name: broker-certificate},")
      .concat(
        `---\napiVersion: v1\nkind: Secret\nmetadata: {name: broker-certificate, namespace: team-a}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    ${indented(client.certPem)}\n  tls.key: |\n    ${indented(client.keyPem)}\n`,
      );
    expect((await get(await start(mutual))).status).toBe(200);
    const refused = await get(await start(plain));
    expect(refused.status).toBe(502);
    const stranger = await get(await start(plain.replace(indented(authority.caPem), indented(createAuthority().caPem))));
    expect([stranger.status, stranger.headers.get("x-egress-error")]).toEqual([502, "upstream_untrusted"]);
  });
});

describe("HTTP/2", () => {
  const answer = (stream: { respond(headers: object): void; end(text: string): void }, headers: Record<string, unknown>) => {
    stream.respond({ ":status": 200, "content-type": "application/json" });
    stream.end(JSON.stringify({ object: "list", data: [], authority: headers[":authority"] }));
  };

  it("by ALPN over TLS, where protocol says HTTP2", async () => {
    const authority = createAuthority();
    const { certPem, keyPem } = authority.issue({ dnsNames: ["two.provider.example"] });
    const server = createSecureServer({ cert: certPem, key: keyPem, allowHTTP1: false });
    server.on("stream", answer);
    const port = await listen(server);
    const response = await get(await start(testManifests({ backends: [{ name: "two", port, caPem: authority.caPem, protocol: "HTTP2" }] })));
    expect(await response.json()).toMatchObject({ authority: `two.provider.example:${port}` });
  });

  it("by prior knowledge in plaintext, where it says H2C", async () => {
    const server = createH2cServer();
    server.on("stream", answer);
    const port = await listen(server);
    const response = await get(await start(testManifests({ backends: [{ name: "clear", port, protocol: "H2C" }] })));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ object: "list" });
  });
});

describe("addresses", () => {
  it("a name that leads to loopback is refused unless the manifest allows it", async () => {
    const upstream = await provider();
    const pinned = testManifests({ backends: [{ name: "inside", port: upstream.port, hostname: "localhost.localdomain" }] });
    const open = pinned.replace("dns: {addresses: [127.0.0.1]}", "dns: {}");
    const refused = await get(await start(open));
    expect(refused.status).toBe(502);
    expect(upstream.seen).toHaveLength(0);
    expect((await get(await start(pinned))).status).toBe(200);
  });
});
