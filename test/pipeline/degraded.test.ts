import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { compileManifests } from "../../adapters/config/compile-manifests.ts";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { createListenerCertificates } from "../../adapters/knative/listener-certificates.ts";
import { startClusterSource } from "../../adapters/kubernetes/cluster-source.ts";
import { createNodeAudit } from "../../adapters/telemetry/node-audit.ts";
import { createOtlp } from "../../adapters/telemetry/otlp.ts";
import { readTelemetrySettings } from "../../adapters/telemetry/telemetry-settings.ts";
import { createAddressBook } from "../../adapters/transport/address-book.ts";
import { createDegradations, type Degradation, Secret, type Snapshot } from "../../src/index.ts";
import { createAuthority, type IssuedCertificate } from "../fakes/certificates.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { startKubernetesApi } from "../fakes/kubernetes-api.ts";
import { createFastClock, eventually } from "../fakes/kubernetes-api-clock.ts";
import { CLUSTER } from "../fakes/kubernetes-api-manifests.ts";
import { testManifests } from "../fakes/manifests.ts";
import { serveManifests } from "../fakes/served-broker.ts";
import { createUsageRecords, type RecordFate } from "../fakes/usage-records.ts";
import { startCollector } from "../unit/telemetry/collector.ts";
import { chat, type Installation, install, ONE } from "./installation.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

const words = (list: readonly Degradation[]) => list.map(({ part, subject, reason }) => `${part} ${subject}: ${reason}`);
const statusOf = ({ broker }: Pick<Installation, "broker">) => words(broker.status().degraded);

function world() {
  const clock = createFakeClock();
  const degraded = createDegradations(clock, null);
  return { clock, degraded, now: () => words(degraded.list()) };
}

describe("what is degraded is entered, and left again:", () => {
  it.each(["traces", "metrics"] as const)("a collector that takes no %s", async (signal) => {
    const behaviour = { status: 400 };
    const collector = await startCollector(behaviour);
    cleanUp.push(() => collector.close());
    const { degraded, now } = world();
    const environment = { [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`]: `${collector.url}/v1/${signal}` };
    const otlp = createOtlp(readTelemetrySettings(environment), degraded);
    cleanUp.push(() => otlp.shutdown().catch(() => {}));
    otlp.observe(install(ONE).broker.attribution.metrics);
    const send = async () => {
      otlp.tracer?.startSpan("a call").end();
      await otlp.flush().catch(() => {});
    };
    await send();
    expect(now()).toEqual([`collector ${signal}: unavailable`]);
    behaviour.status = 200;
    await send();
    expect(now()).toEqual([]);
  });

  it("an audit log that takes more lines than the disk does", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-degraded-"));
    cleanUp.push(() => rm(folder, { recursive: true }));
    const { degraded, now } = world();
    const audit = createNodeAudit({ SPILLWAY_AUDIT_LOG: join(folder, "audit.log") }, () => {}, degraded);
    const line = "x".repeat(1_000_000);
    for (let count = 0; count < 6; count += 1) audit?.ports.write?.(line);
    expect(now()).toEqual(["audit_log instance: dropped"]);
    expect(degraded.list()[0]?.detail).toBe("2 lines were dropped");
    await audit?.flush();
    expect(now()).toEqual([]);
    await audit?.close();
  });

  // A disk that is always full; not every system has one.
  it.runIf(existsSync("/dev/full"))("an audit log on a full disk, for as long as it is full, and without waiting for the next line", async () => {
    const { degraded, now } = world();
    const audit = createNodeAudit({ SPILLWAY_AUDIT_LOG: "/dev/full" }, () => {}, degraded);
    audit?.ports.write?.("one");
    await audit?.flush();
    expect(now()).toEqual(["audit_log instance: dropped"]);
    for (let count = 0; count < 10; count += 1) audit?.ports.write?.("more");
    expect(now()).toEqual(["audit_log instance: dropped"]);
    await audit?.flush();
    expect(now()).toEqual(["audit_log instance: dropped"]);
    expect(degraded.list()[0]?.detail).toBe("11 lines were dropped");
    await audit?.close();
  });

  it("a resolver that is down, while the last good addresses serve", async () => {
    const { clock, degraded, now } = world();
    let isDown = false;
    const lookup = async () => {
      if (isDown) throw new Error("SERVFAIL");
      return ["192.0.2.1"];
    };
    const book = createAddressBook(lookup, clock.monotonic, degraded);
    const resolve = () => book.resolve({ hostname: "provider.example", servers: [], staleForMs: 300_000 }, 1_000);
    await resolve();
    expect(now()).toEqual([]);
    isDown = true;
    await clock.advance(100_000);
    expect(await resolve()).toEqual(["192.0.2.1"]);
    expect(now()).toEqual(["names provider.example: last_good"]);
    expect(degraded.list()[0]).toMatchObject({ until: clock.now() + 200_000 });
    await clock.advance(200_001);
    await expect(resolve()).rejects.toThrow("SERVFAIL");
    expect(now()).toHaveLength(1);
    isDown = false;
    await resolve();
    expect(now()).toEqual([]);
  });

  it("a certificate of a listener that cannot be read, does not fit its key, or has run out", async () => {
    const authority = createAuthority();
    const { clock, degraded, now } = world();
    const names = { dnsNames: ["a.example"], notBefore: new Date(clock.now() - 86_400_000) };
    const good = authority.issue({ ...names, notAfter: new Date(clock.now() + 3_600_000) });
    const renewed = authority.issue({ ...names, notAfter: new Date(clock.now() + 90 * 86_400_000) });
    const pem = ({ certPem, keyPem }: typeof good) => new Secret(certPem + keyPem, null);
    let stored: Secret | null = pem(good);
    const troubles: string[] = [];
    const certificates = createListenerCertificates({
      now: clock.now,
      degraded,
      onTrouble: ({ message }) => troubles.push(message),
      readSecret: async () => {
        if (stored === null) throw new Error("away");
        return stored;
      },
    });
    const snapshot = withCertificate("pair", good);
    certificates.load(snapshot);
    await certificates.look();
    expect(now()).toEqual([]);

    stored = null;
    await certificates.look();
    expect(now()).toEqual([expect.stringMatching(/^certificate .*pair.*: unreadable$/)]);
    stored = new Secret(good.certPem + renewed.keyPem, null);
    expect(await certificates.choose("a.example", null)).not.toBeNull();
    expect(degraded.list()[0]?.detail).toBe("the certificate and its key cannot be used");
    stored = pem(good);
    await certificates.look();
    expect(now()).toEqual([]);

    await clock.advance(3_600_000);
    await certificates.look();
    expect(now()).toEqual([expect.stringMatching(/^certificate .*pair.*: expired$/)]);
    expect(await certificates.choose("a.example", null)).not.toBeNull();
    expect(troubles).toHaveLength(3);
    stored = pem(renewed);
    await certificates.look();
    expect(now()).toEqual([]);

    stored = null;
    await certificates.look();
    certificates.load({ ...snapshot, gateways: [] });
    expect(now()).toEqual([]);
  });

  it.each([
    ["crl_expired", "expired"],
    ["crl_unavailable", "unavailable"],
    ["crl_missing", "unavailable"],
  ] as const)("a revocation list of which the handshake says %s", async (said, reason) => {
    const one = install(ONE);
    one.transport.script("only", { kind: "untrusted", reason: said, message: "" }, { status: 200, body: "well" });
    await one.call();
    expect(statusOf(one)).toContain(`revocation_list XBackend/team-a/only: ${reason}`);
    await one.clock.advance(600_000);
    await one.call();
    expect(statusOf(one)).toEqual([]);
  });

  it("a revocation list of a backend that is taken out of the configuration", async () => {
    const one = install(ONE);
    one.transport.script("only", { kind: "untrusted", reason: "crl_expired", message: "" });
    await one.call();
    expect(statusOf(one)).toContain("revocation_list XBackend/team-a/only: expired");
    one.load({ backends: [{ name: "other", port: 8002 }] });
    expect(statusOf(one)).toEqual([]);
  });

  it("a usage store that takes nothing", async () => {
    const store = createUsageRecords();
    const fate = (next: RecordFate) => {
      store.fate = () => next;
    };
    const one = install(ONE, { store });
    fate("refused");
    await one.call(chat());
    await one.broker.flushUsage(AbortSignal.timeout(5_000));
    expect(statusOf(one)).toEqual(["usage_store egress-system/egress: unavailable"]);
    fate("taken");
    await one.broker.flushUsage(AbortSignal.timeout(5_000));
    expect(statusOf(one)).toEqual([]);
    expect(store.total().requests).toBe(1);
  });

  it("a usage store of a Gateway that is gone: nothing is sent to it any more", async () => {
    const store = createUsageRecords();
    store.fate = () => "refused";
    const one = install(ONE, { store });
    await one.call(chat());
    await one.broker.flushUsage(AbortSignal.timeout(5_000));
    expect(statusOf(one)).toEqual(["usage_store egress-system/egress: unavailable"]);
    const text = testManifests(ONE).replaceAll("name: egress, namespace: egress-system", "name: exit, namespace: egress-system");
    one.broker.load(compileManifests([{ path: "all.yaml", text }], PLATFORMS.knative));
    expect(one.broker.loaded()?.snapshot?.gateways.map(({ id }) => id)).toEqual(["egress-system/exit"]);
    expect(statusOf(one)).toEqual([]);
  });

  it("files of the configuration that went away", async () => {
    const served = await serveManifests(testManifests(ONE));
    cleanUp.push(() => served.stop());
    const state = () => statusOf(served.server);
    await rename(served.file, `${served.file}.away`);
    await expect.poll(state).toEqual(["config_source files: unreadable"]);
    await rename(`${served.file}.away`, served.file);
    await expect.poll(state).toEqual([]);
  });

  it("a Kubernetes API that gives no answer", async () => {
    const api = await startKubernetesApi();
    cleanUp.push(() => api.close());
    api.apply(CLUSTER);
    const { degraded, now } = world();
    let loads = 0;
    const source = await startClusterSource({
      environment: api.environment,
      clock: createFastClock(60),
      random: Math.random,
      compile: (sources) => compileManifests(sources, PLATFORMS.knative),
      onCompiled: () => {
        loads += 1;
      },
      onTrouble: () => {},
      degraded,
    });
    cleanUp.push(() => source.stop());
    await eventually(() => loads > 0);
    expect(now()).toEqual([]);
    api.setAway(true);
    await eventually(() => now().length > 0, "the API being away");
    expect(now()).toEqual(["config_source kubernetes: unreachable"]);
    api.setAway(false);
    await eventually(() => now().length === 0, "the API being back");
  });
});

/** Of one Gateway with one HTTPS listener for every host. */
function withCertificate(name: string, { certPem, keyPem }: IssuedCertificate): Snapshot {
  const value = (pem: string) => `|\n    ${pem.trim().replaceAll("\n", "\n    ")}`;
  const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}, namespace: egress-system}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: ${value(certPem)}\n  tls.key: ${value(keyPem)}`;
  const listener = `  listeners:\n  - {name: any, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: ${name}}]}, allowedRoutes: {namespaces: {from: All}}}\n`;
  const text = testManifests({ ...ONE, more: secret }).replace(/ {2}listeners:\n.*\n/, listener);
  const { snapshot, faults } = compileManifests([{ path: "test.yaml", text }], PLATFORMS.knative);
  if (snapshot === null) throw new Error(JSON.stringify(faults));
  return snapshot;
}
