import { type Clock, type ControlCall, type SecretStore, SecretStoreError } from "../../model/ports.ts";
import type { Secret, SecretLocation } from "../../model/secret.ts";
import type { TokenLocation } from "../../model/token-plan.ts";
import type { SecretCache } from "../secret-cache.ts";
import type { AwsSigner } from "../sign-aws.ts";
import type { TokenWork } from "./token-work.ts";

export interface TokenStoreOptions {
  readonly clock: Clock;
  readonly call: ControlCall;
  /** The stores of the platform: for its environment and its files. */
  readonly stores: readonly SecretStore[];
  /** Where the secrets and tokens are held that a token is made of. */
  readonly secrets: () => Pick<SecretCache, "read" | "refetch">;
  readonly signer: AwsSigner;
}

/**
 * A token is a secret whose store is a token endpoint: so it is cached, renewed ahead of its end, fetched once for many, served while its
 * endpoint is down and told of like every other secret. The flows load on first use.
 */
export function createTokenStore(options: TokenStoreOptions): SecretStore {
  const { clock, call, stores, secrets, signer } = options;
  return {
    providers: new Set(["token"] as const),
    fetch: async (location, signal) => {
      if (location.provider !== "token") throw new SecretStoreError("missing", `no token endpoint holds ${location.provider}`);
      const work: TokenWork = {
        now: clock.now,
        signal,
        call: async (request) => {
          const { tls } = request.endpoint;
          const clientCertificate = tls === null || tls.clientCertificate === null ? null : await work.read(tls.clientCertificate);
          // A list that cannot be read fails the call: it may name the endpoint's certificate.
          const revocationLists = await Promise.all((tls?.crl?.sources ?? []).map((source) => work.read(source)));
          return call({ ...request, clientCertificate, revocationLists }, signal);
        },
        read: async (reference) => (await secrets().read(reference, signal)).secret,
        reread: async (reference, used) => (await secrets().refetch(reference, used, signal)).secret,
        readAnew: (place) => readAnew(stores, place, signal),
      };
      try {
        return await getToken(work, location, signer);
      } catch (error) {
        if (error instanceof SecretStoreError) throw error;
        signal.throwIfAborted();
        // What a library throws may quote what it was given.
        throw new SecretStoreError("malformed", "the call for a token could not be made");
      }
    },
  };
}

async function readAnew(stores: readonly SecretStore[], location: SecretLocation, signal: AbortSignal): Promise<Secret | null> {
  const store = stores.find((candidate) => candidate.providers.has(location.provider));
  if (store === undefined) return null;
  try {
    return await store.fetch(location, signal);
  } catch (error) {
    if (error instanceof SecretStoreError && error.reason === "missing") return null;
    throw error;
  }
}

async function getToken(work: TokenWork, { plan, subject }: TokenLocation, signer: AwsSigner): Promise<Secret> {
  switch (plan.flow) {
    case "awsAmbient":
      return (await import("./aws-container.ts")).ambientKeys(work, plan);
    case "awsContainer":
      return (await import("./aws-container.ts")).containerKeys(work, plan);
    case "awsWebIdentity":
      return (await import("./aws-sts.ts")).webIdentity(work, plan);
    case "awsAssumeRole":
      return (await import("./aws-sts.ts")).assumeRole(work, plan, signer);
    case "googleKey":
      return (await import("./google-tokens.ts")).serviceAccountToken(work, plan);
    case "googleMetadata":
      return (await import("./google-tokens.ts")).metadataToken(work, plan);
    case "googleImpersonation":
      return (await import("./google-tokens.ts")).impersonatedToken(work, plan);
    case "azureManagedIdentity":
      return (await import("./azure-managed-identity.ts")).managedIdentityToken(work, plan);
    case "clientCredentials":
      return (await import("./oauth-client.ts")).clientCredentialsToken(work, plan);
    case "tokenExchange":
      return (await import("./oauth-client.ts")).exchangedToken(work, plan, subject);
    case "openaiFederation":
      return (await import("./federated-tokens.ts")).openaiToken(work, plan);
    case "anthropicFederation":
      return (await import("./federated-tokens.ts")).anthropicToken(work, plan);
  }
}
