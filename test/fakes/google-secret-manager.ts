import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Server, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";

/** Google Secret Manager on loopback: a gRPC server made from the protos that the real client ships. */
export interface FakeGoogleSecretManager {
  readonly port: number;
  /** Full secret names asked for, in order. */
  readonly asked: string[];
  put(name: string, value: string): void;
  /** gRPC code for this secret from now on. */
  fail(name: string, code: number): void;
  mode: "ok" | "unavailable" | "hang" | "wrong check sum" | "no check sum";
  close(): void;
}

interface Request {
  readonly name: string;
}

const require = createRequire(import.meta.url);
const clientFolder = packageFolder("@google-cloud/secret-manager");
// The client's own copies: google-gax and the proto loader are its dependencies, not this project's.
const fromClient = createRequire(join(clientFolder, "package.json"));
const gaxFolder = packageFolder("google-gax", fromClient);

export async function startFakeGoogleSecretManager(at = 0): Promise<FakeGoogleSecretManager> {
  const grpc = await import("@grpc/grpc-js");
  // Typed by what is used of it: a dependency of a dependency has no types here.
  const loader = createRequire(join(gaxFolder, "package.json"))("@grpc/proto-loader") as { loadSync(file: string, options: object): Record<string, unknown> };
  const definition = loader.loadSync("google/cloud/secretmanager/v1/service.proto", {
    includeDirs: [join(clientFolder, "build/protos"), join(gaxFolder, "build/protos")],
    longs: String,
    defaults: false,
  });
  // The loader gives service definitions under their full names.
  const service = definition["google.cloud.secretmanager.v1.SecretManagerService"] as Parameters<Server["addService"]>[0];
  const values = new Map<string, string[]>();
  const failures = new Map<string, number>();
  const fake = { mode: "ok" as FakeGoogleSecretManager["mode"], asked: [] as string[] };
  const server = new grpc.Server();
  server.addService(service, {
    AccessSecretVersion(call: ServerUnaryCall<Request, unknown>, callback: sendUnaryData<unknown>) {
      const [, secret = "", version = ""] = /^(.*)\/versions\/(.*)$/.exec(call.request.name) ?? [];
      fake.asked.push(call.request.name);
      const error = (code: number) => callback(Object.assign(new Error("told by the fake"), { code, details: "told by the fake" }));
      if (fake.mode === "hang") return;
      if (fake.mode === "unavailable") return error(14);
      const failure = failures.get(secret);
      if (failure !== undefined) return error(failure);
      const versions = values.get(secret);
      const number = version === "latest" ? (versions?.length ?? 0) : Number(version);
      const value = versions?.[number - 1];
      if (value === undefined) return error(5);
      const data = Buffer.from(value);
      const sum = fake.mode === "wrong check sum" ? "7" : `${castagnoli(data)}`;
      callback(null, { name: `${secret}/versions/${number}`, payload: { data, ...(fake.mode === "no check sum" ? {} : { dataCrc32c: sum }) } });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${at}`, grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return Object.assign(fake, {
    port,
    put(name: string, value: string) {
      values.set(name, [...(values.get(name) ?? []), value]);
    },
    fail(name: string, code: number) {
      failures.set(name, code);
    },
    close: () => server.forceShutdown(),
  });
}

/** Bit by bit, unlike the store's: two ways to the same sum. */
function castagnoli(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}

/** Packages that export no ./package.json are found by their main file. */
function packageFolder(name: string, from: NodeJS.Require = require): string {
  const main = from.resolve(name);
  const marker = join("node_modules", ...name.split("/"));
  const at = main.lastIndexOf(marker);
  return at === -1 ? dirname(main) : main.slice(0, at + marker.length);
}
