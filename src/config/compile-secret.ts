import { type RefreshPolicy, Secret, type SecretLocation, type SecretReference } from "../model/secret.ts";
import { defaultSecretKey, readSecretKey } from "./core-secret.ts";
import { durationMs } from "./duration.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import { namespaceOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";
import { notAmong } from "./not-among.ts";
import { canRead } from "./platform.ts";
import { isPermitted, notPermitted, type Referrer } from "./reference-permission.ts";

/** For core Secrets, which have nowhere to say it: the same as a SecretSource's defaults. */
const DEFAULT_REFRESH: RefreshPolicy = { intervalMs: 300_000, jitterPercent: 10, staleForMs: 3_600_000 };

/** A reference to a secret as authored: SecretObjectReference, or our own with a key. */
export interface AuthoredSecretRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string | undefined;
  readonly key?: string | undefined;
}

/** Links a reference to a SecretSource or core Secret. Fails closed: no grant, no object or no way to read it here means no secret. */
export function compileSecret(context: LinkContext, ref: AuthoredSecretRef, from: Referrer): Resolved<SecretReference> {
  const to = { group: ref.group, kind: ref.kind, namespace: ref.namespace ?? from.namespace, name: ref.name };
  const isSource = ref.group === "spillway.dev" && ref.kind === "SecretSource";
  if (!isSource && !(ref.group === "" && ref.kind === "Secret")) {
    return unresolved("InvalidKind", `${ref.kind} (${ref.group || "core"}) cannot hold a secret: SecretSource (spillway.dev) or Secret (core)`);
  }
  // Before the look-up: without a grant nobody may learn whether the object exists.
  if (!isPermitted(context, from, to)) return unresolved("RefNotPermitted", notPermitted(from, to));
  if (!isSource) return compileCoreSecret(context, to.namespace, to.name, ref.key ?? null, `Secret/${to.namespace}/${to.name}`, DEFAULT_REFRESH);
  const source = context.set.SecretSource.get(`${to.namespace}/${to.name}`);
  if (source === undefined) return unresolved("SecretNotFound", notAmong("SecretSource", to.namespace, to.name, context.set.SecretSource));
  if (ref.key !== undefined) return unresolved("Invalid", "key is for a core Secret; a SecretSource names its own");
  return compileSecretSource(context, source);
}

/** A SecretSource as the place from which its value is read. */
export function compileSecretSource(context: LinkContext, source: ManifestOf<"SecretSource">): Resolved<SecretReference> {
  const { spec } = source.body;
  const id = `SecretSource/${source.namespace}/${source.name}`;
  const refresh: RefreshPolicy = {
    intervalMs: durationMs(spec.refresh.interval),
    jitterPercent: spec.refresh.jitterPercent,
    staleForMs: durationMs(spec.refresh.staleFor),
  };
  if (spec.kubernetesSecret !== undefined) {
    return compileCoreSecret(context, namespaceOf(source), spec.kubernetesSecret.name, spec.kubernetesSecret.key ?? null, id, refresh);
  }
  const location = locate(source);
  if (location === null) return unresolved("Invalid", `${id} names no provider`);
  if (!canRead(context.platform, location.provider)) {
    return unresolved("UnsupportedOnPlatform", `${location.provider} cannot be read on ${context.platform.name}`);
  }
  return resolved({ id, location, refresh });
}

function locate(source: ManifestOf<"SecretSource">): SecretLocation | null {
  const { spec } = source.body;
  if (spec.awsSecretsManager !== undefined) {
    const { secretId, region, versionStage, jsonKey } = spec.awsSecretsManager;
    return { provider: "awsSecretsManager", secretId, region, versionStage, jsonKey: jsonKey ?? null };
  }
  if (spec.googleSecretManager !== undefined) {
    const { name, location, jsonKey } = spec.googleSecretManager;
    const versioned = name.includes("/versions/") ? name : `${name}/versions/latest`;
    return { provider: "googleSecretManager", name: versioned, location: location ?? null, jsonKey: jsonKey ?? null };
  }
  if (spec.env !== undefined) return { provider: "env", name: spec.env.name };
  if (spec.file !== undefined) return { provider: "file", path: spec.file.path, jsonKey: spec.file.jsonKey ?? null };
  return spec.binding === undefined ? null : { provider: "binding", name: spec.binding.name };
}

/** From the manifests when the Secret is among them; else from the folder where the platform mounts it. */
function compileCoreSecret(
  context: LinkContext,
  namespace: string,
  name: string,
  key: string | null,
  id: string,
  refresh: RefreshPolicy,
): Resolved<SecretReference> {
  const secret = context.set.Secret.get(`${namespace}/${name}`);
  if (secret === undefined) {
    if (!canRead(context.platform, "kubernetesSecret")) {
      return unresolved("SecretNotFound", `Secret ${namespace}/${name} is not among the manifests, and ${context.platform.name} has no folder to mount it`);
    }
    const chosen = key ?? "value";
    return resolved({ id: `${id}/${chosen}`, location: { provider: "kubernetesSecret", namespace, name, key: chosen, inline: null }, refresh });
  }
  const chosen = key ?? defaultSecretKey(secret);
  if (chosen === null) return unresolved("SecretMalformed", `Secret ${namespace}/${name} has several keys or none: name one with \`key\``);
  const value = readSecretKey(secret, chosen);
  if (!value.ok) return value;
  return resolved({
    id: `${id}/${chosen}`,
    location: { provider: "kubernetesSecret", namespace, name, key: chosen, inline: new Secret(value.value, null) },
    refresh,
  });
}

/** A client certificate: a SecretSource that holds one PEM, or a core Secret of type kubernetes.io/tls, whose two parts become one. */
export function compileClientCertificate(context: LinkContext, ref: AuthoredSecretRef, from: Referrer): Resolved<SecretReference> {
  return compileKeyPair(context, ref, from, { reason: "InvalidClientCertificateRef", mountedKey: null, checksPem: false });
}

/** The same for a listener; its core Secret may also be mounted, where the manifests need not hold all that there are. */
export function compileServerCertificate(context: LinkContext, ref: AuthoredSecretRef, from: Referrer): Resolved<SecretReference> {
  const mounted = canRead(context.platform, "kubernetesSecret") && context.platform.holdsAllSecrets !== true;
  return compileKeyPair(context, ref, from, { reason: "InvalidCertificateRef", mountedKey: mounted ? KEY_PAIR : null, checksPem: true });
}

/** Stands for two keys of a kubernetes.io/tls Secret, whose values become one PEM. */
const KEY_PAIR = "tls.crt+tls.key";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s[A-Za-z0-9+/=\s]+-----END (?:[A-Z]+ )?PRIVATE KEY-----/;

interface KeyPairRules {
  readonly reason: string;
  /** The key under which it is read from the folder of mounted Secrets when it is not among the manifests; null: it must be. */
  readonly mountedKey: string | null;
  /** The standard asks for a condition when a listener's Secret holds something else. */
  readonly checksPem: boolean;
}

function compileKeyPair(context: LinkContext, ref: AuthoredSecretRef, from: Referrer, rules: KeyPairRules): Resolved<SecretReference> {
  const { reason, mountedKey, checksPem } = rules;
  if (ref.group !== "" || ref.kind !== "Secret") return compileSecret(context, ref, from);
  const to = { group: "", kind: "Secret", namespace: ref.namespace ?? from.namespace, name: ref.name };
  const { namespace, name } = to;
  if (!isPermitted(context, from, to)) return unresolved("RefNotPermitted", notPermitted(from, to));
  const found = (key: string, inline: Secret | null): Resolved<SecretReference> =>
    resolved({ id: `Secret/${namespace}/${name}/tls`, location: { provider: "kubernetesSecret", namespace, name, key, inline }, refresh: DEFAULT_REFRESH });
  const secret = context.set.Secret.get(`${namespace}/${name}`);
  if (secret === undefined) return mountedKey === null ? unresolved(reason, `Secret ${namespace}/${name} is not among the manifests`) : found(mountedKey, null);
  const certificate = readSecretKey(secret, "tls.crt");
  const key = readSecretKey(secret, "tls.key");
  if (!certificate.ok) return unresolved(reason, certificate.message);
  if (!key.ok) return unresolved(reason, key.message);
  if (checksPem && !CERTIFICATE.test(certificate.value)) return unresolved(reason, `key tls.crt of Secret ${namespace}/${name} is not a PEM certificate`);
  if (checksPem && !PRIVATE_KEY.test(key.value)) return unresolved(reason, `key tls.key of Secret ${namespace}/${name} is not a PEM private key`);
  return found(KEY_PAIR, new Secret(`${certificate.value.trimEnd()}\n${key.value}`, null));
}
