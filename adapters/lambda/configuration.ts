import { type Compiled, type DegradedPort, readBundle } from "../../src/index.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { createNodeCredentials } from "../aws/node-credentials.ts";
import { createS3Reader } from "../aws/s3-object.ts";
import { createFileSource } from "../config/files.ts";
import { PLATFORMS } from "../config/platforms.ts";
import { readManifestFile } from "../config/read-manifest-file.ts";

/** How long the configuration may take to come, at the start and when it has changed. Milliseconds. */
export const READ_MS = 8_000;
/** How old what came from S3 may be before it is asked for again, where no event told of a change. Milliseconds. */
const REFRESH_MS = 60_000;

/** What the function serves, and whether it has changed. */
export interface Configuration {
  /** Null: it is what was read last. Rejects when it is not there or cannot be read; faults inside are in the result. */
  read(signal: AbortSignal): Promise<Compiled | null>;
  /** True when it may have changed by itself, and was not looked at for a minute. */
  due(now: number): boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The bundle `SPILLWAY_BUNDLE` (a file of the package, or `s3://bucket/key`), else the manifests `SPILLWAY_MANIFESTS` (files and folders of the
 * package, parted by commas). Throws when neither is named. `degraded` is told while S3 does not give the bundle.
 */
export function createConfiguration(environment: Environment, degraded?: DegradedPort): Configuration {
  const bundle = environment["SPILLWAY_BUNDLE"]?.trim() ?? "";
  if (bundle.startsWith("s3://")) return inS3(bundle, environment, degraded);
  const paths = (environment["SPILLWAY_MANIFESTS"] ?? "").split(",").flatMap((path) => path.trim() || []);
  if (bundle === "" && paths.length === 0) throw new Error("neither SPILLWAY_BUNDLE nor SPILLWAY_MANIFESTS says what to serve");
  return {
    due: () => false,
    read: async () => {
      if (bundle !== "") return readBundle(await readManifestFile(bundle), PLATFORMS.lambda, bundle);
      const sources = await createFileSource({ paths }).read();
      // The YAML reader and the schemas load with the first manifest, not with a bundle.
      const { compileManifests } = await import("../config/compile-manifests.ts");
      return compileManifests(sources, PLATFORMS.lambda);
    },
  };
}

function inS3(url: string, environment: Environment, degraded: DegradedPort | undefined): Configuration {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? [];
  const region = environment["AWS_REGION"] ?? "";
  if (bucket === "" || region === "") throw new Error("SPILLWAY_BUNDLE is s3://bucket/key, and needs AWS_REGION");
  const reader = createS3Reader({ region, endpoint: configuredEndpoint(environment, "s3"), credentials: createNodeCredentials(environment) });
  let etag: string | null = null;
  let askedAt = 0;
  return {
    due: (now) => now - askedAt >= REFRESH_MS,
    read: async (signal) => {
      askedAt = Date.now();
      const found = await reader.getObject(bucket, key, { ifNoneMatch: etag, signal }).catch((error: unknown) => {
        degraded?.enter("config_source", url, "unreachable");
        throw error;
      });
      degraded?.leave("config_source", url);
      if (found === "unchanged") return null;
      etag = found.etag;
      return readBundle(new TextDecoder().decode(found.bytes), PLATFORMS.lambda, url);
    },
  };
}
