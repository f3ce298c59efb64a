import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createAuthority, type IssuedCertificate } from "../fakes/certificates.ts";
import { CALLER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { startTlsProvider, type TlsProvider, type TlsProviderOptions } from "../fakes/tls-provider.ts";

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const authority = createAuthority();
const pairOf = ({ certPem, keyPem }: IssuedCertificate): string => certPem + keyPem;
const serialOf = ({ serial }: IssuedCertificate): string => serial.toString("hex").toUpperCase();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "spillway-identity-"));
  closing.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** As a volume changes: the whole file at once. */
async function replace(path: string, text: string): Promise<void> {
  writeFileSync(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function provider(name: string, options: Partial<TlsProviderOptions> = {}): Promise<TlsProvider & { readonly issued: IssuedCertificate }> {
  const issued = authority.issue({ dnsNames: [`${name}.provider.example`] });
  const started = await startTlsProvider({ protocol: "http1", cert: issued.certPem, key: issued.keyPem, ...options });
  closing.push(() => started.close());
  return Object.assign(started, { issued });
}

async function start(manifests: string): Promise<BrokerProcess> {
  const broker = await startBroker({ manifests });
  closing.push(() => broker.stop());
  return broker;
}

/** The manifests with more in the connection policy of one backend. */
function withPolicy(manifests: TestManifests, name: string, tls: string, more = ""): string {
  const policy = `metadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n`;
  return testManifests(manifests).replace(`${policy}  dns:`, `${policy}  tls: ${tls}\n  dns:`) + more;
}

const source = (name: string, path: string) =>
  `---\napiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}, namespace: team-a}\nspec: {file: {path: ${path}}, refresh: {interval: 100ms, jitterPercent: 0, staleFor: 1s}}\n`;

async function call(broker: BrokerProcess): Promise<{ readonly status: number; readonly error: string | null; readonly body: string }> {
  const answer = await fetch(`${broker.url}/v1/models`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
  return { status: answer.status, error: answer.headers.get("x-egress-error"), body: await answer.text() };
}

/** Calls until one ends like this; fails after ten seconds. */
async function callUntil(broker: BrokerProcess, status: number): Promise<Awaited<ReturnType<typeof call>>> {
  for (const started = performance.now(); performance.now() - started < 10_000; await pause(50)) {
    const answer = await call(broker);
    if (answer.status === status) return answer;
  }
  throw new Error(`no call ended with ${status}\n${broker.stdout()}`);
}

/** The events of a call are written after its answer. */
async function callUntilTold(broker: BrokerProcess, text: string): Promise<void> {
  for (const started = performance.now(); !told(broker).includes(text); await pause(50)) {
    if (performance.now() - started > 10_000) throw new Error(`never told: ${text}\n${told(broker)}`);
    expect((await call(broker)).status).toBe(502);
  }
}

const told = (broker: BrokerProcess) => broker.stdout() + broker.stderr();

describe("a broker that runs, whose backend's revocation list is a file", () => {
  it("believes it, stops when the list names it, stops when the list is gone, and goes on when a good one is there, without a restart", async () => {
    const upstream = await provider("one");
    const path = join(folder(), "partner.crl");
    writeFileSync(path, authority.revocationList());
    const crl = "{crl: {refs: [{group: spillway.dev, kind: SecretSource, name: partner-crl}]}}";
    const broker = await start(
      withPolicy({ backends: [{ name: "one", port: upstream.port, caPem: authority.caPem }] }, "one", crl, source("partner-crl", path)),
    );
    expect((await call(broker)).status).toBe(200);

    await replace(path, authority.revocationList({ revoked: [upstream.issued] }));
    const refused = await callUntil(broker, 502);
    expect(refused.error).toBe("upstream_untrusted");
    expect(refused.body).not.toMatch(/revoked|crl/i);
    await callUntilTold(broker, '"reason":"revoked"');
    const { calls } = upstream;

    await replace(path, "");
    await callUntilTold(broker, '"reason":"crl_unavailable"');
    expect(upstream.calls).toBe(calls);

    await replace(path, authority.revocationList());
    await callUntil(broker, 200);
  });
});

describe("a broker that runs, whose client certificate is a file", () => {
  it("shows the new one from then on without a failed call, and keeps the good one when the next is broken", async () => {
    const upstream = await provider("one", { requestCert: true, rejectUnauthorized: true, ca: authority.caPem, delayMs: 20 });
    const [first, second] = [authority.issue({ client: true }), authority.issue({ client: true })];
    const path = join(folder(), "client.pem");
    writeFileSync(path, pairOf(first));
    const manifests = testManifests({ backends: [{ name: "one", port: upstream.port, caPem: authority.caPem }] })
      .replace("{mode: ServerOnly,", "{mode: ClientAndServer, clientCertificateRef: {group: spillway.dev, kind: SecretSource, name: client},")
      .concat(source("client", path));
    const broker = await start(manifests);
    const failed: unknown[] = [];
    let running = true;
    const load = async (): Promise<void> => {
      while (running) {
        const answer = await call(broker);
        if (answer.status !== 200) failed.push(answer);
      }
    };
    const callers = Array.from({ length: 6 }, load);
    const shows = async (issued: IssuedCertificate): Promise<void> => {
      for (const started = performance.now(); upstream.clients.at(-1) !== serialOf(issued); await pause(25)) {
        if (performance.now() - started > 10_000) throw new Error(`never shown\n${told(broker)}`);
      }
    };
    await shows(first);
    await replace(path, pairOf(second));
    await shows(second);
    await replace(path, second.certPem + first.keyPem);
    const detail = "do not belong together";
    for (const started = performance.now(); !told(broker).includes(detail) && performance.now() - started < 10_000; ) await pause(25);
    const { calls } = upstream;
    for (const started = performance.now(); upstream.calls < calls + 20 && performance.now() - started < 10_000; ) await pause(25);
    running = false;
    await Promise.all(callers);
    expect(failed).toEqual([]);
    expect(told(broker)).toContain(detail);
    expect(told(broker)).not.toContain("PRIVATE KEY");
    expect(new Set(upstream.clients)).toEqual(new Set([serialOf(first), serialOf(second)]));
  });
});

describe("a broker that runs, whose bundle of authorities changes", () => {
  it("takes a server's new authority with the next load, and goes on under the old one until it is taken out", async () => {
    const next = createAuthority("the next authority");
    const upstream = await provider("one", { once: true });
    const manifests = (caPem: string) => testManifests({ backends: [{ name: "one", port: upstream.port, caPem }] });
    const broker = await start(manifests(authority.caPem));
    const load = async (caPem: string): Promise<void> => {
      const loads = () => told(broker).split('"config.loaded"').length;
      const before = loads();
      await replace(join(broker.folder, "manifests.yaml"), manifests(caPem));
      for (const started = performance.now(); loads() === before; await pause(25)) {
        if (performance.now() - started > 10_000) throw new Error(`never loaded\n${told(broker)}`);
      }
    };
    expect((await call(broker)).status).toBe(200);
    await load(authority.caPem + next.caPem);
    expect((await call(broker)).status).toBe(200);
    const issued = next.issue({ dnsNames: ["one.provider.example"] });
    upstream.renew({ cert: issued.certPem, key: issued.keyPem });
    expect((await call(broker)).status).toBe(200);
    await load(authority.caPem);
    expect((await call(broker)).error).toBe("upstream_untrusted");
    await load(next.caPem);
    await callUntil(broker, 200);
  });
});

describe("a broker that runs, one of whose backends shows another key than is pinned", () => {
  it("answers from the next one inside the same call, and the log says why", async () => {
    const [one, two] = [await provider("one"), await provider("two")];
    const backends = [
      { name: "one", port: one.port, caPem: authority.caPem },
      { name: "two", port: two.port, caPem: authority.caPem },
    ];
    const broker = await start(withPolicy({ backends, group: ["one", "two"] }, "one", `{pins: ["sha256/${two.issued.pin}"]}`));
    expect((await call(broker)).status).toBe(200);
    expect([one.calls, two.calls]).toEqual([0, 1]);
    const line = await broker.call(() => true);
    expect(JSON.stringify(line)).toContain("untrusted_pin_mismatch");
    await broker.call(() => told(broker).includes('"reason":"pin_mismatch"'));
  });
});
