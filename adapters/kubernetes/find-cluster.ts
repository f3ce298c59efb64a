import { delimiter } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { exists, kubeconfigOf, SERVICE_ACCOUNT_TOKEN } from "./has-cluster.ts";

/** What is needed of the client; its package as a whole brings a class for every kind that there is. */
type Library = typeof import("@kubernetes/client-node/dist/config.js");

/**
 * Which cluster, and as whom: the files of KUBECONFIG where that is set, else the pod's own service account, else ~/.kube/config.
 * Rejects when there is none of them, for the library itself would then try http://localhost:8080.
 */
export async function findCluster(library: Library, environment: Readonly<Record<string, string | undefined>>): Promise<KubeConfig> {
  const config = new library.KubeConfig();
  const named = (environment["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  if (named.length > 0) await readFiles(library, config, named, "KUBECONFIG");
  else if (environment["KUBERNETES_SERVICE_HOST"] !== undefined && (await exists(SERVICE_ACCOUNT_TOKEN))) config.loadFromCluster();
  else {
    const path = kubeconfigOf(environment);
    if (!(await exists(path))) {
      const inPod = environment["KUBERNETES_SERVICE_HOST"] !== undefined;
      const advice = inPod ? "this pod has no service account token: set automountServiceAccountToken: true" : "set KUBECONFIG, or run it in a pod";
      throw new Error(`no Kubernetes cluster to talk to: ${advice}`);
    }
    await readFiles(library, config, [path], path);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error(`no Kubernetes cluster to talk to: the kubeconfig has no usable current-context (${config.getCurrentContext() || "none"})`);
  return config;
}

async function readFiles(library: Library, config: KubeConfig, paths: readonly string[], origin: string): Promise<void> {
  for (const [index, path] of paths.entries()) {
    const one = index === 0 ? config : new library.KubeConfig();
    try {
      one.loadFromFile(path);
    } catch {
      // The library's own message may quote the file, which holds credentials.
      throw new Error(`the kubeconfig ${path} (${origin}) cannot be read`);
    }
    if (index > 0) config.mergeConfig(one, true);
  }
}
