import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import type { DnsProfile, Origin, Secret, TlsProfile } from "../../src/index.ts";
import type { AddressBook } from "./address-book.ts";
import { createAddressGuard } from "./address-guard.ts";
import { ConnectFailure, connectFailure, connectTimeout, untrusted } from "./connect-failure.ts";
import { dial, SOCKET_BYTES } from "./dial.ts";
import { createIdentityCheck } from "./server-identity.ts";

/** What a connection is made from; nothing in it comes from a caller. */
export interface ConnectProfile {
  readonly origin: Origin;
  readonly tls: TlsProfile | null;
  readonly clientCertificate: Secret | null;
  readonly dns: DnsProfile;
  /** True: the connection must speak HTTP/2, by ALPN under TLS. */
  readonly h2: boolean;
}

/** A connection whose peer is checked, and the address that was dialled. `failed` turns true when it breaks. */
export interface Connection {
  readonly socket: Socket;
  readonly address: string;
  failed: boolean;
}

/** Rejects with a `ConnectFailure`; `connectMs` covers resolving, TCP and TLS. */
export type Connect = (connectMs: number) => Promise<Connection>;

/**
 * The only way to a socket. Every address of the name must be permitted, or none is dialled: a mixed answer is how a name
 * is rebound to the inside (T15). The checked address is dialled, so nothing resolves the name a second time.
 */
export function createGuardedConnect(profile: ConnectProfile, book: AddressBook): Connect {
  const { origin, tls, dns } = profile;
  const permits = createAddressGuard([...dns.allowCIDRs, ...dns.addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`)]);
  const identity = tls === null ? null : createIdentityCheck(tls);
  let context: SecureContext | null = null;
  let session: Buffer | null = null;

  async function addresses(patienceMs: number): Promise<readonly string[]> {
    if (dns.addresses.length > 0) return dns.addresses;
    try {
      return await book.resolve(origin.hostname, patienceMs);
    } catch {
      throw connectFailure("dns", "the destination's name cannot be resolved");
    }
  }

  function secure(socket: Socket, tlsProfile: TlsProfile): Promise<TLSSocket> {
    try {
      context ??= secureContext(tlsProfile, profile.clientCertificate);
    } catch {
      socket.destroy();
      throw connectFailure("tls", "the CA bundle or the client certificate cannot be read");
    }
    const secured = process.getBuiltinModule("node:tls").connect({
      socket,
      secureContext: context,
      servername: tlsProfile.serverName,
      ALPNProtocols: profile.h2 ? ["h2"] : ["http/1.1"],
      rejectUnauthorized: true,
      ...{ highWaterMark: SOCKET_BYTES }, // not in Node's types, and handed on to the stream by its code
      ...(identity !== null ? { checkServerIdentity: identity } : {}),
      ...(session !== null ? { session } : {}),
    });
    secured.on("session", (ticket) => {
      session = ticket;
    });
    return new Promise((resolve, reject) => {
      const failed = (): void => {
        // A ticket that the server no longer takes must not be offered again.
        session = null;
        // Node sets `authorizationError` when the chain or the name was refused, and only then.
        const refused = secured.authorizationError !== undefined && secured.authorizationError !== null;
        reject(refused ? untrusted(`the certificate was refused: ${certificateReason(secured)}`) : connectFailure("tls", "the TLS handshake failed"));
      };
      const closed = (): void => reject(connectFailure("tls", "the connection was closed during the TLS handshake"));
      secured.once("error", failed);
      secured.once("close", closed);
      secured.once("secureConnect", () => {
        secured.off("close", closed);
        secured.off("error", failed);
        if (profile.h2 && secured.alpnProtocol !== "h2") {
          secured.on("error", ignore).destroy();
          reject(connectFailure("tls", "the destination does not speak HTTP/2"));
          return;
        }
        resolve(secured);
      });
    });
  }

  async function open(connectMs: number, signal: AbortSignal): Promise<Connection> {
    const found = await addresses(connectMs / 2);
    if (!found.every(permits)) throw connectFailure("denied", "the destination's name leads to an address that is not allowed");
    if (signal.aborted) throw connectTimeout(connectMs);
    const plain = await dial(found, origin.port, signal, tls === null && !profile.h2);
    const address = plain.remoteAddress ?? "";
    // Covers TLS too: destroying the TCP socket fails the handshake.
    const abort = (): void => void plain.destroy();
    signal.addEventListener("abort", abort, { once: true });
    if (tls === null) plain.on("error", ignore);
    const socket = tls === null ? plain : await secure(plain, tls);
    signal.removeEventListener("abort", abort);
    const connection: Connection = { socket, address, failed: false };
    socket.on("error", () => {
      connection.failed = true;
    });
    return connection;
  }

  return async (connectMs) => {
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(connectTimeout(connectMs));
        controller.abort();
      }, connectMs);
    });
    const opening = open(connectMs, controller.signal);
    try {
      return await Promise.race([opening, late]);
    } catch (error) {
      // Whatever comes about after the time is up is closed.
      opening.then((connection) => connection.socket.destroy(), ignore);
      throw error instanceof ConnectFailure ? error : connectFailure("other", "the connection could not be made");
    } finally {
      clearTimeout(timer);
    }
  };
}

function secureContext(tls: TlsProfile, clientCertificate: Secret | null): SecureContext {
  const pem = clientCertificate?.reveal() ?? null;
  // Here and not at the start of the process, which it makes half as long again: a mesh or a loopback may be all there is.
  return process.getBuiltinModule("node:tls").createSecureContext({
    minVersion: tls.minVersion,
    ...(tls.ca !== null ? { ca: tls.ca } : {}),
    ...(pem !== null ? { cert: pem, key: pem } : {}),
  });
}

/** Node's own code for the reason, such as `CERT_HAS_EXPIRED`; a fixed list of OpenSSL, never text of the peer. */
function certificateReason(socket: TLSSocket): string {
  // Typed as Error, in fact the code of the error, or the error of the identity check.
  const reason: unknown = socket.authorizationError;
  return typeof reason === "string" && /^[A-Z0-9_]+$/.test(reason) ? reason : "the name does not match";
}

function ignore(): void {}
