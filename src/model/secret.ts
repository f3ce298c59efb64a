import type { TokenLocation } from "./token-plan.ts";

/**
 * A secret value that cannot be printed: logging, JSON, template strings and `util.inspect` all show `[secret]`.
 * Only `reveal()` gives the value, and only `src/credentials`, `src/identity` (keys that stand in secrets) and the TLS
 * code call it.
 */
export class Secret {
  readonly #value: string;
  /** Opaque version label from the store (a version id, a generation), safe to log. */
  readonly version: string | null;
  /** How long it was good for when it was fetched, in milliseconds: tokens end by themselves. Null: it does not say. */
  readonly goodForMs: number | null;

  constructor(value: string, version: string | null, goodForMs: number | null = null) {
    this.#value = value;
    this.version = version;
    this.goodForMs = goodForMs;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [Symbol.toPrimitive](): string {
    return "[secret]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}

/** Where a secret is read from: one provider, already linked and validated. */
export type SecretLocation =
  | {
      readonly provider: "awsSecretsManager";
      readonly secretId: string;
      readonly region: string;
      readonly versionStage: string;
      readonly jsonKey: string | null;
    }
  | { readonly provider: "googleSecretManager"; readonly name: string; readonly location: string | null; readonly jsonKey: string | null }
  | {
      readonly provider: "kubernetesSecret";
      readonly namespace: string;
      readonly name: string;
      readonly key: string /** The value, where the Secret is among the manifests; else it is read from the mounted folder. */;
      readonly inline: Secret | null;
    }
  | { readonly provider: "env"; readonly name: string }
  | { readonly provider: "file"; readonly path: string; readonly jsonKey: string | null }
  | { readonly provider: "binding"; readonly name: string }
  | TokenLocation;

export type SecretProvider = SecretLocation["provider"];

/** How long a value is good, in milliseconds, and what happens when its store cannot be reached. */
export interface RefreshPolicy {
  readonly intervalMs: number;
  /** 0 to 100: spreads the refresh of many instances. */
  readonly jitterPercent: number;
  /** A value older than `intervalMs` may still be used for this long while the store is down. */
  readonly staleForMs: number;
}

/** A compiled reference to a secret; `id` is the cache key. */
export interface SecretReference {
  /** Kind, namespace, name and key, such as `SecretSource/egress-system/openai-key`. Safe to log. */
  readonly id: string;
  readonly location: SecretLocation;
  readonly refresh: RefreshPolicy;
}
