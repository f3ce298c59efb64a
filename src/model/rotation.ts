/** Says that a secret has changed where it is kept. No value, no version: whoever hears it asks the store. */
export type RotationNotice =
  /** `secretId` is a name or an ARN; region null: not said. */
  | { readonly provider: "awsSecretsManager"; readonly secretId: string; readonly region: string | null }
  /** `projects/P/secrets/S`, where P may be the project's id or its number. */
  | { readonly provider: "googleSecretManager"; readonly name: string }
  | { readonly provider: "kubernetesSecret"; readonly namespace: string; readonly name: string };

/** A notice as JSON holds it; null: not one. Members that it does not know are left out. */
export function readRotationNotice(value: unknown): RotationNotice | null {
  if (typeof value !== "object" || value === null) return null;
  // Only own members: `__proto__` is nobody's name.
  const text = (member: string): string | null => {
    const found: unknown = Object.getOwnPropertyDescriptor(value, member)?.value;
    return typeof found === "string" && found !== "" ? found : null;
  };
  const [provider, secretId, name, namespace] = [text("provider"), text("secretId"), text("name"), text("namespace")];
  if (provider === "awsSecretsManager" && secretId !== null) return { provider, secretId, region: text("region") };
  if (provider === "googleSecretManager" && name !== null) return { provider, name };
  return provider === "kubernetesSecret" && name !== null && namespace !== null ? { provider, namespace, name } : null;
}
