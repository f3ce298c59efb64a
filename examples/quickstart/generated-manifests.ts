/** What is made anew at every start, and so cannot stand in the folder's own manifests. */
export interface Generated {
  /** PEM of the authority that signs the demo providers' certificates. */
  readonly authority: string;
  /** Absolute paths by the name of the SecretSource. */
  readonly secretFiles: Readonly<Record<string, string>>;
}

const NAMESPACE = "egress-system";

/** The generated manifests as one text: JSON documents are YAML. */
export function generatedManifests(generated: Generated): string {
  const authority = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "demo-ca", namespace: NAMESPACE }, data: { "ca.crt": generated.authority } };
  const sources = Object.entries(generated.secretFiles).map(([name, path]) => ({
    apiVersion: "spillway.dev/v1alpha1",
    kind: "SecretSource",
    metadata: { name, namespace: NAMESPACE },
    spec: { file: { path } },
  }));
  return [authority, ...sources].map((document) => JSON.stringify(document, null, 2)).join("\n---\n");
}
