import type { Socket } from "node:net";
import type { DnsProfile, Origin, Secret, TlsProfile } from "../../src/index.ts";
import { type AddressChoice, createAddressChoice } from "./address-choice.ts";
import { ConnectFailure, connectFailure, connectTimeout, untrusted } from "./connect-failure.ts";
import { dial } from "./dial.ts";
import type { DialContext } from "./dial-context.ts";
import type { Revocation } from "./revocation.ts";
import { createSecure } from "./secure-socket.ts";

/** What a connection is made from; nothing in it comes from a caller. */
export interface ConnectProfile {
  readonly origin: Origin;
  readonly tls: TlsProfile | null;
  readonly clientCertificate: Secret | null;
  /** Null: no revocation lists are asked for. */
  readonly revocation: Revocation | null;
  readonly dns: DnsProfile;
  /** True: the connection must speak HTTP/2, by ALPN under TLS. */
  readonly h2: boolean;
}

/** A connection whose peer is checked, and the address that was dialled. `failed` turns true when it breaks; `errorCode` is the first error's. */
export interface Connection {
  readonly socket: Socket;
  readonly address: string;
  failed: boolean;
  errorCode: string | null;
}

/** Rejects with a `ConnectFailure`; `connectMs` covers resolving, TCP and TLS. */
export type Connect = (connectMs: number) => Promise<Connection>;

/** The only way to a socket: the addresses are checked, then dialled as they are, then the other end is. Throws when an address range cannot be read. */
export function createGuardedConnect(profile: ConnectProfile, { book, resolver, now }: DialContext): Connect {
  const { origin, tls, dns, revocation } = profile;
  const choose: AddressChoice = createAddressChoice(origin.hostname, dns, book, resolver);
  const secure = tls === null ? null : createSecure({ ...profile, tls, revocationLists: revocation?.lists ?? null }, now);

  async function open(connectMs: number, signal: AbortSignal): Promise<Connection> {
    // Before anybody is dialled: with a list that has ended nobody could be believed.
    const fault = revocation?.fault(now()) ?? null;
    if (fault !== null) throw untrusted(fault, "the certificate revocation lists of the destination cannot be used");
    const found = await choose(connectMs / 2);
    if (signal.aborted) throw connectTimeout(connectMs);
    const plain = await dial(found, origin.port, signal, tls === null && !profile.h2);
    const address = plain.remoteAddress ?? "";
    // Covers TLS too: destroying the TCP socket fails the handshake.
    signal.addEventListener("abort", () => void plain.destroy());
    const socket = secure === null ? plain : await secure(plain);
    const connection: Connection = { socket, address, failed: false, errorCode: null };
    socket.on("error", (error: NodeJS.ErrnoException) => {
      connection.failed = true;
      // Those who use the socket make an error of their own of its end, which comes after the alert that says why.
      connection.errorCode ??= error.code ?? null;
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

function ignore(): void {}
