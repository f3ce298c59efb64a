import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, type FakeAwsSecretsManager, startFakeAwsSecretsManager } from "../fakes/aws-secrets-manager.ts";
import { hasRedis, type RedisServer, startRedis } from "../fakes/redis-server.ts";
import { createTokenIssuer } from "../fakes/token-issuer.ts";
import { createInstance, type Instance } from "./instance.ts";
import { type SoakAddresses, soakManifests } from "./manifests.ts";
import { callerKey, destinationKey, TENANTS, type Tenant } from "./tenants.ts";
import { startUpstreams, type Upstreams } from "./upstreams.ts";

/** A server that answers the same to everything, as long as it is not broken. */
export interface Receiver {
  readonly url: string;
  /** `hang` takes and never answers, `refuse` answers 503. */
  mood: "well" | "hang" | "refuse";
  close(): Promise<void>;
}

/** Everything around two brokers: destinations, secret store, issuer, store of limits, collector, sink. */
export interface SoakWorld {
  readonly instances: readonly Instance[];
  readonly upstreams: Upstreams;
  readonly secrets: FakeAwsSecretsManager;
  readonly issuer: Receiver;
  readonly collector: Receiver;
  readonly sink: Receiver;
  /** Null: there is no redis-server on this machine. */
  readonly redis: RedisServer | null;
  /** Token or key by which a tenant's caller is known. */
  credentialOf(tenant: Tenant): string;
  /** Calls an instance that has just begun until it knows every tenant's key: without one, an outage of the store is one of its own. */
  warm(instance: Instance): Promise<void>;
  /** Gives all tenants a new key at the destinations; `hard` revokes the old one at once, else `revoke` does. */
  rotate(hard: boolean): void;
  revoke(): void;
  /** Writes manifests: good ones, good and large ones, or wrong ones. */
  configure(how: "good" | "huge" | "wrong"): void;
  close(): Promise<void>;
}

/** How long a token of a caller is shown before another is made, in milliseconds. */
const TOKEN_MS = 60_000;

export async function startSoakWorld(random: () => number): Promise<SoakWorld> {
  const folder = mkdtempSync(join(tmpdir(), "spillway-soak-"));
  const manifests = join(folder, "manifests.yaml");
  const tokens = createTokenIssuer("EC");
  const jwks = JSON.stringify(tokens.jwks());
  const [upstreams, secrets, issuer, collector, sink, redis] = await Promise.all([
    startUpstreams(random),
    startFakeAwsSecretsManager("eu-central-1"),
    startReceiver(jwks),
    startReceiver("{}"),
    startReceiver(""),
    hasRedis() ? startRedis({ durable: true }) : null,
  ]);
  const addresses: SoakAddresses = {
    ports: upstreams.ports,
    jwksUri: `${issuer.url}/jwks`,
    redis: redis === null ? null : `redis://127.0.0.1:${redis.port}`,
    folder,
  };
  let generation = 1;
  let variant = 0;
  const put = () => {
    for (const { name } of TENANTS) secrets.put(`soak/${name}`, JSON.stringify({ token: destinationKey(name, generation) }));
  };
  const accept = (...generations: readonly number[]) => {
    for (const { name } of TENANTS) upstreams.accept(name, generations);
  };
  put();
  accept(generation);
  writeFileSync(manifests, soakManifests(addresses, variant));

  const environment = {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    HOME: folder,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "500",
    OTEL_METRIC_EXPORT_INTERVAL: "2000",
    K_SINK: sink.url,
  };
  const ports = await freePorts(2);
  const instances = ports.map((port, index) => createInstance({ name: `broker-${index}`, port, manifests, folder, environment }));
  await Promise.all(instances.map((instance) => instance.start()));

  function credentialOf({ name, proof }: Tenant): string {
    if (proof === "key") return callerKey(name);
    const now = Date.now();
    const known = shown.get(name);
    if (known !== undefined && known.until > now) return known.token;
    const account = { namespace: name, serviceaccount: { name: "app", uid: "u" }, pod: { name: "app-0", uid: "p" } };
    const token = tokens.token(tokens.claims(Math.floor(now / 1_000), { sub: `system:serviceaccount:${name}:app`, "kubernetes.io": account }));
    shown.set(name, { token, until: now + TOKEN_MS });
    return token;
  }
  async function warm({ port }: Instance): Promise<void> {
    for (const tenant of TENANTS) {
      for (let tries = 0; tries < 100; tries += 1) {
        const headers = { authorization: `Bearer ${credentialOf(tenant)}`, "x-soak-tenant": tenant.name, connection: "close" };
        const answer = await fetch(`http://127.0.0.1:${port}/files/warm`, { headers });
        await answer.arrayBuffer();
        if (answer.ok) break;
        await new Promise((settle) => setTimeout(settle, 100));
      }
    }
  }
  const shown = new Map<string, { readonly token: string; readonly until: number }>();
  return {
    instances,
    upstreams,
    secrets,
    issuer,
    collector,
    sink,
    redis,
    credentialOf,
    warm,
    rotate(hard) {
      generation += 1;
      put();
      accept(...(hard ? [generation] : [generation - 1, generation]));
    },
    revoke: () => accept(generation),
    configure(how) {
      variant += 1;
      const text = soakManifests(addresses, variant, how === "huge" ? 300 : 0);
      writeFileSync(manifests, how === "wrong" ? text.replace("scope: CallerNamespace", "scope: Nonsense") : text);
    },
    async close() {
      await Promise.all(instances.map((instance) => instance.kill()));
      await Promise.all([upstreams.close(), secrets.close(), issuer.close(), collector.close(), sink.close(), redis?.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startReceiver(answer: string): Promise<Receiver> {
  const receiver: { mood: Receiver["mood"] } = { mood: "well" };
  const server: Server = createServer((request, response) => {
    request.on("error", () => {}).resume();
    response.on("error", () => {});
    request.once("end", () => {
      if (receiver.mood === "hang") return;
      response.writeHead(receiver.mood === "refuse" ? 503 : 200, { "content-type": "application/json" }).end(receiver.mood === "refuse" ? "" : answer);
    });
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((settle) => {
        server.close(() => settle());
        server.closeAllConnections();
      }),
  });
}

/** Ports that were free a moment ago: an instance that begins again has to be where it was. */
async function freePorts(count: number): Promise<readonly number[]> {
  const probes = Array.from({ length: count }, () => createTcpServer());
  const ports: number[] = [];
  for (const probe of probes) {
    await new Promise<void>((settle) => probe.listen(0, "127.0.0.1", settle));
    ports.push((probe.address() as AddressInfo).port); // listening on TCP
  }
  for (const probe of probes) await new Promise((settle) => probe.close(settle));
  return ports;
}
