import type { Platform } from "../../src/index.ts";
import { PLATFORMS } from "../config/platforms.ts";
import { hasCluster } from "../kubernetes/has-cluster.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What this very instance can honour: Node's platform, less what its options and surroundings take away. */
export async function nodePlatform({ tlsPort, environment }: Pick<ServeOptions, "tlsPort" | "environment">): Promise<Platform> {
  return {
    ...PLATFORMS.knative,
    ...(tlsPort === null ? { terminatesTls: false } : {}),
    ...((await hasCluster(environment)) ? {} : { reviewsTokens: false }),
  };
}
