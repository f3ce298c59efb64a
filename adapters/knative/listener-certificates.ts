import type { SecureContext } from "node:tls";
import { chooseListener, type DegradedPort, type DegradedReason, type ListenerTls, type Secret, type SecretReference, type Snapshot } from "../../src/index.ts";

/** Longest time that a handshake waits for a certificate's store. */
const READ_MS = 5_000;

export interface ListenerCertificatesOptions {
  readonly readSecret: (reference: SecretReference, signal: AbortSignal) => Promise<Secret>;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Told of each certificate that cannot be read or used or has run out, once until it changes. The text names its source and quotes nothing of it. */
  readonly onTrouble: (error: Error) => void;
  /** Told while a certificate cannot be read or used, or has run out; left out: nobody is. */
  readonly degraded?: DegradedPort;
}

/** The certificates of the HTTPS listeners, as handshakes ask for them. */
export interface ListenerCertificates {
  /** Takes over the listeners of a snapshot, and looks at their certificates. */
  load(snapshot: Snapshot): void;
  /** Looks at the certificate of every listener, so that trouble shows before a caller meets it. Rejects never. */
  look(): Promise<void>;
  /** What the most specific HTTPS listener for that name presents; empty: the caller gave no name. Null: no listener takes it, or it cannot be read. Rejects never. */
  choose(serverName: string, port: number | null): Promise<Presented | null>;
}

/** The same object for as long as nothing has changed. */
export interface Presented {
  /** Each one PEM with certificate chain and private key. */
  readonly secrets: readonly Secret[];
  readonly context: SecureContext;
  /** When the first of them runs out, in milliseconds since the Unix epoch. */
  readonly validUntil: number;
}

/**
 * Values come from the broker's own cache of secrets, which renews them, so that each handshake sees the newest one without waiting. What
 * cannot be used never takes the place of what could.
 */
export function createListenerCertificates(options: ListenerCertificatesOptions): ListenerCertificates {
  let snapshot: Snapshot | null = null;
  const entries = new Map<string, Presented>();
  const told = new Map<string, string>();

  function tell(id: string, reason: DegradedReason<"certificate">, text: string): void {
    if (told.get(id) === text) return;
    told.set(id, text);
    options.degraded?.enter("certificate", id, reason, { detail: text });
    options.onTrouble(new Error(`${id}: ${text}`));
  }

  function recovered(id: string): void {
    if (told.delete(id)) options.degraded?.leave("certificate", id);
  }

  /** It is presented all the same: callers see for themselves that it has run out, and no other is there. */
  function judge(id: string, presented: Presented): Presented {
    if (options.now() < presented.validUntil) recovered(id);
    else tell(id, "expired", "the certificate has run out");
    return presented;
  }

  async function presentedBy(tls: ListenerTls): Promise<Presented | null> {
    const id = idOf(tls);
    const known = entries.get(id) ?? null;
    try {
      const signal = AbortSignal.timeout(READ_MS);
      const secrets = await Promise.all(tls.certificates.map((reference) => options.readSecret(reference, signal)));
      if (known !== null && secrets.every((secret, i) => secret === known.secrets[i])) return judge(id, known);
      const usable = openCertificates(secrets);
      if (usable === null) {
        tell(id, "unreadable", "the certificate and its key cannot be used");
        return known;
      }
      const presented: Presented = { secrets, ...usable };
      entries.set(id, presented);
      return judge(id, presented);
    } catch {
      // The broker's own events say why.
      tell(id, "unreadable", "the certificate cannot be read");
      return known;
    }
  }

  async function look(): Promise<void> {
    await Promise.all([...listenersOf(snapshot).values()].map(presentedBy));
  }

  return {
    load: (next) => {
      snapshot = next;
      const used = listenersOf(next);
      for (const id of entries.keys()) if (!used.has(id)) entries.delete(id);
      for (const id of told.keys()) if (!used.has(id)) recovered(id);
      void look();
    },
    look,
    choose: async (serverName, port) => {
      const tls = snapshot === null ? null : (chooseListener(snapshot, serverName.toLowerCase(), port, "https")?.listener.tls ?? null);
      return tls === null || tls.certificates.length === 0 ? null : presentedBy(tls);
    },
  };
}

function idOf(tls: ListenerTls): string {
  return tls.certificates.map((reference) => reference.id).join(", ");
}

/** Those that have certificates, by the id of these. */
function listenersOf(snapshot: Snapshot | null): ReadonlyMap<string, ListenerTls> {
  const listeners = snapshot?.gateways.flatMap((gateway) => gateway.listeners) ?? [];
  return new Map(listeners.flatMap(({ tls }) => (tls === null || tls.certificates.length === 0 ? [] : [[idOf(tls), tls]])));
}

/** Null: OpenSSL cannot read them, or they do not belong together. */
function openCertificates(secrets: readonly Secret[]): Pick<Presented, "context" | "validUntil"> | null {
  const pems = secrets.map((secret) => secret.reveal());
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  try {
    const context = process.getBuiltinModule("node:tls").createSecureContext({ cert: pems, key: pems, minVersion: "TLSv1.2" });
    // Of a chain the first is the one that is presented.
    return { context, validUntil: Math.min(...pems.map((pem) => Date.parse(new X509Certificate(pem).validTo))) };
  } catch {
    return null;
  }
}
