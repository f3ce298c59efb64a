import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import OpenAI from "openai";
import { Agent, fetch as undiciFetch } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createAuthority, type IssuedCertificate } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { until } from "../fakes/outbound.ts";
import { type Provider, startProvider, WORDS } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

const authority = createAuthority();
const indented = (pem: string) => pem.trim().replaceAll("\n", "\n    ");
const tlsSecret = (name: string, { certPem, keyPem }: IssuedCertificate) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}, namespace: egress-system}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    ${indented(certPem)}\n  tls.key: |\n    ${indented(keyPem)}`;

/** `name hostname certificate…`; without hostname `-`. */
function listeners(...lines: readonly string[]): string {
  const rendered = lines.map((line) => {
    const [name = "", hostname = "-", ...certificates] = line.split(" ");
    const refs = certificates.map((one) => (one.startsWith("{") ? one : `{name: ${one}}`)).join(", ");
    return `  - {name: ${name}, port: 443, protocol: HTTPS, ${hostname === "-" ? "" : `hostname: "${hostname}", `}tls: {certificateRefs: [${refs}]}, allowedRoutes: {namespaces: {from: All}}}`;
  });
  return `  listeners:\n${rendered.join("\n")}\n`;
}
const withListeners = (manifests: string, replacement: string) => manifests.replace(/ {2}listeners:\n.*\n/, replacement);

describe("an HTTPS listener of the broker's own (HTTPRouteHTTPSListener)", () => {
  let provider: Provider;
  const cleanUp: (() => Promise<unknown> | unknown)[] = [];
  beforeAll(async () => {
    provider = await startProvider();
  });
  afterAll(() => provider.close());
  afterEach(async () => {
    for (const work of cleanUp.splice(0).reverse()) await work();
  });

  const manifests = (replacement: string, ...secrets: string[]) =>
    withListeners(testManifests({ backends: [{ name: "openai", port: provider.port, api: "OpenAI" }], more: secrets.join("\n---\n") }), replacement);

  async function start(text: string, options: Parameters<typeof serveManifests>[1] = {}): Promise<ServedBroker & { readonly tlsPort: number }> {
    const served = await serveManifests(text, { tlsPort: 0, ...options });
    cleanUp.push(() => served.stop());
    return { ...served, tlsPort: served.tlsPort ?? 0 };
  }

  /** The common name of what the listener presents, or why there is none. */
  function presented(
    port: number,
    options: ConnectionOptions,
  ): Promise<{ readonly serial: string; readonly names: string; readonly alpn: string | false } | string> {
    return new Promise((resolve) => {
      const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca: authority.caPem, checkServerIdentity: () => undefined, ...options }, () => {
        const { serialNumber, subjectaltname } = socket.getPeerCertificate();
        resolve({ serial: serialNumber, names: subjectaltname ?? "", alpn: socket.alpnProtocol ?? false });
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }

  function ask(
    port: number,
    host: string,
    servername = host,
    method = "GET",
  ): Promise<{ readonly status: number; readonly code: string | undefined; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${CALLER_TOKEN}` };
      const options = {
        host: "127.0.0.1",
        port,
        path: "/v1/models",
        method,
        servername,
        ca: authority.caPem,
        headers,
        agent: false,
        checkServerIdentity: () => undefined,
      };
      const asked = httpsRequest(options, (response) => {
        let body = "";
        response.on("data", (bytes) => {
          body += String(bytes);
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, code: response.headers["x-egress-error"]?.toString(), body }));
      });
      asked.on("error", reject);
      asked.end();
    });
  }

  it("T29: presents the certificate of the most specific listener for the name, speaks what ALPN says, and serves the route", async () => {
    const exact = authority.issue({ dnsNames: ["api.egress.example"] });
    const wild = authority.issue({ dnsNames: ["*.egress.example"] });
    const any = authority.issue({ dnsNames: ["localhost"] });
    const replacement = listeners("exact api.egress.example exact", "wild *.egress.example wild", "any - any");
    const { tlsPort } = await start(manifests(replacement, tlsSecret("exact", exact), tlsSecret("wild", wild), tlsSecret("any", any)));
    const names = async (options: ConnectionOptions) => {
      const found = await presented(tlsPort, options);
      return typeof found === "string" ? found : found.names;
    };
    expect(await names({ servername: "api.egress.example" })).toBe("DNS:api.egress.example");
    expect(await names({ servername: "API.Egress.Example" })).toBe("DNS:api.egress.example");
    expect(await names({ servername: "other.egress.example" })).toBe("DNS:*.egress.example");
    expect(await names({ servername: "elsewhere.test" })).toBe("DNS:localhost");
    expect(await names({}), "without SNI").toBe("DNS:localhost");
    expect(await presented(tlsPort, { servername: "localhost", ALPNProtocols: ["h2", "http/1.1"] })).toMatchObject({ alpn: "h2" });
    expect(await presented(tlsPort, { servername: "localhost", ALPNProtocols: ["http/1.1"] })).toMatchObject({ alpn: "http/1.1" });
    expect(await names({ servername: "localhost", minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" })).toMatch(/ERR_SSL|ECONNRESET/);
    expect(await ask(tlsPort, "api.egress.example")).toMatchObject({ status: 200 });
  });

  it("T29: a name that no listener has is refused in the handshake, and so is none", async () => {
    const one = authority.issue({ dnsNames: ["api.egress.example"] });
    const { tlsPort, port } = await start(manifests(listeners("exact api.egress.example one"), tlsSecret("one", one)));
    expect(await presented(tlsPort, { servername: "elsewhere.test" })).toEqual(expect.any(String));
    expect(await presented(tlsPort, {})).toEqual(expect.any(String));
    expect(await presented(tlsPort, { servername: "api.egress.example" })).toMatchObject({ names: "DNS:api.egress.example" });
    // Nothing that came in plaintext reaches it.
    const plain = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
    expect([plain.status, plain.headers.get("x-egress-error")]).toEqual([404, "route_not_found"]);
  });

  it.each([
    ["h2", "api.egress.example", "api.egress.example", 200],
    ["h2", "api.egress.example", "other.egress.example", 421],
    ["h2", "other.egress.example", "third.egress.example", 200],
    ["h2", "other.egress.example", "api.egress.example", 421],
    ["h2", "api.egress.example", "unknown.test", 404],
    ["http/1.1", "api.egress.example", "other.egress.example", 421],
    ["http/1.1", "second.test", "second.test", 200],
    ["http/1.1", "second.test", "api.egress.example", 421],
  ])("T29: over %s a connection for %s asked for %s: %d (GatewayHTTPSListenerDetectMisdirectedRequests)", async (protocol, sni, host, status) => {
    const shared = authority.issue({ dnsNames: ["*.egress.example", "second.test"] });
    const replacement = listeners("exact api.egress.example shared", "wild *.egress.example shared", "second second.test shared");
    const { tlsPort } = await start(manifests(replacement, tlsSecret("shared", shared)));
    if (protocol === "http/1.1") {
      expect(await ask(tlsPort, host, sni)).toMatchObject({ status });
      return;
    }
    const session = connectHttp2(`https://127.0.0.1:${tlsPort}`, { ca: authority.caPem, servername: sni });
    const stream = session.request({ ":path": "/v1/models", ":authority": host, authorization: `Bearer ${CALLER_TOKEN}` });
    const answered = await new Promise<Record<string, unknown>>((resolve, reject) => stream.on("response", resolve).on("error", reject));
    expect(answered[":status"]).toBe(status);
    if (status === 421) expect(answered["x-egress-error"]).toBe("misdirected");
    session.destroy();
  });

  it("a new certificate is presented without a restart, and no call fails meanwhile", async () => {
    const first = authority.issue({ dnsNames: ["api.egress.example"] });
    const second = authority.issue({ dnsNames: ["api.egress.example", "renewed.egress.example"] });
    const text = (issued: IssuedCertificate) => manifests(listeners("any - one"), tlsSecret("one", issued));
    const { tlsPort, file } = await start(text(first));
    let calling = true;
    const failures: unknown[] = [];
    const load = Promise.all(
      Array.from({ length: 3 }, async () => {
        while (calling) {
          const { status } = await ask(tlsPort, "api.egress.example").catch((error: unknown) => ({ status: error }));
          if (status !== 200) failures.push(status);
        }
      }),
    );
    await writeFile(file, text(second));
    const renewed = async (options: ConnectionOptions) => {
      const found = await presented(tlsPort, options);
      return typeof found !== "string" && found.names.includes("renewed");
    };
    await expect.poll(() => renewed({ servername: "api.egress.example" })).toBe(true);
    await expect.poll(() => renewed({})).toBe(true);
    calling = false;
    await load;
    expect(failures).toEqual([]);
  });

  it("reads a SecretSource and a mounted Secret; what cannot be used never takes the place of what could", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-tls-"));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const source = authority.issue({ dnsNames: ["source.test"] });
    const mounted = authority.issue({ dnsNames: ["mounted.test"] });
    const pem = join(folder, "pair.pem");
    await writeFile(pem, `${source.certPem}${source.keyPem}`);
    const { mkdir } = await import("node:fs/promises");
    await mkdir(join(folder, "egress-system", "mounted"), { recursive: true });
    await writeFile(join(folder, "egress-system", "mounted", "tls.crt"), mounted.certPem);
    await writeFile(join(folder, "egress-system", "mounted", "tls.key"), mounted.keyPem);
    const secretSource = (path: string) =>
      `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: pair, namespace: egress-system}\nspec: {file: {path: ${path}}}`;
    const text = (path: string) =>
      manifests(listeners("source source.test SOURCE", "mounted mounted.test mounted"), secretSource(path)).replace(
        "{name: SOURCE}",
        "{group: spillway.dev, kind: SecretSource, name: pair}",
      );
    const troubles: string[] = [];
    const { tlsPort, file } = await start(text(pem), {
      environment: { SPILLWAY_SECRETS_DIR: folder },
      onFault: () => {},
      onCertificateTrouble: (error) => troubles.push(error.message),
    });
    expect(await presented(tlsPort, { servername: "source.test" })).toMatchObject({ names: "DNS:source.test" });
    expect(await presented(tlsPort, { servername: "mounted.test" })).toMatchObject({ names: "DNS:mounted.test" });
    // The key of another certificate.
    const bad = join(folder, "bad.pem");
    await writeFile(bad, `${source.certPem}${mounted.keyPem}`);
    await writeFile(file, text(bad));
    await expect
      .poll(async () => {
        await presented(tlsPort, { servername: "source.test" });
        return troubles.length;
      })
      .toBeGreaterThan(0);
    expect(await presented(tlsPort, { servername: "source.test" })).toMatchObject({ names: "DNS:source.test" });
    expect(troubles.join()).not.toContain("BEGIN");
  });

  it("the official OpenAI SDK over HTTPS, with the test's authority", async () => {
    const one = authority.issue({ dnsNames: ["localhost"] });
    const { tlsPort } = await start(manifests(listeners("any - one"), tlsSecret("one", one)));
    const dispatcher = new Agent({ connect: { ca: authority.caPem }, allowH2: true });
    cleanUp.push(() => dispatcher.close());
    const client = new OpenAI({
      apiKey: CALLER_TOKEN,
      baseURL: `https://localhost:${tlsPort}/v1`,
      maxRetries: 0,
      fetch: ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as unknown as typeof fetch, // undici's own types of the same shapes
    });
    const answer = await client.chat.completions.create({ model: "gpt-test", messages: [{ role: "user", content: "hi" }] });
    expect(answer.choices[0]?.message.content).toBe(WORDS.join(""));
    let streamed = "";
    for await (const part of await client.chat.completions.create({ model: "gpt-test", stream: true, messages: [{ role: "user", content: "hi" }] }))
      streamed += part.choices[0]?.delta.content ?? "";
    expect(streamed).toBe(WORDS.join(""));
  });

  it("closes idle and silent encrypted connections when it stops, and lets calls under way finish", async () => {
    const one = authority.issue({ dnsNames: ["localhost"] });
    const served = await serveManifests(manifests(listeners("any - one"), tlsSecret("one", one)), { tlsPort: 0, graceMs: 20_000 });
    const idle = connect({ host: "127.0.0.1", port: served.tlsPort ?? 0, ca: authority.caPem, servername: "localhost" });
    idle.on("error", () => {});
    await new Promise((resolve) => idle.once("secureConnect", resolve));
    const session = connectHttp2(`https://127.0.0.1:${served.tlsPort}`, { ca: authority.caPem, servername: "localhost" });
    session.on("error", () => {});
    const left: string[] = [];
    idle.on("close", () => left.push("idle"));
    session.on("close", () => left.push("session"));
    await new Promise((resolve) => session.once("connect", resolve));
    await served.stop();
    await until(() => left.length === 2, "both connections are closed");
  });
});
