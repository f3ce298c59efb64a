import type { Clock, ManifestSource } from "../../src/index.ts";
import { openApiClient } from "./api-client.ts";
import { openClusterView } from "./cluster-view.ts";

export interface ReadClusterOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Told what is missing without making the rest useless, such as a CRD. */
  readonly onNotice: (message: string) => void;
}

const PATIENCE_MS = 30_000;

/** All manifests of the cluster as they stand now. Rejects when there is no cluster, when it does not answer, or when the account may not list a kind. */
export async function readCluster({ environment, clock, onNotice }: ReadClusterOptions): Promise<readonly ManifestSource[]> {
  const client = await openApiClient(environment);
  const ended = new AbortController();
  let cancel: () => void = () => {};
  try {
    return await new Promise((resolve, reject) => {
      openClusterView({
        client,
        clock,
        random: Math.random,
        onManifests: resolve,
        onOther: () => {},
        onTrouble: (message, error) => {
          if (error === null) onNotice(message);
          else reject(new Error(message));
        },
        signal: ended.signal,
      });
      cancel = clock.after(PATIENCE_MS, () =>
        reject(new Error(`the Kubernetes API at ${client.server} did not list everything within ${PATIENCE_MS / 1_000} s`)),
      );
    });
  } finally {
    cancel();
    ended.abort();
  }
}
