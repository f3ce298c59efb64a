import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import type { RevocationList, Secret, TlsProfile } from "../../src/index.ts";
import { connectFailure, untrusted } from "./connect-failure.ts";
import { SOCKET_BYTES } from "./dial.ts";
import { createIdentityCheck } from "./server-identity.ts";
import { clientRefusal, untrustedReason } from "./untrusted-reason.ts";

export interface SecureProfile {
  readonly tls: TlsProfile;
  readonly clientCertificate: Secret | null;
  /** Null: none are asked for. */
  readonly revocationLists: readonly RevocationList[] | null;
  /** True: HTTP/2 must be chosen by ALPN. */
  readonly h2: boolean;
}

/** A session that another connection may resume, until the certificate that was checked for it ends. */
interface Resumable {
  readonly ticket: Buffer;
  readonly until: number;
}

/** Makes the handshake over a fresh TCP connection and checks the other end. Rejects with a `ConnectFailure`; the socket is then destroyed. */
export function createSecure({ tls, clientCertificate, revocationLists, h2 }: SecureProfile, now: () => number): (socket: Socket) => Promise<TLSSocket> {
  const identity = createIdentityCheck(tls);
  // A resumed session shows no certificate: where a key or a list counts, each connection has to show it anew.
  const resumes = tls.pins.length === 0 && tls.crl === null;
  let context: SecureContext | null = null;
  let session: Resumable | null = null;

  return (socket) => {
    try {
      context ??= secureContext(tls, clientCertificate, revocationLists);
    } catch {
      socket.destroy();
      return Promise.reject(connectFailure("tls", "the CA bundle or the client certificate cannot be read"));
    }
    const offered = resumes && session !== null && now() < session.until ? session : null;
    let until = offered?.until ?? 0;
    let verified = false;
    let ticket: Buffer | null = null;
    const secured = process.getBuiltinModule("node:tls").connect({
      socket,
      secureContext: context,
      servername: tls.serverName,
      ALPNProtocols: h2 ? ["h2"] : ["http/1.1"],
      rejectUnauthorized: true,
      ...{ highWaterMark: SOCKET_BYTES }, // not in Node's types, and handed on to the stream by its code
      // Called for each whole handshake, and not for a resumed one.
      checkServerIdentity: (hostname, certificate) => {
        until = Date.parse(certificate.valid_to);
        return identity(hostname, certificate);
      },
      ...(offered !== null ? { session: offered.ticket } : {}),
    });
    if (resumes)
      secured.on("session", (issued) => {
        // TLS 1.2 issues it before the certificate is judged: one of a connection that fails must never be offered, for it would skip that.
        if (verified) session = { ticket: issued, until };
        else ticket = issued;
      });
    return new Promise((resolve, reject) => {
      const failed = (error: unknown): void => {
        // A ticket that the server no longer takes must not be offered again.
        session = null;
        reject(handshakeFailure(secured, error, clientCertificate !== null));
      };
      const closed = (): void => reject(connectFailure("tls", "the connection was closed during the TLS handshake"));
      secured.once("error", failed);
      secured.once("close", closed);
      secured.once("secureConnect", () => {
        secured.off("close", closed);
        secured.off("error", failed);
        if (h2 && secured.alpnProtocol !== "h2") {
          secured.on("error", ignore).destroy();
          reject(connectFailure("tls", "the destination does not speak HTTP/2"));
          return;
        }
        verified = true;
        if (ticket !== null) session = { ticket, until };
        resolve(secured);
      });
    });
  };
}

function secureContext(tls: TlsProfile, clientCertificate: Secret | null, lists: readonly RevocationList[] | null): SecureContext {
  const pem = clientCertificate?.reveal() ?? null;
  // Here and not at the start of the process, which it makes half as long again: a mesh or a loopback may be all there is.
  return process.getBuiltinModule("node:tls").createSecureContext({
    minVersion: tls.minVersion,
    ...(tls.ca !== null ? { ca: tls.ca } : {}),
    // With lists OpenSSL asks for one of every issuer in the chain (X509_V_FLAG_CRL_CHECK_ALL), and for its signature and its time.
    ...(lists !== null ? { crl: lists.map((list) => list.pem) } : {}),
    ...(pem !== null ? { cert: pem, key: pem } : {}),
  });
}

function handshakeFailure(secured: TLSSocket, error: unknown, presented: boolean): Error {
  // Typed as Error, in fact the code of the error. Node sets it when the chain or the identity was refused, and only then.
  const refused: unknown = secured.authorizationError;
  if (refused !== undefined && refused !== null) return untrusted(untrustedReason(refused), "the certificate was refused");
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const asked = clientRefusal(code, presented);
  if (asked !== null) return untrusted(asked, "the destination did not accept us without another client certificate");
  return connectFailure("tls", "the TLS handshake failed");
}

function ignore(): void {}
