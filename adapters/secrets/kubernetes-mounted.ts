import { realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { Secret, type SecretLocation, type SecretStore, SecretStoreError } from "../../src/index.ts";
import { readSecretFile } from "./read-secret-file.ts";

export interface KubernetesMountedOptions {
  /** Folder under which Secrets are mounted; null: only Secrets among the manifests can be read. */
  readonly root: string | null;
  /** The namespace whose Secrets may also be mounted as `<root>/<name>/<key>`; null: none, each has its namespace in the path. */
  readonly namespace: string | null;
}

/** RFC 1123 subdomain, as names of Secrets and namespaces are: no `/`, and no `..`. */
const OBJECT_NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
/** No key of a Secret may have it. */
const KEY_SEPARATOR = "+";

/**
 * Kubernetes Secrets without the Kubernetes API: from the manifests, or from volumes at `<root>/<namespace>/<name>/<key>`.
 * The layout without namespace is good for one namespace only: else any namespace could read a Secret by its name.
 */
export function createKubernetesMountedStore(options: KubernetesMountedOptions): SecretStore {
  const { root, namespace } = options;
  return {
    providers: new Set(["kubernetesSecret"] as const),
    async fetch(location, signal) {
      if (location.provider !== "kubernetesSecret") throw new SecretStoreError("missing", `mounted Secrets hold no ${location.provider}`);
      if (signal.aborted) throw new SecretStoreError("unavailable", "the read was cancelled");
      if (location.inline !== null) return location.inline;
      if (root === null)
        throw new SecretStoreError("missing", "the Secret is not among the manifests, and no folder of mounted Secrets is set (SPILLWAY_SECRETS_DIR)");
      if (!isProper(location)) throw new SecretStoreError("denied", "the Secret's namespace, name or key is not one that Kubernetes allows");
      const { namespace: owner, name, key } = location;
      const keys = key.split(KEY_SEPARATOR);
      const inNamespace = await readAll(root, [owner, name], keys, signal);
      if (inNamespace !== null) return inNamespace;
      const flat = owner === namespace ? await readAll(root, [name], keys, signal) : null;
      if (flat !== null) return flat;
      throw new SecretStoreError("missing", `the Secret ${owner}/${name} with key ${key} is not mounted`);
    },
  };
}

/** Several keys become one text: certificate and private key of a kubernetes.io/tls Secret. Null: one of them is not there. */
async function readAll(root: string, folder: readonly string[], keys: readonly string[], signal: AbortSignal): Promise<Secret | null> {
  const values: Secret[] = [];
  for (const key of keys) {
    const value = await readMounted(root, [...folder, key], signal);
    if (value === null) return null;
    values.push(value);
  }
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : new Secret(values.map((value) => value.reveal().trimEnd()).join("\n"), null);
}

/** Null: it is not there. */
async function readMounted(root: string, parts: readonly string[], signal: AbortSignal): Promise<Secret | null> {
  try {
    const realRoot = await realpath(root).catch(() => {
      throw new SecretStoreError("missing", "the folder of mounted Secrets does not exist");
    });
    // A link inside a volume (the kubelet makes some) may not lead out of the folder.
    return await readSecretFile(join(root, ...parts), (real) => real.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep), signal);
  } catch (error) {
    if (error instanceof SecretStoreError && error.reason === "missing") return null;
    throw error;
  }
}

function isProper(location: Extract<SecretLocation, { provider: "kubernetesSecret" }>): boolean {
  const { namespace, name, key } = location;
  return OBJECT_NAME.test(namespace) && OBJECT_NAME.test(name) && key.split(KEY_SEPARATOR).every(isKey);
}

function isKey(key: string): boolean {
  return KEY.test(key) && key !== "." && !key.startsWith("..");
}
