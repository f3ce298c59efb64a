import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Mounted into a pod unless it says otherwise. */
export const SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** Whether `findCluster` would find one, by what lies there; nothing is read. */
export async function hasCluster(environment: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  if ((environment["KUBECONFIG"] ?? "") !== "") return true;
  if (environment["KUBERNETES_SERVICE_HOST"] !== undefined && (await exists(SERVICE_ACCOUNT_TOKEN))) return true;
  return exists(kubeconfigOf(environment));
}

/** Where kubectl keeps its own. */
export function kubeconfigOf(environment: Readonly<Record<string, string | undefined>>): string {
  return join(environment["HOME"] ?? homedir(), ".kube", "config");
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
