import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAuthority } from "../../test/fakes/certificates.ts";
import type { FaultMode } from "../providers/fault-desk.ts";
import type { ProviderOptions } from "../providers/provider-server.ts";
import type { BrokerProcess } from "./broker-process.ts";
import { startBrokerProcess } from "./broker-process.ts";
import { generatedManifests } from "./generated-manifests.ts";
import type { LoggedCall } from "./logged-call.ts";
import { type ProviderPlace, type ProviderProcess, startProviderProcess } from "./provider-process.ts";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));

/** The demo providers and the ports that the manifests of this folder name; the fault desk of each is 100 above. */
export const PROVIDERS = [
  { name: "openai-eu", region: "eu", speaks: "openai", port: 18441 },
  { name: "openai-us", region: "us", speaks: "openai", port: 18442 },
  { name: "anthropic-eu", region: "eu", speaks: "anthropic", port: 18443 },
  { name: "anthropic-us", region: "us", speaks: "anthropic", port: 18444 },
] as const;
export type ProviderName = (typeof PROVIDERS)[number]["name"];

/** Tokens of the two teams and of an operator, by namespace. They open nothing but this demo, on loopback, so they may be the same at every start. */
export const TOKENS = { "team-a": "demo-token-team-a", "team-b": "demo-token-team-b", "egress-system": "demo-token-operator" } as const;

export interface WorldOptions {
  /** Port of the broker; 0: any free one. */
  readonly port: number;
  /** True: providers take any free ports, and the manifests are served from a copy that names those. False: the folder is served as it is. */
  readonly freePorts: boolean;
  /** Milliseconds between two events of a provider's stream. */
  readonly paceMs: number;
  onCall(call: LoggedCall): void;
  onWord(line: string): void;
}

/** The quickstart, running: four demo providers in two processes, and the broker. */
export interface World {
  readonly broker: BrokerProcess;
  readonly places: ReadonlyMap<string, ProviderPlace>;
  /** Path of the generated manifests. */
  readonly generated: string;
  /** Tells a provider how to treat its next `count` calls (null: until told otherwise). */
  tell(provider: ProviderName, mode: FaultMode, count: number | null): Promise<void>;
  /** What a provider has seen: the JSON of `GET /control`. */
  ask(provider: ProviderName): Promise<unknown>;
  /** Writes a new OpenAI key where the broker's SecretSource looks, then revokes the old one at both providers. */
  rotateOpenaiKey(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts everything in a new temporary folder. Rejects, with nothing left running, when a part cannot start. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-demo-"));
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const part of started.toReversed()) await part.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const authority = createAuthority("Spillway demo authority");
    const keys = { openai: newKey("sk-demo-"), anthropic: newKey("sk-ant-demo-") };
    const secretFiles = {
      "openai-key": await writeSecret(folder, "openai-key", keys.openai),
      "anthropic-key": await writeSecret(folder, "anthropic-key", keys.anthropic),
      "broker-keys": await writeSecret(folder, "broker-keys", callerKeys()),
    };

    const places = new Map<string, ProviderPlace>();
    for (const family of ["openai", "anthropic"] as const) {
      const providers = PROVIDERS.filter((provider) => provider.speaks === family).map((provider): ProviderOptions => {
        const { certPem, keyPem } = authority.issue({ dnsNames: [`${provider.name}.provider.example`], notAfter: new Date(Date.now() + 30 * 86_400_000) });
        return {
          name: provider.name,
          region: provider.region,
          speaks: [family],
          port: options.freePorts ? 0 : provider.port,
          controlPort: options.freePorts ? 0 : provider.port + 100,
          tls: { certificate: certPem, key: keyPem },
          acceptedKeys: [keys[family]],
          paceMs: options.paceMs,
        };
      });
      const process: ProviderProcess = await startProviderProcess(providers, join(folder, `${family}-providers.json`));
      started.push(process);
      for (const place of process.places) places.set(place.name, place);
    }

    const generated = join(folder, "generated.yaml");
    await writeFile(generated, generatedManifests({ authority: authority.caPem, secretFiles }));
    const manifests = options.freePorts ? await copyManifests(join(folder, "manifests"), places) : FOLDER;
    // The environment goes on to the broker: whoever has OTEL_EXPORTER_OTLP_ENDPOINT set gets traces of the demo.
    const broker = await startBrokerProcess({
      manifests: [manifests, generated],
      port: options.port,

      onCall: options.onCall,
      onWord: options.onWord,
    });
    started.push(broker);

    const control = (name: string, path: string, body: unknown) => askControl(places, name, path, body);
    return {
      broker,
      places,
      generated,
      tell: async (provider, mode, count) => {
        await control(provider, "/control", { mode, count });
      },
      ask: (provider) => control(provider, "/control", null),
      rotateOpenaiKey: async () => {
        const fresh = newKey("sk-demo-");
        await writeSecret(folder, "openai-key", fresh);
        await Promise.all(["openai-eu", "openai-us"].map((name) => control(name, "/keys", { accepted: [fresh] })));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function newKey(prefix: string): string {
  return `${prefix}${randomBytes(24).toString("base64url")}`;
}

/** The document that BrokerConfig `identity.apiKeys` refers to: digests only, so that the tokens themselves are nowhere in the broker's files. */
function callerKeys(): string {
  const keys = Object.entries(TOKENS).map(([namespace, token]) => ({
    sha256: createHash("sha256").update(token).digest("hex"),
    namespace,
    serviceAccount: namespace === "egress-system" ? "operator" : "app",
    workload: "quickstart",
  }));
  return JSON.stringify({ keys });
}

/** Written beside and renamed, as a rotation must be: a reader sees the old value or the new one, never half of one. */
async function writeSecret(folder: string, name: string, value: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(`${path}.new`, value, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return path;
}

async function copyManifests(target: string, places: ReadonlyMap<string, ProviderPlace>): Promise<string> {
  await mkdir(target);
  for (const file of (await readdir(FOLDER)).filter((name) => name.endsWith(".yaml"))) {
    const text = await readFile(join(FOLDER, file), "utf8");
    const replaced = PROVIDERS.reduce((sum, { name, port }) => sum.replaceAll(`{port: ${port}}`, `{port: ${places.get(name)?.port ?? port}}`), text);
    await writeFile(join(target, file), replaced);
  }
  return target;
}

async function askControl(places: ReadonlyMap<string, ProviderPlace>, name: string, path: string, body: unknown): Promise<unknown> {
  const place = places.get(name);
  if (place === undefined) throw new Error(`there is no demo provider ${name}`);
  const init: RequestInit = body === null ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`http://127.0.0.1:${place.controlPort}${path}`, { ...init, signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`the demo provider ${name} answered ${response.status} to ${path}`);
  return response.json();
}
