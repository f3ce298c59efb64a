import type { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { Secret, type SecretStore, SecretStoreError } from "../../src/index.ts";
import { crc32c } from "./crc32c.ts";
import { googleSecretName } from "./google-secret-name.ts";
import { textOf } from "./secret-text.ts";

type ClientOptions = NonNullable<ConstructorParameters<typeof SecretManagerServiceClient>[0]>;

export interface GoogleSecretManagerOptions {
  /** Goes over what the store would tell the client: another endpoint, other credentials. */
  readonly clientOptions?: ClientOptions;
  /** Milliseconds for a read. The client's own time limit was seen to be passed by seconds. */
  readonly deadlineMs?: number;
}

const MAX_CLIENTS = 32;

/** gRPC waits up to two minutes before it dials again: the end of an outage would be seen by then only. Milliseconds. */
const RECONNECT = { "grpc.initial_reconnect_backoff_ms": 250, "grpc.max_reconnect_backoff_ms": 1_000 };

/** Secrets in Google Secret Manager, by Application Default Credentials. The client, 350 ms of CPU, is loaded with the first secret. */
export function createGoogleSecretManagerStore(options: GoogleSecretManagerOptions = {}): SecretStore {
  const { clientOptions = {}, deadlineMs = 4_500 } = options;
  const clients = new Map<string, SecretManagerServiceClient>();

  async function clientFor(place: string | null): Promise<SecretManagerServiceClient> {
    const { SecretManagerServiceClient: Client } = await import("@google-cloud/secret-manager");
    const key = place ?? "global";
    const known = clients.get(key);
    if (known !== undefined) return known;
    const [oldest] = clients.size < MAX_CLIENTS ? [] : clients;
    if (oldest !== undefined) {
      clients.delete(oldest[0]);
      oldest[1].close().catch(() => {});
    }
    // A regional secret is served by its region's endpoint alone, and never leaves it.
    const endpoint = place === null ? {} : { apiEndpoint: `secretmanager.${place}.rep.googleapis.com` };
    const client = new Client({ ...endpoint, ...RECONNECT, ...clientOptions });
    clients.set(key, client);
    return client;
  }

  return {
    providers: new Set(["googleSecretManager"] as const),
    async fetch(location, signal) {
      if (location.provider !== "googleSecretManager") throw new SecretStoreError("missing", `Google Secret Manager holds no ${location.provider}`);
      const { name, place } = googleSecretName(location);
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
      const stopped = rejectOn(deadline);
      try {
        return await Promise.race([clientFor(place).then((client) => read(client, name, deadlineMs, deadline)), stopped.promise]);
      } catch (error) {
        throw error instanceof SecretStoreError ? error : storeError(error);
      } finally {
        stopped.release();
      }
    },
  };
}

async function read(client: SecretManagerServiceClient, name: string, timeout: number, signal: AbortSignal): Promise<Secret> {
  // The client would try for seconds while the caller waits; the cache has a law of its own for that.
  const [answer] = await client.accessSecretVersion({ name }, { timeout, retry: null, signal });
  const data = answer.payload?.data;
  const expected = answer.payload?.dataCrc32c;
  if (data === undefined || data === null || expected === undefined || expected === null) {
    throw new SecretStoreError("malformed", "Google Secret Manager answered without a value or its check sum");
  }
  const bytes = typeof data === "string" ? Buffer.from(data, "base64") : data;
  if (String(expected) !== String(crc32c(bytes))) throw new SecretStoreError("malformed", "the check sum of Google Secret Manager's answer is wrong");
  return new Secret(textOf(bytes), answer.name?.split("/").at(-1) ?? null);
}

function rejectOn(signal: AbortSignal): { readonly promise: Promise<never>; release(): void } {
  let leave = () => {};
  const promise = new Promise<never>((_, reject) => {
    leave = () => reject(new SecretStoreError("unavailable", "Google Secret Manager did not answer in time, or the read was cancelled"));
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
  return { promise, release: () => signal.removeEventListener("abort", leave) };
}

/** gRPC codes that are answers: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION (disabled or destroyed), PERMISSION_DENIED, UNAUTHENTICATED. All else is an outage. */
const REASONS: ReadonlyMap<unknown, "denied" | "missing"> = new Map([
  [3, "missing"],
  [5, "missing"],
  [9, "missing"],
  [7, "denied"],
  [16, "denied"],
]);

/** By the code only: messages quote names, and stacks of credentials libraries quote more. */
function storeError(error: unknown): SecretStoreError {
  const code = error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : null;
  return new SecretStoreError(REASONS.get(code) ?? "unavailable", `Google Secret Manager: ${code === null ? "no answer" : `gRPC code ${code}`}`);
}
