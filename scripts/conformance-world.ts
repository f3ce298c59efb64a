import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import type { EchoService } from "./conformance-echo.ts";

const BINARY = resolve(import.meta.dirname, "../dist/spillway.js");
const CLASS = "spillway";
const SETTINGS = "conformance";

/** A manifest as it was read, its members looked at one by one. */
export type RawManifest = Readonly<Record<string, unknown>>;

export function readManifests(text: string): readonly RawManifest[] {
  return parseAllDocuments(text.replaceAll("{GATEWAY_CLASS_NAME}", CLASS))
    .map((document): unknown => document.toJS())
    .filter((value): value is RawManifest => typeof value === "object" && value !== null);
}

/** Object at a path of members; an empty one where there is none. */
export function member(value: unknown, ...path: readonly string[]): RawManifest {
  let at: unknown = value;
  for (const step of path) at = typeof at === "object" && at !== null ? (at as RawManifest)[step] : undefined; // as: an object, its members unknown
  return typeof at === "object" && at !== null ? (at as RawManifest) : {}; // as: the same
}

export function nameOf(manifest: RawManifest): string {
  return String(member(manifest, "metadata")["name"]);
}

export function namespaceOf(manifest: RawManifest): string {
  return String(member(manifest, "metadata")["namespace"] ?? "default");
}

/** The Services that calls can go to: their TCP ports that an ordinary user may open. */
export function echoServices(manifests: readonly RawManifest[]): readonly EchoService[] {
  return manifests.flatMap((manifest): EchoService[] => {
    if (manifest["kind"] !== "Service") return [];
    const ports = Object.values(member(manifest, "spec", "ports")).flatMap((one) => {
      const { port, protocol, appProtocol } = member(one);
      return typeof port === "number" && port >= 1024 && protocol !== "UDP" ? [{ port, h2c: appProtocol === "kubernetes.io/h2c" }] : [];
    });
    return ports.length === 0 ? [] : [{ namespace: namespaceOf(manifest), name: nameOf(manifest), ports }];
  });
}

/**
 * The manifests of a test with the one Gateway that is called, for all Gateways share the server's one port, and what the suite leaves to the
 * implementation: the class, callers without a name, and where each Service is.
 */
export function worldOf(manifests: readonly RawManifest[], gateway: string, addresses: ReadonlyMap<string, string>): string {
  const own = manifests
    .filter((manifest) => manifest["kind"] !== "Gateway" || nameOf(manifest) === gateway)
    .map((manifest) =>
      manifest["kind"] === "Gateway"
        ? {
            ...manifest,
            spec: { ...member(manifest, "spec"), infrastructure: { parametersRef: { group: "spillway.dev", kind: "BrokerConfig", name: SETTINGS } } },
          }
        : manifest,
    );
  const namespaces = new Set(own.filter((manifest) => manifest["kind"] === "Gateway").map(namespaceOf));
  const added: RawManifest[] = [
    { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: CLASS }, spec: { controllerName: "spillway.dev/broker" } },
    ...[...namespaces].map((namespace) => ({
      apiVersion: "spillway.dev/v1alpha1",
      kind: "BrokerConfig",
      metadata: { name: SETTINGS, namespace },
      spec: { identity: { anonymous: "Allow" }, routing: { scope: "Shared" } },
    })),
    ...[...addresses].map(([id, address]) => {
      const [namespace = "", name = ""] = id.split("/");
      return {
        apiVersion: "spillway.dev/v1alpha1",
        kind: "BackendConnectionPolicy",
        metadata: { name: `where-is-${name}`, namespace },
        spec: { targetRefs: [{ group: "", kind: "Service", name }], dns: { addresses: [address] } },
      };
    }),
  ];
  return [...own, ...added].map((manifest) => JSON.stringify(manifest)).join("\n---\n");
}

export interface ServedWorld {
  readonly url: string;
  /** All that the server said of the manifests. */
  readonly report: string;
  stop(): Promise<void>;
}

/** Starts the built server on a free port. Rejects when it does not listen, with what it said. */
export async function serveWorld(manifests: string): Promise<ServedWorld> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-conformance-"));
  await writeFile(join(folder, "manifests.yaml"), manifests);
  const child = spawn(process.execPath, [BINARY, "serve", "--manifests", folder, "--port", "0", "--quiet", "--grace", "0"], {
    env: { PATH: process.env["PATH"] ?? "", METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let report = "";
  const url = await new Promise<string>((found, failed) => {
    child.stderr.on("data", (bytes: Buffer) => {
      report += bytes.toString();
      const listening = /listening on (\S+)/.exec(report);
      if (listening?.[1] !== undefined) found(listening[1]);
    });
    child.once("exit", () => failed(new Error(`the server did not start:\n${report}`)));
  });
  return {
    url,
    report,
    stop: () =>
      new Promise((stopped) => {
        child.once("exit", () => stopped(rm(folder, { recursive: true, force: true })));
        child.kill("SIGTERM");
      }),
  };
}
