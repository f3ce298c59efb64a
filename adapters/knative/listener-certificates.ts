import type { SecureContext } from "node:tls";
import { chooseListener, type DegradedPort, type ListenerTls, type Secret, type SecretReference, type Snapshot } from "../../src/index.ts";

/** Longest time that a handshake waits for a certificate's store. */
const READ_MS = 5_000;

export interface ListenerCertificatesOptions {
  readonly readSecret: (reference: SecretReference, signal: AbortSignal) => Promise<Secret>;
  /** Told of each certificate that cannot be read or used, once until it changes. The text names its source and quotes nothing of it. */
  readonly onTrouble: (error: Error) => void;
  /** Told while a certificate cannot be read or used; left out: nobody is. */
  readonly degraded?: DegradedPort;
}

/** The certificates of the HTTPS listeners, as handshakes ask for them. */
export interface ListenerCertificates {
  /** Takes over the listeners of a snapshot. */
  load(snapshot: Snapshot): void;
  /** What the most specific HTTPS listener for that name presents; empty: the caller gave no name. Null: no listener takes it, or it cannot be read. Rejects never. */
  choose(serverName: string, port: number | null): Promise<Presented | null>;
}

/** The same object for as long as nothing has changed. */
export interface Presented {
  /** Each one PEM with certificate chain and private key. */
  readonly secrets: readonly Secret[];
  readonly context: SecureContext;
}

/**
 * Values come from the broker's own cache of secrets, which renews them, so that each handshake sees the newest one without waiting. What
 * cannot be used never takes the place of what could.
 */
export function createListenerCertificates(options: ListenerCertificatesOptions): ListenerCertificates {
  let snapshot: Snapshot | null = null;
  const entries = new Map<string, Presented>();
  const told = new Map<string, string>();

  function tell(id: string, text: string): void {
    if (told.get(id) === text) return;
    told.set(id, text);
    options.degraded?.enter("certificate", id, "unreadable", { detail: text });
    options.onTrouble(new Error(`${id}: ${text}`));
  }

  function recovered(id: string): void {
    if (told.delete(id)) options.degraded?.leave("certificate", id);
  }

  async function presentedBy(tls: ListenerTls): Promise<Presented | null> {
    const id = idOf(tls);
    const known = entries.get(id) ?? null;
    try {
      const signal = AbortSignal.timeout(READ_MS);
      const secrets = await Promise.all(tls.certificates.map((reference) => options.readSecret(reference, signal)));
      if (known !== null && secrets.every((secret, i) => secret === known.secrets[i])) {
        recovered(id);
        return known;
      }
      const context = secureContext(secrets);
      if (context === null) {
        tell(id, "the certificate and its key cannot be used");
        return known;
      }
      const presented: Presented = { secrets, context };
      entries.set(id, presented);
      recovered(id);
      return presented;
    } catch {
      // The broker's own events say why.
      tell(id, "the certificate cannot be read");
      return known;
    }
  }

  return {
    load: (next) => {
      snapshot = next;
      const listeners = next.gateways.flatMap((gateway) => gateway.listeners);
      const used = new Set(listeners.flatMap(({ tls }) => (tls === null ? [] : [idOf(tls)])));
      for (const id of entries.keys()) if (!used.has(id)) entries.delete(id);
      for (const id of told.keys()) if (!used.has(id)) recovered(id);
    },
    choose: async (serverName, port) => {
      const tls = snapshot === null ? null : (chooseListener(snapshot, serverName.toLowerCase(), port, "https")?.listener.tls ?? null);
      return tls === null || tls.certificates.length === 0 ? null : presentedBy(tls);
    },
  };
}

function idOf(tls: ListenerTls): string {
  return tls.certificates.map((reference) => reference.id).join(", ");
}

/** Null: OpenSSL cannot read them, or they do not belong together. */
function secureContext(secrets: readonly Secret[]): SecureContext | null {
  const pems = secrets.map((secret) => secret.reveal());
  try {
    return process.getBuiltinModule("node:tls").createSecureContext({ cert: pems, key: pems, minVersion: "TLSv1.2" });
  } catch {
    return null;
  }
}
